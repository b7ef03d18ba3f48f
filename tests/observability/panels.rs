//! Every panel's query on made-up telemetry, with the right numbers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    dashboards::{Dashboard, Panel, Source},
    database::{Answer, run},
    macros::View,
    platform::{FROM, MINUTES, TO, rows},
};

/// The reading of a panel's values.
#[derive(Clone, Copy, Debug)]
enum Reading {
    /// A rate: the sum of its values times the interval, per minute and replica.
    Rate,
    /// The sum of its values, per minute and replica.
    PerMinute,
    /// The sum of its values.
    Sum,
    /// Each of its values.
    Each,
}
use Reading::{Each, PerMinute, Rate, Sum};

/// The expected values of a panel, by the label or the column.
type Expected = (&'static str, Reading, &'static [(&'static str, f64)]);

/// The expected values of the panels.
const EXPECTED: &[Expected] = &[
    ("Requests", Each, &[("requests", 200.0 / 60.0)]),
    ("Refused", Each, &[("refused", 0.3)]),
    ("Not decided", Each, &[("errors", 0.1)]),
    ("Latency, 99 %", Each, &[("latency", 0.004_875)]),
    ("Cache hits", Each, &[("hits", 0.8)]),
    ("Revocation delay, 99 %", Each, &[("delay", 0.02485)]),
    ("Decisions", Rate, &[("allow", 60.0), ("deny", 30.0), ("unknown", 10.0)]),
    (
        "Refusals by reason",
        Rate,
        &[("token_invalid", 20.0), ("tenant_mismatch", 10.0), ("vault_sealed", 10.0)],
    ),
    (
        "Refusals by host",
        Rate,
        &[("crm.example.com", 8.0 / 120.0), ("erp.example.com", 4.0 / 120.0)],
    ),
    (
        "Latency of /validate",
        Each,
        &[
            ("50 %", 0.000_040_625),
            ("95 %", 0.004_375),
            ("99 %", 0.004_875),
            ("99.9 %", 0.004_987_5),
        ],
    ),
    ("Latency by cache status, 99 %", Each, &[("hit", 0.000_049_75), ("miss", 0.004_975)]),
    ("Cache hit ratio", Each, &[("hits", 0.8)]),
    ("Lookups of tokens", Rate, &[("hit", 80.0), ("miss", 15.0), ("stale", 5.0)]),
    ("Evictions", Rate, &[("expired", 3.0), ("revoked", 2.0)]),
    ("Requests to Vault", Rate, &[("lookup", 19.0), ("encrypt", 6.0)]),
    ("Failed requests to Vault", Rate, &[("lookup sealed", 4.0)]),
    ("Latency of Vault, 99 %", Each, &[("lookup", 0.004_975), ("encrypt", 0.009_95)]),
    ("Requests that wait for Vault", Each, &[("aaaaaaaa", 2.0), ("bbbbbbbb", 2.0)]),
    ("Revocation delay", Each, &[("50 %", 0.0175), ("99 %", 0.02485)]),
    ("Audit entries", Rate, &[("evicted", 2.0), ("ignored", 6.0)]),
    ("Refused by a rate limit", Rate, &[("validate", 7.0)]),
    ("Lines left out of the log", Rate, &[("denials", 9.0)]),
    ("Connections", Each, &[("auth", 20.0), ("api", 6.0)]),
    ("Telemetry that was lost", Rate, &[("spans", 3.0)]),
    (
        "Cached tokens",
        Each,
        &[
            ("live aaaaaaaa", 50.0),
            ("live bbbbbbbb", 50.0),
            ("refused aaaaaaaa", 5.0),
            ("refused bbbbbbbb", 5.0),
        ],
    ),
    ("Ready replicas", Each, &[("replicas", 2.0)]),
    ("Replicas without Vault", Each, &[("replicas", 2.0)]),
    ("Own token", Each, &[("remaining", 1800.0)]),
    ("Failed own logins", Each, &[("logins", 120.0)]),
    ("Policies that differ", Each, &[("policies", 3.0)]),
    ("Last audit entry", Each, &[("age", 10.0)]),
    ("Vault's state", Each, &[("aaaaaaaa", 4.0), ("bbbbbbbb", 4.0)]),
    ("Ready", Each, &[("aaaaaaaa", 1.0), ("bbbbbbbb", 1.0)]),
    ("Remaining lifetime of the own token", Each, &[("aaaaaaaa", 1800.0), ("bbbbbbbb", 1800.0)]),
    ("Own logins", PerMinute, &[("ok", 2.0), ("denied", 1.0)]),
    ("Lookups of tokens in Vault", Rate, &[("ok", 15.0), ("sealed", 4.0)]),
    ("Latency of lookups", Each, &[("50 %", 0.00375), ("95 %", 0.004_875), ("99 %", 0.004_975)]),
    ("Secrets per tenant", Rate, &[("acme", 5.0), ("globex", 1.0)]),
    (
        "Operations by tenant",
        PerMinute,
        &[("read acme", 4.0), ("list acme", 1.0), ("read globex", 1.0)],
    ),
    ("Secret operations by outcome", Rate, &[("read ok", 5.0), ("write denied", 1.0)]),
    ("Rotations", PerMinute, &[("ok", 2.0)]),
    ("Policy drift", Each, &[("changed", 2.0), ("missing", 0.0), ("extra", 1.0)]),
    ("Policy checks", PerMinute, &[("ok", 1.0)]),
    ("Logins of people", Rate, &[("ok", 3.0), ("wrong_credentials", 2.0)]),
    ("Responses of the API", Rate, &[("/v1/secrets 200", 5.0)]),
    (
        "Slowest calls to Vault",
        Sum,
        &[("lookup ok 01010101010101010101010101010101 r-1", 1.0 + 2.0 + 3.0)],
    ),
];

/// The panels that are tables of several columns, and their first rows without times.
const TABLES: &[(&str, &str)] = &[
    (
        "Refusals by route",
        r#"[{"host": "crm.example.com", "path": "/contacts", "code": "token_invalid",
             "refusals": 8, "clients": 1},
            {"host": "erp.example.com", "path": "/orders", "code": "tenant_mismatch",
             "refusals": 4, "clients": 1}]"#,
    ),
    (
        "Latest refusals",
        r#"[{"code": "token_invalid", "client": "192.0.2.7", "tenant": "", "entity_id": "",
             "method": "GET", "host": "crm.example.com", "path": "/contacts",
             "request_id": "01", "trace_id": ""}]"#,
    ),
    (
        "Latency by route",
        r#"[{"listener": "auth", "method": "GET", "route": "/validate", "requests": 12000,
             "50 %": 0.0000375, "99 %": 0.00004975}]"#,
    ),
];

const INTERVAL: u64 = 60;

fn view() -> View {
    View { from: FROM, to: TO, interval: INTERVAL, selected: BTreeMap::new() }
}

fn clickhouse_panels() -> Vec<Panel> {
    let panels = Dashboard::all().iter().flat_map(Dashboard::panels).collect::<Vec<_>>();
    panels.into_iter().filter(|panel| panel.source == Source::ClickHouse).collect()
}

/// Returns the values of each series: by its labels, or by the column if there are none.
fn series(answer: &Answer) -> BTreeMap<String, Vec<f64>> {
    let mut series = BTreeMap::<String, Vec<f64>>::new();
    for row in answer {
        let columns = row.as_object().expect("columns").iter();
        let columns = columns.filter(|(name, _)| !matches!(name.as_str(), "time" | "at" | "last"));
        let (labels, values): (Vec<_>, Vec<_>) = columns.partition(|(_, value)| value.is_string());
        let label: Vec<_> = labels.iter().filter_map(|(_, value)| value.as_str()).collect();
        for (name, value) in values {
            let key = if label.is_empty() { name.clone() } else { label.join(" ") };
            series.entry(key).or_default().push(value.as_f64().unwrap_or(f64::NAN));
        }
    }
    series
}

fn is_close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * expected.abs().max(1e-3)
}

fn check(panel: &Panel, answer: &Answer, reading: Reading, expected: &[(&str, f64)]) {
    let found = series(answer);
    let labels: BTreeSet<_> = found.keys().map(String::as_str).collect();
    assert_eq!(labels, expected.iter().map(|(label, _)| *label).collect(), "{}", panel.name);
    for (label, expected) in expected {
        let values = &found[*label];
        let sum: f64 = values.iter().sum();
        let interval = f64::from(u32::try_from(INTERVAL).expect("small"));
        let (found, expected) = match reading {
            Rate => (sum * interval, expected * f64::from(MINUTES)),
            PerMinute => (sum, expected * f64::from(MINUTES)),
            Sum => (sum, *expected),
            Each => {
                let wrong = values.iter().find(|value| !is_close(**value, *expected));
                (wrong.copied().unwrap_or(*expected), *expected)
            }
        };
        assert!(is_close(found, expected), "{}: {label}: {found}, not {expected}", panel.name);
        assert!(values.iter().all(|value| *value >= 0.0), "{}: {label}: {values:?}", panel.name);
    }
}

fn check_table(panel: &Panel, answer: &Answer, expected: &str) {
    let expected: Answer = serde_json::from_str(expected).expect("JSON");
    assert!(answer.len() >= expected.len(), "{}: {answer:?}", panel.name);
    for (row, expected) in answer.iter().zip(&expected) {
        let columns = row.as_object().expect("columns").iter();
        let found = columns.filter(|(name, _)| !matches!(name.as_str(), "at" | "last"));
        let is_same = |found: &Value, expected: &Value| match (found.as_f64(), expected.as_f64()) {
            (Some(found), Some(expected)) => is_close(found, expected),
            _ => found == expected,
        };
        for (name, found) in found {
            let expected = &expected[name];
            assert!(is_same(found, expected), "{}: {name}: {found}, not {expected}", panel.name);
        }
    }
}

#[test]
fn o2_every_panel_has_the_right_numbers() {
    let panels = clickhouse_panels();
    let queries: Vec<_> = panels.iter().map(|panel| view().expand(&panel.query)).collect();
    let answers = run(&rows(), &queries);
    for (panel, answer) in panels.iter().zip(&answers) {
        assert!(!answer.is_empty(), "o3: {} is empty", panel.name);
        let expected = EXPECTED.iter().find(|(title, _, _)| *title == panel.title);
        let table = TABLES.iter().find(|(title, _)| *title == panel.title);
        match (expected, table) {
            (Some((_, reading, expected)), None) => check(panel, answer, *reading, expected),
            (None, Some((_, expected))) => check_table(panel, answer, expected),
            _ => panic!("{}: nothing is expected of it", panel.name),
        }
    }
}

#[test]
fn variables_list_and_select_their_values() {
    let selections: [(&str, &str, &str, f64); 4] = [
        ("instance", "bbbbbbbb-2", "Decisions", 100.0 * 30.0),
        ("host", "erp.example.com", "Refusals by host", 4.0),
        ("tenant", "acme", "Refusals by host", 4.0),
        ("tenant", "globex", "Secrets per tenant", 120.0),
    ];
    let mut queries = Vec::new();
    for dashboard in Dashboard::all() {
        queries.extend(dashboard.variables().iter().map(|(_, query)| view().expand(query)));
    }
    let panels = clickhouse_panels();
    for (variable, value, title, _) in selections {
        let panel = panels.iter().find(|panel| panel.title == title).expect(title);
        let selected = [(variable, vec![value.to_owned()])].into();
        queries.push(View { selected, ..view() }.expand(&panel.query));
    }
    let mut answers = run(&rows(), &queries).into_iter();
    let instances = ["aaaaaaaa-1", "bbbbbbbb-1", "bbbbbbbb-2"];
    let hosts = ["crm.example.com", "erp.example.com"];
    let lists: [&[&str]; 5] = [&instances, &hosts, &["acme"], &instances, &["acme", "globex"]];
    for list in lists {
        let answer = answers.next().expect("an answer");
        let values = answer.iter().flat_map(|row| row.as_object().expect("columns").values());
        assert_eq!(values.filter_map(Value::as_str).collect::<Vec<_>>(), list);
    }
    for ((variable, value, title, expected), answer) in selections.into_iter().zip(answers) {
        let sum: f64 = series(&answer).values().flatten().sum();
        assert!(is_close(sum * 60.0, expected), "{variable}={value}: {title}: {}", sum * 60.0);
    }
}

#[test]
fn long_ranges_have_the_same_totals() {
    let view = View { from: FROM - 7 * 86400, to: TO, interval: 1800, selected: BTreeMap::new() };
    let panels = clickhouse_panels();
    let panel = panels.iter().find(|panel| panel.title == "Decisions").expect("the panel");
    let answers = run(&rows(), &[view.expand(&panel.query)]);
    let sum: f64 = series(&answers[0]).values().flatten().sum();
    assert!(is_close(sum * 1800.0, 100.0 * f64::from(MINUTES)), "{}", sum * 1800.0);
}
