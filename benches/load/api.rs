//! Compares requests to the secrets API with the equivalent requests to Vault.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use vault_auth_validator::secrets::SecretPath;

use crate::{
    Options,
    report::{Report, Spread, Target},
    setup::Setup,
    support::{
        http::{self, Answer},
        platform,
    },
};

/// The number of reads and the number of writes in a round.
const SECRETS: usize = 100;

/// The number of lists in a round, and the number of names in a list.
const LISTS: usize = 8;
const NAMES: usize = 1000;

/// A client with persistent connections to both servers.
struct Client {
    http: reqwest::Client,
    token: String,
    /// The base URLs.
    vault: String,
    api: String,
}

/// A method, a URL and an optional body.
type Request<'r> = (&'r str, String, Option<&'r Value>);

pub async fn run(setup: &Setup, options: &Options, report: &mut Report) {
    platform::create_key(&setup.bao, "acme").await;
    let validator = setup.validator_on_all_cores(&[]).await;
    let client = Client {
        http: http::client(),
        token: setup.caller.token.clone(),
        vault: format!("{}/v1", setup.bao.addr()),
        api: format!("{}/v1/tenants/acme/secrets", validator.api_url()),
    };
    let [mut reads, mut writes, mut lists, mut bare] = [(); 4].map(|()| Vec::new());
    client.write(&json!({"data": {"PASSWORD": "0"}})).await;
    client.fill().await;
    for round in 1..=options.rounds {
        reads.push(client.compare_reads().await);
        writes.push(client.compare_writes().await);
        let [detailed, names] = client.compare_lists().await;
        lists.push(detailed);
        bare.push(names);
        let last = |ratios: &[f64]| ratios.last().copied().unwrap_or_default();
        eprintln!(
            "api {round}/{}  GET {:.2}, PUT {:.2}, LIST {:.2} times Vault's own requests",
            options.rounds,
            last(&reads),
            last(&writes),
            last(&lists),
        );
    }
    let name = "wall time: GET of a secret / Vault's read and decrypt";
    report.figure(name, "×", reads).to(Target::AtMost(1.10));
    let name = "wall time: PUT of a secret / Vault's encrypt and write";
    report.figure(name, "×", writes).to(Target::AtMost(1.35));
    let name = "wall time: list of 1,000 / Vault's own, with versions";
    report.figure(name, "×", lists).to(Target::AtMost(3.0));
    report.figure("wall time: list of 1,000 / Vault's own, names alone", "×", bare);
}

impl Client {
    async fn send(&self, (method, url, body): Request<'_>) -> Answer {
        let headers =
            [("x-vault-token", self.token.as_str()), ("content-type", "application/json")];
        let headers = if body.is_some() { &headers[..] } else { &headers[..1] };
        let body = body.map(ToString::to_string);
        let answer = http::send(&self.http, method, &url, headers, body).await.expect("an answer");
        assert!((200..300).contains(&answer.status), "{method} {url}: {answer:?}");
        answer
    }

    fn vault(&self, path: &str) -> String {
        format!("{}/{path}", self.vault)
    }

    async fn write(&self, body: &Value) -> Answer {
        self.send(("PUT", format!("{}/crm", self.api), Some(body))).await
    }

    /// Writes the secrets for the list.
    async fn fill(&self) {
        let record = json!({"data": {"v": 1}});
        let writes = stream::iter(1..NAMES).map(async |number| {
            let path = format!("secret/data/tenants/acme/n{number:04}");
            self.send(("POST", self.vault(&path), Some(&record))).await;
        });
        writes.buffer_unordered(8).collect::<Vec<()>>().await;
    }

    /// Returns the median time of a read through the API, relative to the two Vault requests.
    async fn compare_reads(&self) -> f64 {
        let record = self.vault("secret/data/tenants/acme/crm");
        let raw = async || {
            let read = self.send(("GET", record.clone(), None)).await.json();
            let body = json!({"ciphertext": read["data"]["data"]["ct"], "context": context()});
            self.send(("POST", self.vault("transit/decrypt/tenant-acme"), Some(&body))).await;
        };
        let ours = async || drop(self.send(("GET", format!("{}/crm", self.api), None)).await);
        compare(SECRETS, raw, ours).await
    }

    /// Returns the median time of a write through the API, relative to the two Vault requests.
    async fn compare_writes(&self) -> f64 {
        let data = json!({"PASSWORD": "1"});
        let plaintext = BASE64_STANDARD.encode(data.to_string());
        let encrypt = json!({ "plaintext": plaintext, "context": context() });
        let raw = async || {
            let path = self.vault("transit/encrypt/tenant-acme");
            let sealed = self.send(("POST", path, Some(&encrypt))).await.json();
            let ciphertext = &sealed["data"]["ciphertext"];
            let body = json!({"data": {"v": 1, "key": "tenant-acme", "ct": ciphertext}});
            let path = self.vault("secret/data/tenants/acme/crm");
            self.send(("POST", path, Some(&body))).await;
        };
        let body = json!({ "data": data });
        let ours = async || drop(self.write(&body).await);
        compare(SECRETS, raw, ours).await
    }

    /// Returns the median time of a list through the API, relative to that of Vault's list with
    /// versions, and to that of Vault's list of names.
    async fn compare_lists(&self) -> [f64; 2] {
        let ours = async || {
            let list = self.send(("GET", self.api.clone(), None)).await.json();
            assert_eq!(list["secrets"].as_array().map(Vec::len), Some(NAMES));
        };
        let mut ratios = [0.0; 2];
        for (ratio, kind) in ratios.iter_mut().zip(["detailed-metadata", "metadata"]) {
            let path = format!("secret/{kind}/tenants/acme?list=true");
            let raw = async || drop(self.send(("GET", self.vault(&path), None)).await.json());
            *ratio = compare(LISTS, raw, ours).await;
        }
        ratios
    }
}

/// Returns the encryption context of the secret, in base64.
fn context() -> String {
    let path = SecretPath::parse("acme", "crm").expect("a path");
    BASE64_STANDARD.encode(path.context("secret"))
}

/// Runs both alternately this number of times. Returns the median time of `ours`, relative to that
/// of `raw`.
async fn compare(times: usize, raw: impl AsyncFn(), ours: impl AsyncFn()) -> f64 {
    let (mut raw_times, mut our_times) = (Vec::new(), Vec::new());
    for _ in 0..times {
        raw_times.push(timed(&raw).await.as_secs_f64());
        our_times.push(timed(&ours).await.as_secs_f64());
    }
    Spread::of(&our_times).median / Spread::of(&raw_times).median
}

async fn timed(work: impl AsyncFn()) -> Duration {
    let start = Instant::now();
    work().await;
    start.elapsed()
}
