//! The contract's complete responses, written independently of the program.

use crate::support::http::Answer;

/// Headers outside the contract: the server's clock, the framing, and Caddy's `Via`.
const FRAMING: [&str; 3] = ["content-length", "date", "via"];

const INVALID: &str = r#"Bearer realm="vault", error="invalid_token""#;
const INSUFFICIENT: &str = r#"Bearer realm="vault", error="insufficient_scope""#;

/// Status, title, `WWW-Authenticate` and `Retry-After` of a code.
type Terms = (u16, &'static str, Option<&'static str>, Option<&'static str>);

fn terms(code: &str) -> Terms {
    let mistaken = |title| (400, title, None, None);
    let invalid = |title| (401, title, Some(INVALID), None);
    let forbidden = |title| (403, title, Some(INSUFFICIENT), None);
    let away = |title, seconds| (503, title, None, Some(seconds));
    match code {
        "requirement_invalid" => mistaken("The requirements of this route are invalid"),
        "request_invalid" => mistaken("The request is invalid"),
        "credential_missing" => {
            (401, "A credential is required", Some(r#"Bearer realm="vault""#), None)
        }
        "credential_malformed" => invalid("The credential is malformed"),
        "credential_conflict" => invalid("The request contains conflicting credentials"),
        "token_invalid" => invalid("The token is not valid"),
        "token_not_allowed" => forbidden("Tokens of this kind are not accepted"),
        "address_not_allowed" => forbidden("The token cannot be used from this address"),
        "policy_required" => forbidden("The token lacks a required policy"),
        "tenant_mismatch" => forbidden("The token does not belong to this tenant"),
        "acl_denied" => forbidden("Vault's policies deny this request"),
        "path_ambiguous" => forbidden("The path is ambiguous"),
        "too_many_failures" => (429, "Too many invalid tokens", None, Some("60")),
        "overloaded" => away("The service is overloaded", "1"),
        "decision_log_unavailable" => away("The decision log is unavailable", "2"),
        "vault_unavailable" => away("Vault is unavailable", "2"),
        "vault_sealed" => away("Vault is sealed", "5"),
        "vault_throttled" => away("Vault is rate limiting requests", "2"),
        "not_ready" => away("The service is not ready", "2"),
        "not_found" => (404, "There is no resource at this path", None, None),
        "method_not_allowed" => (405, "This path does not support this method", None, None),
        _ => panic!("the contract has no code {code}"),
    }
}

/// Asserts that this is the refusal with that code, to the last header and field: no identity, no
/// token, and only a request id that differs between responses.
pub(crate) fn refused(answer: &Answer, code: &str) {
    let (status, title, challenge, retry_after) = terms(code);
    assert_eq!(answer.status, status, "{code}: {answer:?}");
    let mut expected =
        vec![("cache-control", "no-store"), ("content-type", "application/problem+json")];
    expected.extend(retry_after.map(|seconds| ("retry-after", seconds)));
    expected.extend(challenge.map(|challenge| ("www-authenticate", challenge)));
    assert_eq!(meaningful_headers(answer), expected, "{code}");
    let mut body = answer.json();
    let id = body["request_id"].take();
    let id = id.as_str().expect("a request id");
    let plain = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    assert!(matches!(id.len(), 32 | 36) && id.bytes().all(plain), "request id {id}");
    let document = serde_json::json!({
        "type": format!("urn:vault-auth-validator:{code}"),
        "title": title,
        "status": status,
        "code": code,
        "request_id": null,
    });
    assert_eq!(body, document);
}

/// Asserts that this is a problem of the API with that status and code, and nothing that a browser or
/// a cache could use; returns the detail.
pub(crate) fn problem(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!(answer.status, status, "{code}: {answer:?}");
    let document = answer.json();
    assert_eq!(document["code"], code, "{document}");
    assert_eq!(document["status"], status);
    assert_eq!(document["type"], format!("urn:vault-auth-validator:{code}"));
    assert!(document["request_id"].is_string() && document["title"].is_string(), "{document}");
    for (name, value) in [
        ("content-type", "application/problem+json"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{code}: {name}");
    }
    let challenge = match status {
        401 => answer.header("www-authenticate").is_some(),
        403 => answer.header("www-authenticate") == Some(INSUFFICIENT),
        _ => answer.header("www-authenticate").is_none(),
    };
    assert!(challenge, "{code}: {answer:?}");
    let away = matches!(status, 429 | 503);
    assert_eq!(answer.header("retry-after").is_some(), away, "{code}: {answer:?}");
    document["detail"].as_str().unwrap_or_default().to_owned()
}

/// Asserts that this allows the request, with an empty body and all headers; returns the identity in
/// the order of [`IDENTITY`].
pub(crate) fn granted(answer: &Answer) -> [&str; IDENTITY.len()] {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((answer.body.as_str(), answer.header("content-length")), ("", Some("0")));
    let names: Vec<&str> = meaningful_headers(answer).iter().map(|(name, _)| *name).collect();
    let mut expected = [&["cache-control", "x-auth-cache"][..], &IDENTITY].concat();
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    IDENTITY.map(|name| answer.header(name).expect("text"))
}

/// The identity headers for the service behind the proxy.
pub(crate) const IDENTITY: [&str; 6] = [
    "x-auth-subject",
    "x-auth-entity-id",
    "x-auth-tenant",
    "x-auth-policies",
    "x-auth-token-type",
    "x-auth-expires",
];

/// Returns each header and value but those of [`FRAMING`], sorted; repeated ones are kept.
fn meaningful_headers(answer: &Answer) -> Vec<(&str, &str)> {
    let mut headers: Vec<(&str, &str)> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")))
        .filter(|(name, _)| !FRAMING.contains(name))
        .collect();
    headers.sort_unstable();
    headers
}
