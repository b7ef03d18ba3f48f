//! The documents that the console consists of.

use std::{collections::BTreeSet, fs, net::IpAddr, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    ConsoleData, ConsolePage, ExplainProblem, ExplanationPage, ReadinessState, ServiceTokenState,
    assets::{SCRIPT, STYLE},
    content_security_policy,
    text::ConsoleText,
};
use crate::{
    auth::{AuthCheck, DecisionExplanation, Refusal},
    login::pages::Language,
    telemetry::{HistogramReading, MetricsSample, RecentDenial, RecentMetrics, RecentMinute},
};

const LANGUAGES: [Language; 2] = [Language::English, Language::Spanish];

const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=y>&amp;{{ 7*7 }}";

/// Returns a minute with decisions for each of these reasons.
fn minute(number: i64, reasons: &[(&str, u64)]) -> RecentMinute {
    let counts = reasons.iter().map(|(reason, count)| ((*reason).to_owned(), *count));
    let bounds = [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.001, 0.01, 0.1, f64::INFINITY];
    let latencies = |counts: [u64; 8]| HistogramReading {
        buckets: bounds.into_iter().zip(counts).collect(),
        sum: 1.0,
    };
    let durations = [
        ("hit".to_owned(), latencies([number.unsigned_abs() % 3, 90, 4, 1, 0, 0, 0, 0])),
        ("miss".to_owned(), latencies([0, 0, 0, 0, 2, number.unsigned_abs() % 7, 1, 0])),
    ];
    let changes = MetricsSample {
        decisions: counts.collect(),
        lookups: [("hit".to_owned(), 900), ("miss".to_owned(), 3)].into(),
        durations: durations.into(),
        vault_durations: [("lookup".to_owned(), latencies([0, 0, 0, 0, 2, 1, 0, 0]))].into(),
        vault_failures: [("lookup".to_owned(), 1)].into(),
    };
    RecentMinute { start: Timestamp::from_second(number * 60).expect("a time"), changes }
}

fn denial(text: &str) -> Arc<RecentDenial> {
    Arc::new(RecentDenial {
        time: Timestamp::from_second(1_790_000_000).expect("a time"),
        count: 3,
        request_id: text.to_owned(),
        result: "deny",
        code: "tenant_mismatch",
        host: Some(text.to_owned()),
        method: Some(text.to_owned()),
        path: Some(text.to_owned()),
        client: Some(IpAddr::from([192, 0, 2, 7])),
        subject: Some(text.to_owned()),
        entity_id: Some(text.to_owned()),
        tenant: Some(text.to_owned()),
    })
}

fn page(language: Language, recent: &RecentMetrics, denials: &[Arc<RecentDenial>]) -> String {
    let data = ConsoleData {
        now: Timestamp::from_second(1_790_000_000).expect("a time"),
        readiness: ReadinessState::NotReady { reason: "vault_sealed", detail: Some(HOSTILE) },
        vault: "sealed",
        service_token: ServiceTokenState::Remaining(Duration::from_secs(4000)),
        cached_tokens: (7, 2),
        recent,
        denials,
    };
    ConsolePage { data: Some(data) }.render(language)
}

/// Returns all documents in a language: pages with and without data, and explanations.
fn documents(language: Language) -> Vec<String> {
    let reasons = [("ok", 4000), ("tenant_mismatch", 3), ("vault_unavailable", 1)];
    let minutes: Vec<_> = (0..60).map(|number| minute(number, &reasons)).collect();
    let total = minutes[7].changes.clone();
    let recent = RecentMetrics { minutes, total };
    let check = |outcome| AuthCheck {
        name: HOSTILE.to_owned(),
        outcome,
        reason: HOSTILE.to_owned(),
        path: None,
    };
    let explanation = DecisionExplanation {
        outcome: Err(Refusal::RequestInvalid(HOSTILE.to_owned())),
        entry: None,
        checks: vec![check(Ok(())), check(Err(Refusal::TenantMismatch))],
    };
    vec![
        page(language, &recent, &[denial(HOSTILE), denial("crm.example.com")]),
        page(language, &RecentMetrics::default(), &[]),
        ConsolePage { data: None }.render(language),
        ExplanationPage::Decision(&explanation).render(language),
        ExplanationPage::Unknown(&Refusal::Internal).render(language),
        ExplanationPage::Problem(ExplainProblem::Requirements(HOSTILE.to_owned())).render(language),
    ]
}

/// Returns a document without the style sheet and the script.
fn markup(document: &str) -> String {
    document.replace(STYLE, "").replace(SCRIPT, "")
}

#[test]
fn values_are_escaped() {
    for document in LANGUAGES.into_iter().flat_map(documents) {
        let markup = markup(&document);
        for part in ["<script>a", "<img", "\"'>", " onerror=y>", "javascript:", " style="] {
            assert!(!markup.contains(part), "{part}: {markup}");
        }
    }
    let shown =
        documents(Language::English).iter().filter(|text| text.contains("alert(1)")).count();
    assert_eq!(shown, 4);
}

#[test]
fn policy_allows_the_own_style_and_script_only() {
    let policy = content_security_policy();
    let policy = policy.to_str().expect("text");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert_eq!(policy.matches("'sha256-").count(), 2);
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    for document in LANGUAGES.into_iter().flat_map(documents) {
        let scripts = document.matches("<script>").count();
        assert!(scripts <= 1 && document.matches(SCRIPT).count() == scripts, "{document}");
        let styles = document.matches("<style>").count();
        assert!(styles <= 1 && document.matches(STYLE).count() == styles, "{document}");
        for part in ["<link rel=\"stylesheet", "<iframe", "src=\"", "@import", "url(", "http"] {
            assert!(!document.contains(part), "{part}");
        }
    }
    for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!SCRIPT.contains(sink), "{sink}");
    }
}

#[test]
fn fields_have_labels_and_no_names() {
    for document in LANGUAGES.into_iter().flat_map(documents) {
        let tags: Vec<&str> =
            document.split('<').filter_map(|rest| rest.split('>').next()).collect();
        let attribute = |tag: &str, name: &str| {
            let rest = tag.split_once(&format!(" {name}=\""))?.1;
            rest.split('"').next().map(str::to_owned)
        };
        let ids: Vec<String> = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{ids:?}");
        for tag in tags.iter().filter(|tag| tag.starts_with("input") || tag.starts_with("select")) {
            let id = attribute(tag, "id").expect("an id");
            assert_eq!(document.matches(&format!("for=\"{id}\"")).count(), 1, "{tag}");
            // Without a name, the field is not sent by a form, not even where the script does not run.
            assert_eq!(attribute(tag, "name"), None, "{tag}");
        }
    }
}

#[test]
fn page_without_data_asks_for_the_token() {
    let locked = ConsolePage { data: None }.render(Language::English);
    assert!(locked.contains("id=\"unlock\"") && !locked.contains("id=\"explain\""), "{locked}");
    assert!(!markup(&locked).contains("data-live=\"\""), "{locked}");
}

fn texts(language: Language) -> Vec<(String, String)> {
    let Value::Object(table) = serde_json::to_value(ConsoleText::of(language)).expect("a table")
    else {
        panic!("no table")
    };
    let text = |value: Value| value.as_str().expect("a text").to_owned();
    table.into_iter().map(|(name, value)| (name, text(value))).collect()
}

#[test]
fn every_text_is_translated() {
    let (english, spanish) = (texts(Language::English), texts(Language::Spanish));
    let same: Vec<&str> = english
        .iter()
        .zip(&spanish)
        .filter(|(english, spanish)| english.1 == spanish.1)
        .map(|((name, _), _)| name.as_str())
        .collect();
    assert_eq!(same, ["p99", "vault"]);
    for (name, text) in english {
        assert!(text.is_ascii() || text.ends_with('…'), "{name}: {text}");
    }
    for document in documents(Language::Spanish) {
        assert!(!markup(&document).contains(" the "), "{document}");
    }
}

#[test]
fn templates_have_no_text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/console");
    for name in ["page.html", "explanation.html"] {
        let mut text = fs::read_to_string(folder.join(name)).expect("a template");
        for (open, close) in [("{{", "}}"), ("{%", "%}"), ("<option>", "</option>"), ("<", ">")] {
            while let Some(start) = text.find(open) {
                let end = start + text[start..].find(close).expect("an end") + close.len();
                text.replace_range(start..end, "");
            }
        }
        let words = ["s", "ms", "µs"];
        let rest = text
            .split(|c: char| !c.is_alphabetic())
            .find(|word| !word.is_empty() && !words.contains(word));
        assert_eq!(rest, None, "{name}");
    }
}
