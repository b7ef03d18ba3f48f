//! `tenants rotate` among very many secrets.

use std::{fs, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{StreamExt, stream};
use serde_json::json;

use super::Platform;
use crate::support::{bao::Bao, wait::eventually};
use vault_auth_validator::secrets::SecretPath;

/// The default number of secrets; the variable `SECRETS` overrides it.
const SECRETS: usize = 1000;

/// The total size of their values, in bytes.
const SIZE: usize = 50_000_000;

/// The maximum of the memory used, in kB: less than the ciphertexts take.
const MOST: u64 = 50_000;

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_independent_of_secret_count() {
    let platform = Platform::on(Bao::unaudited().await).await;
    let number = number();
    write(&platform, number).await;
    let rotator = platform.rotator().await;
    let start = std::time::Instant::now();
    let process = rotator.start(&["tenants", "rotate", "acme", "--output", "json"]);
    let mut peak = 0;
    let status = eventually(Duration::from_mins(10), "an end", async || {
        let path = format!("/proc/{}/status", process.pid());
        let memory = fs::read_to_string(path).unwrap_or_default();
        let memory = memory.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let memory = memory.and_then(|memory| memory.split_whitespace().next()?.parse().ok());
        peak = memory.unwrap_or(peak).max(peak);
        process.exit_status()
    })
    .await;
    let log = process.log();
    assert!(status.success(), "{log}");
    println!("{number} secrets: {:.1?}, at most {peak} kB", start.elapsed());
    assert!(log.contains(&format!("\"rewrapped\": {number}")), "{log}");
    assert!(log.contains("rewrapping secrets: 1000 of "), "{log}");
    assert!((1..MOST).contains(&peak), "{peak} kB");
    for name in ["n0/s0", &name(number - 1)] {
        assert_eq!(platform.key_version(name, 0).await, 2);
    }
}

#[expect(clippy::disallowed_methods, reason = "somebody may want to know how long more take")]
fn number() -> usize {
    std::env::var("SECRETS").map_or(SECRETS, |number| number.parse().expect("a number"))
}

/// In folders of so many names that there is more than one page.
fn name(number: usize) -> String {
    format!("n{}/s{number}", number / 700)
}

/// Writes so many secrets, as the program would.
async fn write(platform: &Platform, number: usize) {
    let value = "a".repeat(SIZE / number);
    let writes = stream::iter(0..number).map(async |number| {
        let name = name(number);
        let place = SecretPath::parse("acme", &name).expect("a name");
        let plaintext = json!({"A": value}).to_string();
        let body = json!({
            "plaintext": BASE64_STANDARD.encode(plaintext),
            "context": BASE64_STANDARD.encode(place.context("secret")),
        });
        let answer = platform.bao.must("POST", "transit/encrypt/tenant-acme", Some(body)).await;
        let record = json!({"v": 1, "key": "tenant-acme", "ct": answer["data"]["ciphertext"]});
        let path = format!("secret/data/tenants/acme/{name}");
        platform.bao.must("POST", &path, Some(json!({ "data": record }))).await;
    });
    writes.buffer_unordered(16).collect::<Vec<()>>().await;
}
