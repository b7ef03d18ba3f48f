//! `docs/metrics.md` lists every metric.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use http::{Method, StatusCode};
use vault_auth_validator::{
    auth::Refusal,
    telemetry::{
        AddressAvailability, AuditEntryOutcome, AuditFeedState, DecisionLogOutcome, Limiter,
        ListenerName, Metrics, MetricsFormat, MetricsSnapshot, PolicyDrift, SecretOperation,
        SecretOutcome, ServedRequest, record_decision_log, record_omitted_lines,
    },
    token::{CacheStatus, EvictionCounts},
};

use super::names;
use crate::support::tools::repository;

const FORMER: &str = "## Former names";

/// A metric: its type, labels and unit.
type Metric = (String, BTreeSet<String>, String);

/// Returns all metrics in `OpenMetrics`, each with a sample.
fn every_metric() -> String {
    let metrics = Metrics::default();
    metrics.record_denied(&Refusal::TokenInvalid.problem_spec());
    let response = (&Method::GET, StatusCode::BAD_GATEWAY);
    metrics.record_validate(Some(CacheStatus::Miss), response, Duration::ZERO);
    metrics.record_response(&ServedRequest {
        listener: ListenerName::Api,
        method: &Method::GET,
        route: Some("/"),
        status: StatusCode::OK,
        duration: Duration::ZERO,
    });
    metrics.record_audit_entry(AuditEntryOutcome::Ignored);
    metrics.set_audit_feed(Some(AuditFeedState::Complete));
    metrics.record_vault_request("lookup", "ok");
    metrics.record_vault_duration("lookup", Duration::ZERO);
    metrics.set_vault_address("http://127.0.0.1:8200", AddressAvailability::Up);
    metrics.record_secret_operation(SecretOperation::Read, SecretOutcome::Ok);
    metrics.record_tenant_operation(Some("acme"), SecretOperation::Read);
    metrics.set_policy_drift_interval(Duration::from_hours(1));
    metrics.record_policy_drift(PolicyDrift::default());
    record_omitted_lines("denials", 1);
    record_decision_log(DecisionLogOutcome::Written, 1);
    let snapshot = MetricsSnapshot {
        is_ready: true,
        cached_tokens: (0, 0),
        evictions: EvictionCounts::default(),
        vault_state: "up",
        token_remaining: Some(Duration::ZERO),
        limited_addresses: vec![(Limiter::Validate, 0)],
    };
    metrics.render(&snapshot, MetricsFormat::OpenMetrics)
}

/// Returns the names of the labels of all samples of a metric.
fn labels(openmetrics: &str, name: &str) -> BTreeSet<String> {
    let samples = openmetrics.lines().filter_map(|line| line.split_once('{'));
    let of_metric = samples.filter(|(sample, _)| {
        ["", "_sum", "_count", "_bucket"].iter().any(|suffix| *sample == format!("{name}{suffix}"))
    });
    let lists = of_metric.filter_map(|(_, rest)| rest.split_once('}'));
    let names = lists.flat_map(|(labels, _)| labels.split("\",")).filter_map(|label| {
        label.split_once('=').map(|(name, _)| name.to_owned()).filter(|name| name != "le")
    });
    names.collect()
}

fn unit(name: &str) -> &'static str {
    match name.trim_end_matches("_total").rsplit('_').next() {
        Some("seconds") => "s",
        Some("bytes") => "By",
        _ => "",
    }
}

/// Returns the cells of the rows of all tables, without those of the heading.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn spans(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn read_page() -> String {
    fs::read_to_string(repository("docs/metrics.md")).expect("the page")
}

#[test]
fn page_lists_every_metric() {
    let page = read_page();
    let (current, rest) = page.split_once(FORMER).expect("the former names");
    let documented: BTreeMap<String, Metric> = rows(current)
        .iter()
        .map(|cells| match cells[..] {
            [name, kind, labels, unit, _] => {
                let name = spans(name).into_iter().next().expect("a name");
                (name, (kind.to_owned(), spans(labels), unit.to_owned()))
            }
            _ => panic!("{cells:?}"),
        })
        .collect();
    let openmetrics = every_metric();
    let (former, _) = rest.split_once("\n## ").expect("another section");
    let former: BTreeMap<_, _> =
        rows(former).iter().map(|cells| (spans(cells[0]), spans(cells[1]))).collect();
    let former_names: BTreeSet<_> = former.keys().flatten().cloned().collect();
    let registered: BTreeMap<String, Metric> = names(&openmetrics)
        .into_iter()
        .filter(|name| !former_names.contains(name))
        .map(|name| {
            let family = name.trim_end_matches("_total").trim_end_matches("_info");
            let kind = openmetrics
                .lines()
                .find_map(|line| line.strip_prefix(&format!("# TYPE {family} ")))
                .expect("a type");
            let metric = (kind.to_owned(), labels(&openmetrics, &name), unit(&name).to_owned());
            (name, metric)
        })
        .collect();
    assert!(registered.len() > 40, "{}", registered.len());
    assert_eq!(documented, registered);
}

#[test]
fn former_names_are_the_same_instances() {
    let page = read_page();
    let (_, rest) = page.split_once(FORMER).expect("the former names");
    let (former, _) = rest.split_once("\n## ").expect("another section");
    let openmetrics = every_metric();
    let series = |name: &str| -> BTreeSet<String> {
        let samples = openmetrics.lines().filter_map(|line| line.strip_prefix(name));
        samples.filter(|rest| rest.starts_with([' ', '{'])).map(str::to_owned).collect()
    };
    let rows = rows(former);
    assert_eq!(rows.len(), 9);
    for cells in rows {
        let name = |cell: &str| spans(cell).into_iter().next().expect("a name");
        let (old, new) = (name(cells[0]), name(cells[1]));
        assert!(!series(&old).is_empty(), "{old}");
        assert_eq!(series(&old), series(&new), "{old} and {new}");
    }
}
