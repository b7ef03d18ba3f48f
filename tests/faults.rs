//! A faulty Vault: none of its errors counts as a rejection of a token.

use std::{
    fs,
    net::TcpListener,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use crate::{
    expect::{granted, refused},
    support::{direct::Direct, fault::Fault, http::Answer, wait::eventually},
};

const LOOKUP: &str = "/v1/auth/token/lookup";
const ENTITY: &str = "/v1/identity/entity/id/";

/// HashiCorp Vault's error since 1.17 about the token that a call is made with.
const SINCE_1_17: &str =
    r#"{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}"#;

/// A short timeout of calls to Vault, so that slow faults are quick to test, and no caching, so that
/// each request makes a lookup.
const SHORT_TIMEOUT: [(&str, &str); 2] =
    [("VALIDATOR_VAULT_TIMEOUT", "500ms"), ("VALIDATOR_CACHE_TTL", "0s")];

/// Returns the validator's response while calls to `path` have this fault. Afterwards asserts that
/// Vault and the validator recover at once.
async fn answer_under(service: &Direct, path: &str, fault: Fault) -> Answer {
    service.fault.set_for(path, fault).await;
    let start = Instant::now();
    let answer = service.ask(service.acme.token()).await;
    let limit = Duration::from_millis(500) + Duration::from_secs(1);
    assert!(start.elapsed() < limit, "{fault:?}: an answer after {:?}", start.elapsed());
    service.fault.set(Fault::Pass).await;
    granted(&service.ask(service.acme.token()).await);
    answer
}

/// Asserts that each of these faults of calls to `path` makes the service respond `vault_unavailable`.
async fn unavailable_under(service: &Direct, path: &str, faults: &[Fault]) {
    for fault in faults {
        let answer = answer_under(service, path, *fault).await;
        assert_eq!(answer.status, 503, "{fault:?} on {path}: {answer:?}");
        refused(&answer, "vault_unavailable");
    }
}

/// Faults below HTTP, or in its framing.
const BROKEN: [Fault; 6] =
    [Fault::Hang, Fault::Reset, Fault::Garbage, Fault::Truncated, Fault::Huge, Fault::Drip];

/// Answers that say nothing about a token.
const EMPTY_RESPONSES: [Fault; 25] = [
    Fault::Status(403, r#"{"errors":["upstream: bad token bucket"]}"#),
    Fault::Status(403, r#"{"errors":["bad token","bad token"]}"#),
    Fault::Status(403, r#"{"errors":["invalid token"]}"#),
    Fault::Status(403, r#"{"errors":"bad token"}"#),
    Fault::Status(403, r#"{"errors":["bad token"],"code":403,"status":"denied"}"#),
    Fault::Status(400, r#"{"errors":["upstream: illegal base64 data at input byte 0"]}"#),
    Fault::Status(400, r#"{"errors":["2 errors occurred:\n\t* x\n\t* invalid token\n\n"]}"#),
    Fault::Status(500, ""),
    Fault::Status(500, r#"{"errors":["local node not active but active cluster node not found"]}"#),
    Fault::Status(502, "<html>Bad Gateway</html>"),
    Fault::Status(503, r#"{"errors":["API access to this namespace has been locked"]}"#),
    Fault::Status(504, "bad token"),
    Fault::Status(400, r#"{"errors":["leadership lost while committing log"]}"#),
    Fault::Status(400, r#"{"errors":["bad token"]}"#),
    Fault::Status(400, ""),
    Fault::Status(401, r#"{"errors":["bad token"]}"#),
    Fault::Status(404, r#"{"errors":["no handler for route"]}"#),
    Fault::Status(404, "<html>Not Found</html>"),
    Fault::Status(418, "{}"),
    Fault::Status(200, ""),
    Fault::Status(200, "{}"),
    Fault::Status(200, "null"),
    Fault::Status(200, r#"{"data":null}"#),
    Fault::Status(200, r#"{"data":{}}"#),
    Fault::Status(204, ""),
];

#[tokio::test(flavor = "multi_thread")]
async fn broken_lookup_is_unavailable() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    unavailable_under(&service, LOOKUP, &BROKEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_entity_is_unavailable() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    unavailable_under(&service, ENTITY, &BROKEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_lookup_is_unavailable() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    unavailable_under(&service, LOOKUP, &EMPTY_RESPONSES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_entity_is_unavailable() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    unavailable_under(&service, ENTITY, &EMPTY_RESPONSES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_token_data_is_unavailable() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    let faults = [
        // With a missing or unknown type.
        r#"{"data":{"entity_id":"","num_uses":0,"policies":["default"],"expire_time":"2999-01-01T00:00:00Z","ttl":60}}"#,
        r#"{"data":{"type":"quantum","entity_id":"","num_uses":0,"policies":["default"],"expire_time":"2999-01-01T00:00:00Z","ttl":60}}"#,
        // With a missing or malformed expiry.
        r#"{"data":{"type":"service","entity_id":"","num_uses":0,"policies":["default"],"expire_time":null,"ttl":0}}"#,
        r#"{"data":{"type":"service","entity_id":"","num_uses":0,"policies":["default"],"ttl":60}}"#,
        r#"{"data":{"type":"service","entity_id":"","num_uses":0,"policies":["default"],"expire_time":"soon","ttl":60}}"#,
        r#"{"data":{"type":"service","entity_id":"","num_uses":0,"policies":["default"],"expire_time":"2999-01-01T00:00:00Z"}}"#,
        r#"{"data":{"type":"service","entity_id":"","num_uses":0,"policies":["default"],"expire_time":"2999-01-01T00:00:00Z","ttl":9223372036854775807}}"#,
        // With malformed networks or entities.
        r#"{"data":{"type":"service","entity_id":"","num_uses":0,"policies":["default"],"expire_time":"2999-01-01T00:00:00Z","ttl":60,"bound_cidrs":["everywhere"]}}"#,
        r#"{"data":{"type":"service","num_uses":0,"policies":["default"],"expire_time":"2999-01-01T00:00:00Z","ttl":60,"entity_id":"../../sys/health"}}"#,
        // Without the entity or the remaining uses.
        r#"{"data":{"type":"service","num_uses":0,"policies":["default"],"expire_time":"2999-01-01T00:00:00Z","ttl":60}}"#,
        r#"{"data":{"type":"service","entity_id":"","policies":["default"],"expire_time":"2999-01-01T00:00:00Z","ttl":60}}"#,
        // With values of other types.
        r#"{"data":{"type":"service","entity_id":"","num_uses":0,"policies":"root","expire_time":"2999-01-01T00:00:00Z","ttl":60}}"#,
        r#"{"data":{"type":"service","entity_id":"","num_uses":0,"policies":["default"],"expire_time":"2999-01-01T00:00:00Z","ttl":"60"}}"#,
        r#"{"data":[]}"#,
    ];
    for body in faults {
        let answer = answer_under(&service, LOOKUP, Fault::Status(200, body)).await;
        assert_eq!(answer.status, 503, "{body}: {answer:?}");
        refused(&answer, "vault_unavailable");
    }
}

/// Returns a lookup response with this TTL and expiry.
fn lookup_with(ttl: i64, expire_time: &str) -> Fault {
    let body = format!(
        r#"{{"data":{{"type":"service","path":"auth/token/create","entity_id":"","num_uses":0,"policies":["default"],"expire_time":{expire_time},"ttl":{ttl}}}}}"#
    );
    Fault::Status(200, body.leak())
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_token_is_always_invalid() {
    let uncached = [SHORT_TIMEOUT[0], SHORT_TIMEOUT[1], ("VALIDATOR_NEGATIVE_TTL", "0s")];
    let service = Direct::start_with(&uncached).await;
    for ended in [
        lookup_with(-1, r#""2999-01-01T00:00:00Z""#),
        lookup_with(i64::MIN, r#""2999-01-01T00:00:00Z""#),
        lookup_with(-1, "null"),
    ] {
        refused(&answer_under(&service, LOOKUP, ended).await, "token_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn last_second_forces_lookup() {
    let uncached = [SHORT_TIMEOUT[0], SHORT_TIMEOUT[1], ("VALIDATOR_NEGATIVE_TTL", "0s")];
    let service = Direct::start_with(&uncached).await;
    let ending = lookup_with(0, r#""2999-01-01T00:00:00Z""#);
    service.fault.set_for(LOOKUP, ending).await;
    let asked = service.calls("capabilities").await;
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("capabilities").await, asked + 1);
    refused(&service.ask("s.unknown").await, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_entity_data_is_unavailable() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    for body in [
        r#"{"data":{"name":"acme","metadata":{"tenant":"acme"}}}"#,
        r#"{"data":{"id":"another","name":"acme","disabled":false,"metadata":{"tenant":"acme"}}}"#,
        r#"{"data":{"disabled":"no"}}"#,
        r#"{"data":{"disabled":false,"metadata":["tenant"]}}"#,
    ] {
        let answer = answer_under(&service, ENTITY, Fault::Status(200, body)).await;
        assert_eq!(answer.status, 503, "{body}: {answer:?}");
        refused(&answer, "vault_unavailable");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_errors_do_not_reject_caller() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    for (path, body) in [
        (LOOKUP, r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#),
        (LOOKUP, r#"{"errors":["permission denied"]}"#),
        (ENTITY, r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#),
        (ENTITY, r#"{"errors":["permission denied"]}"#),
        (LOOKUP, SINCE_1_17),
        (ENTITY, SINCE_1_17),
    ] {
        service.fault.set_for(path, Fault::Status(403, body)).await;
        refused(&service.ask(service.acme.token()).await, "not_ready");
        service.fault.set(Fault::Pass).await;
        eventually(Duration::from_secs(5), "the caller to be let in", async || {
            (service.ask(service.acme.token()).await.status == 200).then_some(())
        })
        .await;
    }
    for body in [r#"{"errors":[]}"#, "<html>Forbidden</html>"] {
        refused(
            &answer_under(&service, LOOKUP, Fault::Status(403, body)).await,
            "vault_unavailable",
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_lookup_errors_reject_caller() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    for (status, body) in [
        (403, r#"{"errors":["bad token"]}"#),
        (400, r#"{"errors":["illegal base64 data at input byte 0"]}"#),
        (400, r#"{"errors":["1 error occurred:\n\t* invalid token\n\n"]}"#),
    ] {
        let answer = answer_under(&service, ENTITY, Fault::Status(status, body)).await;
        refused(&answer, "vault_unavailable");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_and_throttled_differ() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    let sealed = Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#);
    let throttled = Fault::Status(429, r#"{"errors":["request path: rate limit quota exceeded"]}"#);
    for path in [LOOKUP, ENTITY] {
        refused(&answer_under(&service, path, sealed).await, "vault_sealed");
        refused(&answer_under(&service, path, throttled).await, "vault_throttled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redirect_is_not_followed() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a free port");
    elsewhere.set_nonblocking(true).expect("a listener that does not wait");
    let url =
        format!("http://{}/v1/auth/token/lookup", elsewhere.local_addr().expect("its address"));
    let redirect = Fault::Redirect(url.leak());
    for path in [LOOKUP, ENTITY] {
        refused(&answer_under(&service, path, redirect).await, "vault_unavailable");
    }
    let redirects = "vault_requests_total{outcome=\"redirect\"}";
    assert!(service.validator.count(redirects).await >= 2);
    assert!(elsewhere.accept().is_err(), "somebody else was called");
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_response_is_bounded() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    granted(&service.ask(service.acme.token()).await);
    let before = resident(service.validator.process().pid());
    service.fault.set_for(LOOKUP, Fault::Huge).await;
    for round in 0..10 {
        let tokens: Vec<String> = (0..10).map(|n| format!("s.{round}-{n}")).collect();
        let answers = tokens.iter().map(|token| service.ask(token));
        for answer in join_all(answers).await {
            refused(&answer, "vault_unavailable");
        }
    }
    let grown = resident(service.validator.process().pid()).saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes more");
}

/// Returns the resident memory of a process, in bytes.
fn resident(pid: u32) -> u64 {
    let pages = fs::read_to_string(format!("/proc/{pid}/statm")).expect("/proc");
    let pages = pages.split(' ').nth(1).expect("resident pages");
    pages.parse::<u64>().expect("a number") * 4096
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connection_is_retried_once() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    for path in [LOOKUP, ENTITY] {
        service.fault.set_for(path, Fault::Hiccup).await;
        granted(&service.ask(service.acme.token()).await);
        assert_eq!(service.fault.struck() % 2, 0, "it was not asked a second time");
    }
    assert!(service.validator.count("vault_requests_total{outcome=\"reset\"}").await >= 2);
}
