use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncWriteExt, copy, sink},
    net::TcpStream,
};

use super::{INFO, TIMEOUT, json_lines};
use crate::support::{direct::Direct, stack::bearer, validator::Validator, wait::eventually};

/// The time until the reserves of the limits are used up, and until the end of the flood.
const SATURATED: Duration = Duration::from_secs(2);
const END: Duration = Duration::from_secs(8);

/// The maximum number of bytes that the log may grow by in a minute.
const LIMIT: f64 = 1_000_000.0;

/// Sends copies of this request over one connection until the end, and returns their number.
async fn flood(address: String, request: String, start: Instant) -> usize {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut answers, mut requests) = stream.into_split();
    tokio::spawn(async move { copy(&mut answers, &mut sink()).await });
    let (batch, mut sent) = (request.repeat(20), 0);
    while start.elapsed() < END {
        requests.write_all(batch.as_bytes()).await.expect("it reads");
        sent += 20;
    }
    sent
}

fn request(target: &str, token: Option<&str>, host: &str, path: &str) -> String {
    let token = token.map(|token| format!("Authorization: {}\r\n", bearer(token)));
    format!(
        "GET {target} HTTP/1.1\r\nHost: validator\r\n{}X-Request-Id: {}\r\n\
         X-Forwarded-Method: GET\r\nX-Forwarded-Host: {host}\r\nX-Forwarded-Uri: {path}\r\n\
         X-Forwarded-For: 203.0.113.9\r\n\r\n",
        token.unwrap_or_default(),
        "1".repeat(128)
    )
}

/// Floods all logs that clients can write to, and asserts that they grow by less than the limit.
async fn flood_all(service: &Direct, validator: &Validator, path: &str) {
    let (auth, api) = (validator.auth_address().to_owned(), validator.api_url());
    let api = api.trim_start_matches("http://").to_owned();
    let host = "acme.crm.example.com";
    let caller = Some(service.acme.token());
    let floods = [
        (&auth, request("/validate", None, host, path)),
        (&auth, request("/validate?tenant=globex", caller, host, path)),
        (&auth, request("/validate?tenant=%C3%A9", caller, host, path)),
        (&auth, request("/validate?tenant=a&unknown=1", caller, host, path)),
        (&api, request("/v1/whoami", None, host, path)),
    ];
    let (before, start) = (validator.log().len(), Instant::now());
    let floods =
        floods.map(|(address, request)| tokio::spawn(flood(address.clone(), request, start)));
    tokio::time::sleep(SATURATED).await;
    let (saturated, since) = (validator.log().len(), start.elapsed());
    let mut sent = 0;
    for flood in floods {
        sent += flood.await.expect("no panic");
    }
    let (end, duration) = (validator.log().len(), start.elapsed());
    let grown = |from: usize, to: usize| f64::from(u32::try_from(to - from).expect("a size"));
    let rate = grown(saturated, end) / duration.saturating_sub(since).as_secs_f64();
    let minute = grown(before, saturated) + rate * 60.0;
    assert!(sent > 3000, "only {sent} requests in {duration:?}");
    assert!(minute < LIMIT, "{minute:.0} bytes in a minute, {rate:.0} a second at the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_flood_logs_under_a_megabyte_a_minute() {
    let service = Direct::start_with(&[INFO]).await;
    let realistic = "/api/v1/accounts/7/conversations/4711/messages?before=12";
    flood_all(&service, &service.validator, realistic).await;
    // Those that were omitted are counted, also when no further line follows.
    let omitted = |log: &str| {
        let lines = json_lines(&service.validator.log());
        let lines = lines.iter().filter(|line| line["log"] == log);
        lines.map(|line| line["omitted"].as_u64().expect("a number")).sum::<u64>()
    };
    for log in ["denials", "anonymous_denials", "requirements", "api"] {
        eventually(TIMEOUT, log, async || (omitted(log) > 0).then_some(())).await;
    }
    let lines = json_lines(&service.validator.log());
    for code in ["credential_missing", "tenant_mismatch"] {
        let logged = lines.iter().filter(|line| line["code"] == code).count();
        assert!(logged > 50, "{code}: {logged}");
    }
    // Errors that clients cause do not suppress those of the configuration.
    let details = ["`tenant` must be", "unknown requirement"];
    for detail in details {
        let is =
            |line: &&serde_json::Value| line["detail"].as_str().is_some_and(|d| d.contains(detail));
        assert!(lines.iter().filter(is).count() > 10, "{detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_of_long_lines_is_limited_in_text_and_json() {
    let service = Direct::start_with(&[INFO]).await;
    let path = format!("/{}", "\"".repeat(3000));
    flood_all(&service, &service.validator, &path).await;
    let vault = service.bao.addr();
    let text = [INFO, ("VALIDATOR_LOG_FORMAT", "text"), ("VAULT_ADDR", vault.as_str())];
    let text = Validator::start(&service.bao, &service.role, &text).await;
    flood_all(&service, &text, &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trickle_of_denials_is_logged_completely() {
    let service = Direct::start_with(&[INFO]).await;
    for number in 0..100 {
        let id = format!("page-{number}");
        service.validator.validate("", &[("x-request-id", &id)]).await;
    }
    eventually(TIMEOUT, "all lines", async || {
        (service.validator.log().matches("page-").count() == 100).then_some(())
    })
    .await;
}
