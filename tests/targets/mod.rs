//! Arbitrary bytes in the request target and in the forwarded headers: all parsers of the program
//! (its own, hyper's and HTTP/2's) agree with a strict implementation of the standards.

mod http2;
mod made_up;
mod reference;

use futures_util::{StreamExt, stream};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
};

use self::{
    made_up::made_up,
    reference::{Caller, Sent, Verdict, judge},
};
use crate::{
    expect::{granted, refused},
    support::{
        direct::Direct,
        http::Answer,
        platform::{self, set_policy},
        raw::read_answer,
    },
};

/// The number of random requests.
const MADE_UP: u64 = 2500;

/// Returns the request in HTTP/1.1, with this line among its fields.
fn http1(sent: &Sent, line: &str) -> Vec<u8> {
    let head = [b"GET ", &sent.target[..], b" HTTP/1.1\r\nHost: v\r\n", line.as_bytes()].concat();
    let fields =
        sent.fields.iter().map(|(name, value)| [name.as_bytes(), b": ", value, b"\r\n"].concat());
    [head, fields.collect::<Vec<_>>().concat(), b"\r\n".to_vec()].concat()
}

/// Returns the verdict that a response implies.
fn verdict(answer: Option<&Answer>) -> Result<Verdict, String> {
    let Some(answer) = answer else { return Ok(Verdict::NoRequest) };
    if answer.status == 200 {
        granted(answer);
        return Ok(Verdict::Granted);
    }
    let document: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let code = document["code"].as_str().unwrap_or_default();
    let codes = [
        "requirement_invalid",
        "request_invalid",
        "path_ambiguous",
        "acl_denied",
        "policy_required",
        "tenant_mismatch",
        "address_not_allowed",
        "not_found",
    ];
    match codes.into_iter().find(|known| *known == code) {
        Some(code) => {
            refused(answer, code);
            Ok(Verdict::Refused(code))
        }
        None if answer.status == 400 && answer.body.is_empty() => Ok(Verdict::NoRequest),
        None => Err(format!("{answer:?}")),
    }
}

/// Returns true if the verdict is the expected one. For a malformed request, hyper responds with a
/// plain 400 and this program with a refusal.
fn agree(found: Verdict, expected: Verdict) -> bool {
    found == expected
        || (expected == Verdict::NoRequest && found == Verdict::Refused("request_invalid"))
}

/// Returns the verdict of each parser.
async fn by_every_way(address: &str, sent: &Sent) -> Vec<(&'static str, Verdict)> {
    let mut found = Vec::new();
    for (way, line) in [("own reader", ""), ("hyper", "Upgrade: nothing\r\n")] {
        let mut stream = BufReader::new(TcpStream::connect(address).await.expect("a connection"));
        let request = http1(sent, line);
        // The second response may come from the cache.
        for _ in 0..2 {
            if stream.write_all(&request).await.is_err() {
                break;
            }
            let answer = read_answer(&mut stream).await.map(Answer::from);
            if answer.is_none() && !found.is_empty() {
                // The connection was closed after the first response.
                break;
            }
            let verdict = verdict(answer.as_ref());
            found.push((way, verdict.unwrap_or_else(|what| panic!("{way}: {what}"))));
        }
    }
    let answer = http2::Connection::open(address).await.ask(sent).await;
    let verdict = verdict(answer.as_ref()).unwrap_or_else(|what| panic!("HTTP/2: {what}"));
    found.push(("HTTP/2", verdict));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn all_parsers_match_reference() {
    let service = Direct::start_with(&[
        ("VALIDATOR_FAILURE_LIMIT", "0"),
        ("VALIDATOR_TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8"),
    ])
    .await;
    let read = "{ capabilities = [\"read\"] }";
    let policy = format!("path \"route/open\" {read}\npath \"route/open/*\" {read}");
    set_policy(&service.bao, "crm-agent", &policy).await;
    let options = json!({"policies": ["crm-agent"], "bound_cidrs": ["192.0.2.0/24"]});
    let bound = platform::token(&service.bao, options).await;
    let acme = Caller {
        tenant: Some("acme"),
        policies: &["default", "tenant", "crm-agent"],
        is_bound: false,
    };
    let other = Caller { tenant: None, policies: &["default", "crm-agent"], is_bound: true };
    let callers = [(service.acme.token(), acme), (bound.as_str(), other)];

    let address = service.validator.auth_address();
    let checks = stream::iter(0..MADE_UP).map(|seed| async move {
        let mut random = StdRng::seed_from_u64(seed);
        let (token, caller) = callers[random.random_range(0..2)];
        let sent = made_up(&mut random, token);
        let expected = judge(&sent, caller);
        for (way, found) in by_every_way(address, &sent).await {
            let request = http1(&sent, "");
            let text = request.escape_ascii();
            assert!(
                agree(found, expected),
                "seed {seed}, {way}: {found:?}, not {expected:?}: {text}"
            );
        }
        expected
    });
    let all: Vec<Verdict> = checks.buffer_unordered(16).collect().await;
    for code in [
        "requirement_invalid",
        "request_invalid",
        "path_ambiguous",
        "acl_denied",
        "policy_required",
        "tenant_mismatch",
        "address_not_allowed",
        "not_found",
    ] {
        let count = all.iter().filter(|found| **found == Verdict::Refused(code)).count();
        assert!(count > 10, "{code}: {count} of {MADE_UP}");
    }
    for verdict in [Verdict::Granted, Verdict::NoRequest] {
        let count = all.iter().filter(|found| **found == verdict).count();
        assert!(count > 100, "{verdict:?}: {count} of {MADE_UP}");
    }
    assert_eq!(service.validator.count("panics_total").await, 0);
}

/// Returns targets with each byte alone in a path, in a query, and before further requirements.
fn with_each_byte() -> impl Iterator<Item = Vec<u8>> {
    let bytes = (0..=255_u8).filter(|byte| !matches!(byte, b'\r' | b'\n'));
    bytes.flat_map(|byte| {
        [
            [b"/validate", &[byte][..], b"?policy=crm-admin"].concat(),
            [b"/validate?tenant=acme", &[byte][..], b"&policy=crm-admin"].concat(),
            [b"/validate?policy=crm-agent", &[byte][..], b"-lead"].concat(),
        ]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_hides_later_requirements() {
    let service = Direct::start_with(&[("VALIDATOR_FAILURE_LIMIT", "0")]).await;
    let acme = Caller {
        tenant: Some("acme"),
        policies: &["default", "tenant", "crm-agent"],
        is_bound: false,
    };
    let (address, token) = (service.validator.auth_address(), service.acme.token());
    let checks = stream::iter(with_each_byte()).map(|target| async move {
        let sent = Sent { target, fields: vec![("x-vault-token", token.as_bytes().to_vec())] };
        let expected = judge(&sent, acme);
        let is_list = sent.target.ends_with(b",-lead");
        assert_eq!(expected == Verdict::Granted, is_list, "{}", sent.target.escape_ascii());
        for (way, found) in by_every_way(address, &sent).await {
            let text = sent.target.escape_ascii();
            assert!(agree(found, expected), "{way}: {found:?}, not {expected:?}: {text}");
        }
    });
    checks.buffer_unordered(16).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragment_is_refused_on_all_listeners() {
    let service = Direct::start().await;
    let token = service.acme.token();
    for url in
        [service.validator.auth_url(), service.validator.api_url(), service.validator.admin_url()]
    {
        let address = url.trim_start_matches("http://");
        let mut connection = http2::Connection::open(address).await;
        for target in
            ["/validate?tenant=acme#", "/#", "/v1/whoami#", "/healthz#?x", "/#/healthz", "/a?{b}"]
        {
            let fields = vec![("x-vault-token", token.as_bytes().to_vec())];
            let sent = Sent { target: target.as_bytes().to_vec(), fields };
            let answer = connection.ask(&sent).await.expect("an answer");
            refused(&answer, "request_invalid");
        }
        // The other streams of the connection continue.
        let sent = Sent { target: b"/nothing".to_vec(), fields: Vec::new() };
        assert_eq!(connection.ask(&sent).await.expect("an answer").status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn target_after_body_is_checked() {
    let service = Direct::start().await;
    let secret = "PUT /v1/tenants/acme/secrets/x HTTP/1.1";
    let entry = "POST /audit HTTP/1.1";
    for (url, line, body) in [
        (service.validator.api_url(), secret, r#"{"data":{"A":"GET /#b HTTP/1.1"}}"#),
        (service.validator.admin_url(), entry, r#"{"type":"GET /#b HTTP/1.1"}"#),
    ] {
        let address = url.trim_start_matches("http://");
        let mut stream = BufReader::new(TcpStream::connect(address).await.expect("a connection"));
        let head = format!(
            "Host: {address}\r\nX-Vault-Token: {}\r\nContent-Type: application/json\r\n",
            service.acme.token()
        );
        let length = body.len();
        let plain = format!("{line}\r\n{head}Content-Length: {length}\r\n\r\n{body}");
        let chunks = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
        let chunked = format!("{line}\r\n{head}Transfer-Encoding: chunked\r\n\r\n{chunks}");
        let fragment = format!("GET /# HTTP/1.1\r\n{head}\r\n");
        let mut next = async |request: &str| -> Answer {
            stream.write_all(request.as_bytes()).await.expect("sent");
            read_answer(&mut stream).await.expect("an answer").into()
        };
        for request in [&plain, &chunked, &plain, &chunked] {
            let answer = next(request).await;
            assert!((200..300).contains(&answer.status), "{answer:?}");
            refused(&next(&fragment).await, "request_invalid");
        }
    }
}
