//! What is counted and measured.

use std::time::Duration;

use serde_json::json;

use super::{OF_PROMETHEUS, scrape, start_busy};
use crate::{
    expect::{granted, refused},
    support::{direct::Direct, http, metrics, wait::eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_measured_by_cache_status() {
    let service = start_busy(&[]).await;
    let text = scrape(&service, OF_PROMETHEUS).await.body;
    for (series, count) in [
        // Two requests without a requirement, two with one, and one with an unknown token.
        ("vault_auth_validate_duration_seconds_count{cache=\"hit\"}", 2.0),
        ("vault_auth_validate_duration_seconds_count{cache=\"miss\"}", 2.0),
        ("vault_auth_validate_duration_seconds_count{cache=\"none\"}", 1.0),
        ("vault_auth_validate_duration_seconds_bucket{cache=\"hit\",le=\"+Inf\"}", 2.0),
        (
            "http_server_request_duration_seconds_count{listener=\"auth\",\
             http_request_method=\"GET\",http_route=\"/validate\",http_response_status_code=\"200\"}",
            2.0,
        ),
        ("http_server_request_duration_seconds_count{listener=\"auth\"}", 5.0),
        ("http_server_request_duration_seconds_count{http_response_status_code=\"404\"}", 1.0),
        ("vault_auth_secret_operations_total{operation=\"write\",outcome=\"ok\"}", 1.0),
        ("vault_auth_secret_operations_total{operation=\"read\",outcome=\"ok\"}", 1.0),
        ("vault_auth_tenant_secret_operations_total{tenant=\"acme\"}", 2.0),
        ("vault_auth_vault_state{state=\"up\"}", 1.0),
        ("vault_auth_vault_state", 1.0),
        ("vault_auth_service_logins_total{outcome=\"ok\"}", 1.0),
        ("vault_auth_requests_in_flight{listener=\"admin\"}", 1.0),
        ("vault_auth_requests_in_flight{listener=\"auth\"}", 0.0),
    ] {
        let sum = metrics::sum(&text, series);
        assert!((sum - count).abs() < 0.1, "{series} is {sum}, not {count}\n{text}");
    }
    for positive in [
        "vault_auth_validate_duration_seconds_sum{cache=\"hit\"}",
        "vault_auth_vault_request_duration_seconds_sum{operation=\"lookup\"}",
        "vault_auth_service_token_remaining_seconds",
        "vault_auth_connections{listener=\"admin\"}",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_threads",
    ] {
        assert!(metrics::sum(&text, positive) > 0.0, "{positive}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_entries_are_counted_and_measured() {
    let service = Direct::start_with(&[("VALIDATOR_CACHE_TTL", "10m")]).await;
    granted(&service.ask(service.acme.token()).await);
    let revoke = "auth/token/revoke-accessor";
    let accessor = &service.acme.caller.accessor;
    service.bao.must("POST", revoke, Some(json!({ "accessor": accessor }))).await;
    service.bao.must("POST", "transit/keys/tenant-acme/rotate", Some(json!({}))).await;
    let about = |entry: &&serde_json::Value| {
        entry["type"] == "response"
            && entry["request"]["path"].as_str().is_some_and(|path| {
                path == revoke || path.ends_with("/rotate") || path == "auth/token/lookup"
            })
    };
    let entries = service.bao.audit_log();
    let entries: Vec<_> = entries.iter().filter(about).map(ToString::to_string).collect();
    let ignored = entries.len() - 1;
    let url = format!("{}/audit", service.validator.admin_url());
    let answer = http::send(&http::client(), "POST", &url, &[], Some(entries.join("\n"))).await;
    assert_eq!(answer.expect("an answer").status, 204);
    refused(&service.ask(service.acme.token()).await, "token_invalid");
    let text = scrape(&service, OF_PROMETHEUS).await.body;
    let count = |series: &str| format!("{:.0}", metrics::sum(&text, series));
    assert_eq!(count("vault_auth_audit_entries_total{outcome=\"evicted\"}"), "1", "{text}");
    assert_eq!(
        count("vault_auth_audit_entries_total{outcome=\"ignored\"}"),
        ignored.to_string(),
        "{text}"
    );
    // The entry contains the accessor as an HMAC only, which the entry about the lookup has as well.
    assert_eq!(count("vault_auth_cache_evictions_total{cause=\"revoked\"}"), "1", "{text}");
    assert_eq!(count("vault_auth_revocation_delay_seconds_count"), "1", "{text}");
    assert_eq!(count("vault_auth_rotations_total{outcome=\"ok\"}"), "1", "{text}");
    let delay = metrics::sum(&text, "vault_auth_revocation_delay_seconds_sum");
    assert!(delay > 0.0 && delay < 60.0, "{delay}");
    assert!(metrics::sum(&text, "vault_auth_audit_last_entry_timestamp_seconds") > 1.7e9, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn evictions_have_their_cause() {
    let service = Direct::start_with(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    granted(&service.ask(service.acme.token()).await);
    let evicted = |cause: &str| format!("vault_auth_cache_evictions_total{{cause=\"{cause}\"}}");
    service.validator.admin("DELETE", "/cache").await;
    assert_eq!(service.validator.count(&evicted("cleared")).await, 1);
    granted(&service.ask(service.acme.token()).await);
    let expired = evicted("expired");
    eventually(Duration::from_secs(30), "an expired entry", async || {
        (service.validator.count(&expired).await == 1).then_some(())
    })
    .await;
    assert_eq!(service.validator.count(&evicted("revoked")).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn limited_requests_are_counted() {
    let service = Direct::start_with(&[("VALIDATOR_FAILURE_LIMIT", "2")]).await;
    for number in 0..4 {
        service.from("192.0.2.1", "", &format!("hvs.unknown{number}")).await;
    }
    let limited = "vault_auth_limiter_rejections_total{limiter=\"validate\"}";
    assert_eq!(service.validator.count(limited).await, 2);
    let addresses = "vault_auth_limiter_addresses{limiter=\"validate\"}";
    assert_eq!(service.validator.count(addresses).await, 1);
    let in_flight = "vault_auth_requests_in_flight{listener=\"auth\"}";
    assert_eq!(service.validator.count(in_flight).await, 0);
}
