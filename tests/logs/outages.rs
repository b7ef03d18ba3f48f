use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;

use super::{INFO, json_lines, line_with};
use crate::support::{direct::Direct, fault::Fault, wait::eventually};

const NO_CACHE: [(&str, &str); 3] =
    [INFO, ("VALIDATOR_VAULT_TIMEOUT", "500ms"), ("VALIDATOR_CACHE_TTL", "0s")];

/// Sends requests to `/validate` and to the API for this time, and returns the number of 503s.
async fn load(service: &Direct, time: Duration) -> u64 {
    let start = Instant::now();
    let clients = (0..8).map(async |client| {
        let mut unavailable = 0;
        while start.elapsed() < time {
            let token = service.acme.token();
            let answer = if client % 2 == 0 {
                service.ask(token).await
            } else {
                service.api("GET", "/v1/whoami", token, &[], None).await
            };
            unavailable += u64::from(answer.status == 503);
        }
        unavailable
    });
    join_all(clients).await.into_iter().sum()
}

/// Returns the lines after the start whose level is above `info`, or that end an outage.
fn lines_of_outages(log: &str) -> Vec<Value> {
    let is_relevant = |line: &Value| line["level"] != "INFO" || line["message"] == "vault is up";
    json_lines(log).into_iter().filter(is_relevant).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_under_load_is_two_lines() {
    for fault in
        [Fault::Hang, Fault::Reset, Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#)]
    {
        let service = Direct::start_with(&NO_CACHE).await;
        service.fault.set(fault).await;
        let mut unavailable = load(&service, Duration::from_secs(4)).await;
        service.fault.set(Fault::Pass).await;
        service.validator.ready().await;
        eventually(Duration::from_secs(10), "a decision", async || {
            let answer = service.ask(service.acme.token()).await;
            unavailable += u64::from(answer.status == 503);
            (answer.status == 200).then_some(())
        })
        .await;
        let end = line_with(&service.validator, "message", "vault is up").await;
        let lines = lines_of_outages(&service.validator.log());
        let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str()).collect();
        assert_eq!(messages, [Some("vault is unavailable"), Some("vault is up")], "{lines:?}");
        assert!(unavailable > 8, "{fault:?}: {unavailable}");
        assert_eq!(end["requests"], unavailable, "{fault:?}: {lines:?}");
        assert!(end["duration_ms"].as_u64().is_some_and(|time| time >= 3000), "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_that_only_requests_see_is_two_lines() {
    let service = Direct::start_with(&NO_CACHE).await;
    service.fault.set_for("/v1/auth/token/lookup", Fault::Status(500, r#"{"errors":["x"]}"#)).await;
    let unavailable = load(&service, Duration::from_secs(7)).await;
    service.fault.set(Fault::Pass).await;
    let end = line_with(&service.validator, "message", "vault is up").await;
    let lines = lines_of_outages(&service.validator.log());
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(end["requests"], unavailable, "{lines:?}");
}
