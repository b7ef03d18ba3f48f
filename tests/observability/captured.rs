//! Every panel on the telemetry of two real validators, of which one restarts under load.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use super::{
    dashboards::{Dashboard, Panel, Source},
    database::{Answer, number, run},
    macros::View,
    rows::{Rows, add_logs, add_metrics, add_traces},
};
use crate::support::{
    http,
    otlp::OtlpReceiver,
    people::{PASSWORD, People},
    stack::bearer,
    validator::Validator,
    wait::eventually,
};

/// Texts of the load that are in no exported row, besides tokens and accessors.
const CANARIES: [&str; 4] = ["canary-query", "canary-cookie", "canary-user", "canary-secret"];

/// The panels about events that do not happen here.
const MAY_BE_EMPTY: &[&str] = &[
    "Failed requests to Vault",
    "Lines left out of the log",
    "Telemetry that was lost",
    "Policies that differ",
    "Policy checks",
    "Policy drift",
    "Refused by a rate limit",
    "Rotations",
];

/// The operations of a validator without a request, also after `/metrics` was read: it checks Vault's
/// health, renews its own token, and revokes it when it ends.
const OWN_OPERATIONS: [&str; 3] = ["health", "renew", "revoke"];

/// Counters with their labels.
type Counters = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// The number of requests that were sent, as they were answered.
#[derive(Debug, Default)]
struct Sent {
    /// The codes of refusals; `ok` for those that were allowed.
    codes: BTreeMap<String, u32>,
    /// Requests of acme to the API about a secret.
    secrets: u32,
    /// The totals of the counters at `/metrics` of all runs.
    counters: Counters,
}

impl Sent {
    async fn validate(&mut self, validator: &Validator, query: &str, token: &str) {
        let authorization = bearer(token);
        let headers = [
            ("authorization", authorization.as_str()),
            ("cookie", "session=canary-cookie"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-host", "crm.example.com"),
            ("x-forwarded-method", "GET"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-uri", "/contacts?key=canary-query"),
        ];
        let answer = validator.validate(query, &headers).await;
        let code = match answer.status {
            200 => "ok".to_owned(),
            _ => answer.json()["code"].as_str().expect("a code").to_owned(),
        };
        *self.codes.entry(code).or_default() += 1;
    }

    /// Adds the counters of a run that is about to end.
    async fn add_counters(&mut self, validator: &Validator) {
        let url = format!("{}/metrics", validator.admin_url());
        let text = http::send(&http::client(), "GET", &url, &[], None).await.expect("metrics").body;
        for line in text.lines().filter(|line| line.starts_with("vault_auth_")) {
            let sample = line.split(" # ").next().expect("a sample");
            let (series, value) = sample.rsplit_once(' ').expect("a value");
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            if name.ends_with("_total") {
                let labels = labels.trim_end_matches('}').split("\",");
                let pairs = labels.filter_map(|pair| pair.split_once("=\""));
                let label =
                    |(key, value): (&str, &str)| (key.into(), value.trim_end_matches('"').into());
                let key = (name.to_owned(), pairs.map(label).collect());
                *self.counters.entry(key).or_default() += value.parse::<f64>().expect("a number");
            }
        }
    }

    fn refused(&self) -> u32 {
        self.total() - self.codes["ok"]
    }

    fn total(&self) -> u32 {
        self.codes.values().sum()
    }
}

/// Sends the same requests several times; a third of them is refused.
async fn load(sent: &mut Sent, validator: &Validator, people: &People, times: usize) {
    let (acme, globex) = (people.direct.acme.token(), people.direct.globex.token());
    for _ in 0..times {
        sent.validate(validator, "tenant=acme", acme).await;
        sent.validate(validator, "", globex).await;
        sent.validate(validator, "tenant=acme", globex).await;
    }
    sent.validate(validator, "", "hvs.unknownunknownunknownunknown").await;
}

/// Writes and reads secrets, logs people in, and revokes a token with an audit entry about it.
async fn other_uses(sent: &mut Sent, people: &People) {
    let direct = &people.direct;
    let secret = "/v1/tenants/acme/secrets/crm";
    let body = json!({"data": {"KEY": "canary-secret"}});
    let written = direct.api("PUT", secret, direct.acme.token(), &[], Some(body)).await;
    assert_eq!(written.status, 201, "{written:?}");
    for _ in 0..4 {
        let read = direct.api("GET", secret, direct.acme.token(), &[], None).await;
        assert_eq!(read.status, 200, "{read:?}");
    }
    sent.secrets += 5;
    let globex = &direct.globex.caller;
    direct.bao.request_as(&globex.token, "POST", "auth/token/revoke-self", None).await;
    let entries = direct.bao.audit_log().into_iter();
    let about = entries.filter(|one| one["request"]["path"] == "auth/token/revoke-self");
    let text: Vec<_> = about.map(|entry| entry.to_string()).collect();
    let url = format!("{}/audit", direct.validator.admin_url());
    let posted = http::send(&http::client(), "POST", &url, &[], Some(text.join("\n"))).await;
    assert_eq!(posted.expect("an answer").status, 204);
}

/// Logs a person in at the login host, where no request is validated.
async fn log_in(people: &People, name: &str) {
    people.create(name, json!({"token_policies": "crm-agent"})).await;
    let mut person = people.person();
    let form = person.open("https://login.example.com/.vault-auth/").await;
    let page = person.log_in(&form, name, PASSWORD).await;
    assert!(page.status() < 400, "{page:?}");
}

#[expect(clippy::disallowed_methods, reason = "exports have the time of the wall clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs()
}

struct Captured {
    rows: Rows,
    sent: Sent,
    view: View,
    lookups: usize,
    secrets: Vec<String>,
}

/// Runs two validators under load, restarts one of them, and returns what they exported.
async fn capture() -> Captured {
    let receiver = OtlpReceiver::start().await;
    let endpoint = receiver.endpoint();
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("VALIDATOR_LOG", "info"),
        ("VALIDATOR_TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let from = now() - 1;
    let people = People::start_with(&env).await;
    let direct = &people.direct;
    let mut second = Validator::start(&direct.bao, &direct.role, &env).await;
    let mut sent = Sent::default();
    let before = direct.bao.audited("auth/token/lookup");

    load(&mut sent, &direct.validator, &people, 10).await;
    load(&mut sent, &second, &people, 20).await;
    log_in(&people, "canary-user").await;
    exported(&receiver, 2).await;
    sent.add_counters(&second).await;
    second.process().stop_gracefully(Duration::from_secs(10)).await;
    second.restart().await;
    second.ready().await;
    load(&mut sent, &second, &people, 5).await;
    load(&mut sent, &direct.validator, &people, 5).await;
    other_uses(&mut sent, &people).await;
    exported(&receiver, 2).await;
    for validator in [&second, &direct.validator] {
        sent.add_counters(validator).await;
        validator.process().stop_gracefully(Duration::from_secs(10)).await;
    }

    let telemetry = receiver.received();
    let mut rows = Rows::new();
    telemetry.metrics.iter().for_each(|one| add_metrics(&mut rows, &one.message));
    telemetry.logs.iter().for_each(|one| add_logs(&mut rows, &one.message));
    telemetry.traces.iter().for_each(|one| add_traces(&mut rows, &one.message));
    let callers = [&direct.acme.caller, &direct.globex.caller];
    let secrets = callers.iter().flat_map(|caller| [caller.token.clone(), caller.accessor.clone()]);
    Captured {
        rows,
        sent,
        view: View { from, to: now() + 1, interval: 5, selected: BTreeMap::new() },
        lookups: direct.bao.audited("auth/token/lookup") - before,
        secrets: secrets.collect(),
    }
}

/// Waits until this many more exports of metrics have arrived.
async fn exported(receiver: &OtlpReceiver, more: usize) {
    let before = receiver.received().metrics.len();
    eventually(Duration::from_secs(10), "exports of metrics", async || {
        (receiver.received().metrics.len() > before + 2 * more).then_some(())
    })
    .await;
}

/// Returns the sum of the numbers of each series, by the texts of its rows without the time.
fn sums(answer: &Answer) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::<String, f64>::new();
    for row in answer {
        let columns = row.as_object().expect("columns").iter();
        let (mut label, mut sum) = (Vec::new(), 0.0);
        for (_, value) in columns.filter(|(name, _)| *name != "time") {
            match value {
                Value::String(text) => label.push(text.clone()),
                value => sum += number(value),
            }
        }
        *sums.entry(label.join(" ")).or_default() += sum;
    }
    sums
}

fn count(value: f64) -> u32 {
    assert!((value - value.round()).abs() < 1e-6 && value >= 0.0, "{value} is no count");
    format!("{:.0}", value.round()).parse().expect("a count")
}

/// Returns the panels that read ClickHouse.
fn clickhouse_panels() -> Vec<Panel> {
    let panels = Dashboard::all().iter().flat_map(Dashboard::panels).collect::<Vec<_>>();
    panels.into_iter().filter(|panel| panel.source == Source::ClickHouse).collect()
}

/// Asserts that no row has a token, an accessor or one of the canaries.
fn check_secrecy(captured: &Captured) {
    let secrets = captured.secrets.iter().map(String::as_str).chain(CANARIES);
    let secrets: Vec<_> = secrets.collect();
    for (table, rows) in &captured.rows {
        for row in rows.iter().map(Value::to_string) {
            let found = secrets.iter().find(|secret| row.contains(**secret));
            assert!(found.is_none(), "o4: {found:?} is in {table}: {row}");
        }
    }
}

/// Asserts that the counters have the names, labels and totals of those at `/metrics`.
fn check_counters(Captured { rows, sent, view, .. }: &Captured) {
    let names: BTreeSet<_> = sent.counters.keys().map(|(name, _)| name.clone()).collect();
    let query = |name: &String| {
        view.expand(&format!(
            "SELECT labels, sum(increase) AS total FROM counter_increases(metric = '{name}', \
             from = $__fromTime, to = $__toTime) GROUP BY labels"
        ))
    };
    let answers = run(rows, &names.iter().map(query).collect::<Vec<_>>());
    let mut counters = Counters::new();
    for (name, answer) in names.iter().zip(&answers) {
        for row in answer {
            let labels = serde_json::from_value(row["labels"].clone()).expect("labels");
            counters.insert((name.clone(), labels), number(&row["total"]));
        }
    }
    let is_of_its_own = |labels: &BTreeMap<String, String>| {
        let operation = labels.get("operation");
        operation.is_some_and(|operation| OWN_OPERATIONS.contains(&operation.as_str()))
    };
    let counted = |counters: &Counters| -> Vec<_> {
        let counters =
            counters.iter().filter(|((_, labels), value)| **value > 0.0 && !is_of_its_own(labels));
        counters.map(|(key, value)| (key.clone(), count(*value))).collect()
    };
    assert_eq!(counted(&counters), counted(&sent.counters));
}

/// Asserts that the panels have data, and the numbers of what was sent.
fn check_panels(captured: &Captured) {
    let Captured { rows, sent, view, .. } = captured;
    let panels = clickhouse_panels();
    let queries: Vec<_> = panels.iter().map(|panel| view.expand(&panel.query)).collect();
    let answers = run(rows, &queries);
    let empty = panels.iter().zip(&answers).filter(|(_, answer)| answer.is_empty());
    let empty = empty.map(|(panel, _)| panel.title.as_str());
    let missing: Vec<_> = empty.filter(|title| !MAY_BE_EMPTY.contains(title)).collect();
    assert!(missing.is_empty(), "o3: empty: {missing:?}");

    let answer = |title: &str| {
        let at = panels.iter().position(|panel| panel.title == title).expect(title);
        sums(&answers[at])
    };
    let rate = |title: &str| -> BTreeMap<String, u32> {
        answer(title).into_iter().map(|(label, sum)| (label, count(sum * 5.0))).collect()
    };
    let seconds = f64::from(u32::try_from(view.to - view.from).expect("small"));
    assert_eq!(count(answer("Requests")[""] * seconds), sent.total());
    let decisions = rate("Decisions");
    assert_eq!((decisions["allow"], decisions["deny"]), (sent.codes["ok"], sent.refused()));
    let mut codes = sent.codes.clone();
    codes.remove("ok");
    assert_eq!(rate("Refusals by reason"), codes);
    assert_eq!(rate("Refusals by host"), [("crm.example.com".into(), sent.refused())].into());
    let lookups: u32 = rate("Lookups of tokens in Vault").values().sum();
    assert_eq!(usize::try_from(lookups).ok(), Some(captured.lookups));
    assert_eq!(rate("Secrets per tenant"), [("acme".into(), sent.secrets)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_panels_show_what_two_replicas_did() {
    let captured = capture().await;
    check_secrecy(&captured);
    check_panels(&captured);
    check_counters(&captured);
}
