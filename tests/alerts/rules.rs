//! The alert rules as files: each alert has a severity, a text, a runbook and a test.

use std::{collections::BTreeSet, fs};

use serde_norway::Value;

use crate::support::tools::repository;

/// The alerts whose faults no test can inject; the unit tests of the rules cover them.
const UNIT_TESTED_ONLY: &[&str] = &[
    // Needs a bug.
    "VaultAuthPanic",
    // Needs a machine without CPU time.
    "VaultAuthCachedRequestsSlow",
    // Needs a disk that is full until megabytes of records wait.
    "VaultAuthDecisionsNotLogged",
];

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns all rules of both files.
fn rules() -> Vec<Value> {
    let mut rules = Vec::new();
    for name in ["ratios", "vault-auth"] {
        let text = read(&format!("deploy/observability/prometheus/rules/{name}.rules.yml"));
        let file: Value = serde_norway::from_str(&text).expect("YAML");
        for group in file["groups"].as_sequence().expect("groups") {
            rules.extend(group["rules"].as_sequence().expect("rules").iter().cloned());
        }
    }
    rules
}

fn alerts() -> Vec<Value> {
    rules().into_iter().filter(|rule| rule.get("alert").is_some()).collect()
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value:?}"))
}

/// Returns the text of all files of a folder, but for this one.
fn all_files(folder: &str) -> String {
    let files = fs::read_dir(repository(folder)).expect("a folder");
    let files = files.map(|entry| entry.expect("an entry").path());
    let others = files.filter(|path| !path.ends_with("alerts/rules.rs"));
    others.map(fs::read_to_string).collect::<Result<String, _>>().expect("text")
}

/// Returns the sections of a Markdown page as pairs of anchor and text. The anchor is that of GitHub,
/// GitLab and Gitea.
fn sections(page: &str) -> Vec<(String, String)> {
    let parts = page.split("\n#").skip(1).map(|part| part.trim_start_matches('#'));
    let anchor = |heading: &str| {
        let kept = heading.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().replace(' ', "-")
    };
    parts
        .map(|part| {
            let (heading, body) = part.split_once('\n').expect("a heading");
            (anchor(heading), body.to_owned())
        })
        .collect()
}

#[test]
fn alerts_name_severity_and_remedy() {
    let alerts = alerts();
    assert!(alerts.len() > 25, "{} alerts", alerts.len());
    for alert in &alerts {
        let name = text(alert, "alert");
        let severity = text(&alert["labels"], "severity");
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
        let (summary, description) =
            (text(&alert["annotations"], "summary"), text(&alert["annotations"], "description"));
        assert!(summary.len() < 80 && !summary.ends_with('.'), "{name}: {summary}");
        assert!(description.len() > summary.len() && description.ends_with('.'), "{name}");
    }
}

#[test]
fn alerts_link_to_their_runbooks() {
    let page = read("docs/operations.md");
    let all = sections(&page);
    let anchors: BTreeSet<_> = all.iter().map(|(anchor, _)| anchor).collect();
    assert_eq!(anchors.len(), all.len(), "two sections have the same anchor");
    let mut linked = BTreeSet::new();
    for alert in alerts() {
        let name = text(&alert, "alert").to_owned();
        let url = text(&alert["annotations"], "runbook_url");
        let anchor = url.strip_prefix("{{ $externalLabels.runbooks }}#").expect("a link");
        let section = all.iter().find(|(this, _)| this == anchor);
        let (_, body) = section.unwrap_or_else(|| panic!("{name}: there is no section {anchor}"));
        assert!(body.contains(&format!("`{name}`")), "{name} is not in the section {anchor}");
        linked.insert(anchor.to_owned());
    }
    let (_, runbooks) = page.split_once("\n## Alerts\n").expect("runbooks");
    let (runbooks, _) = runbooks.split_once("\n## ").expect("a next chapter");
    for (anchor, _) in sections(runbooks) {
        assert!(linked.contains(&anchor), "no alert links to {anchor}");
    }
}

#[test]
fn each_alert_has_tests() {
    let unit_tests = all_files("deploy/observability/prometheus/tests");
    let real_tests = all_files("tests/alerts");
    for alert in alerts() {
        let name = text(&alert, "alert").to_owned();
        assert!(unit_tests.contains(&format!("alertname=\"{name}\"")), "{name} has no unit test");
        let is_fired = real_tests.contains(&format!("\"{name}\""));
        let is_listed = UNIT_TESTED_ONLY.contains(&&*name);
        assert!(is_fired != is_listed, "no test injects the fault of {name}, or it is listed");
    }
}

/// Returns the names of metrics in a query.
fn metrics_in(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':')));
    words.filter(|word| word.starts_with("vault_auth_") || word.starts_with("process_"))
}

#[test]
fn rules_use_documented_metrics() {
    let page = read("docs/metrics.md");
    for rule in rules() {
        let query = text(&rule, "expr");
        for metric in metrics_in(query) {
            let ends = ["_bucket", "_count", "_sum"];
            let base = ends.iter().find_map(|end| metric.strip_suffix(end)).unwrap_or(metric);
            assert!(page.contains(&format!("`{base}`")), "there is no metric {metric}:\n{query}");
        }
    }
}
