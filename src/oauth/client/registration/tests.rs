use proptest::prelude::*;
use serde_json::json;

use super::{RegistrationError, RegistrationRequest, registered_client};
use crate::{
    oauth::client::{ClientKind, RedirectUri},
    sealed::{KeyRing, Purpose, UnsealError},
    wall_clock::now,
};

const ISSUER: &str = "https://login.test";

fn keys() -> KeyRing {
    KeyRing::parse(KeyRing::generate().as_bytes()).expect("a key")
}

fn parse(request: &serde_json::Value) -> Result<RegistrationRequest, RegistrationError> {
    RegistrationRequest::parse(request.to_string().as_bytes())
}

#[test]
fn registration_is_read_back_from_the_id() {
    let uris = ["http://127.0.0.1:33418/", "https://vscode.dev/redirect"];
    let request = json!({
        "client_name": "Visual  Studio\u{202e} Code",
        "redirect_uris": uris,
        "grant_types": ["authorization_code", "refresh_token", "implicit"],
        "response_types": ["code", "token"],
        "token_endpoint_auth_method": "client_secret_basic",
        "application_type": "native",
        "software_id": "a",
    });
    let keys = keys();
    let response = parse(&request).expect("a request").register(&keys, ISSUER).expect("a response");
    let id = response.client_id.clone();
    assert!(id.starts_with("vcr_") && id.len() < 300, "{id}");
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{id}");
    assert!((response.client_id_issued_at - now().as_second()).abs() < 60);
    let mut body = serde_json::to_value(&response).expect("JSON");
    let body = body.as_object_mut().expect("an object");
    assert!(body.remove("client_id").is_some() && body.remove("client_id_issued_at").is_some());
    let expected = json!({
        "client_name": "Visual Studio Code",
        "redirect_uris": uris,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    });
    assert_eq!(Some(&*body), expected.as_object());

    let client = registered_client(&keys, ISSUER, &id).expect("a client");
    assert_eq!((client.id.as_str(), client.kind), (id.as_str(), ClientKind::Registered));
    assert_eq!(client.name.as_deref(), Some("Visual Studio Code"));
    assert_eq!(client.redirect_uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>(), uris);
    assert_eq!(client.document_host(), None);
}

#[test]
fn registration_is_for_one_issuer_and_purpose() {
    let keys = keys();
    let request = parse(&json!({ "redirect_uris": ["https://a.test/"] })).expect("a request");
    let id = request.register(&keys, ISSUER).expect("a response").client_id;
    let unseal = |keys: &KeyRing, issuer: &str, id: &str| {
        registered_client(keys, issuer, id).map(|client| client.name)
    };
    assert_eq!(unseal(&keys, ISSUER, &id), Ok(None));
    assert_eq!(unseal(&keys, "https://other.test", &id), Err(UnsealError::NotAuthentic));
    assert_eq!(unseal(&self::keys(), ISSUER, &id), Err(UnsealError::UnknownKey));
    assert_eq!(unseal(&keys, ISSUER, &id[4..]), Err(UnsealError::Malformed));
    assert_eq!(unseal(&keys, ISSUER, "vcr_"), Err(UnsealError::Malformed));
    let expiry = now() + super::LIFETIME;
    let session = keys.seal(Purpose::Session, ISSUER, expiry, b"{}").expect("a sealed text");
    assert_eq!(unseal(&keys, ISSUER, &format!("vcr_{session}")), Err(UnsealError::NotAuthentic));
    let other =
        keys.seal(Purpose::ClientRegistration, ISSUER, expiry, b"{\"uris\":[\"http://a\"]}");
    let other = format!("vcr_{}", other.expect("a sealed text"));
    assert_eq!(unseal(&keys, ISSUER, &other), Err(UnsealError::Malformed));
}

#[test]
fn m16_registration_of_invalid_uris_is_refused() {
    let many = vec!["https://a.test/"; 6];
    let long = [format!("https://a.test/{}", "a".repeat(490)), "b".repeat(500)];
    for uris in [
        json!(null),
        json!([]),
        json!(many),
        json!(long),
        json!(["http://a.test/"]),
        json!(["https://a.test/#a"]),
        json!(["https://a.test/", "javascript:/a"]),
        json!(["http://localhost.evil.test/cb"]),
    ] {
        let error = parse(&json!({ "redirect_uris": uris })).expect_err("an error");
        assert_eq!(error.code(), "invalid_redirect_uri", "{uris}");
    }
    assert_eq!(parse(&json!({})).expect_err("an error").code(), "invalid_redirect_uri");
}

#[test]
fn other_invalid_metadata_is_refused() {
    let uris = json!(["https://a.test/"]);
    for request in [
        json!({ "redirect_uris": uris, "grant_types": ["client_credentials"] }),
        json!({ "redirect_uris": uris, "grant_types": [] }),
        json!({ "redirect_uris": uris, "response_types": ["token"] }),
        json!({ "redirect_uris": uris, "client_name": 1 }),
        json!({ "redirect_uris": "https://a.test/" }),
        json!([null, uris, null, null]),
        json!("a"),
    ] {
        let error = parse(&request).expect_err("an error");
        assert_eq!(error.code(), "invalid_client_metadata", "{request}");
        // The characters of an error description (RFC 6749, 5.2).
        let description = error.to_string();
        assert!(description.bytes().all(|b| (b' '..=b'~').contains(&b) && !b"\"\\".contains(&b)));
    }
    let twice =
        b"{\"redirect_uris\":[\"https://a.test/\"],\"redirect_uris\":[\"https://b.test/\"]}";
    assert!(RegistrationRequest::parse(twice).is_err());
}

proptest! {
    #[test]
    fn requests_are_read_without_panic(body in any::<Vec<u8>>()) {
        prop_assert!(RegistrationRequest::parse(&body).is_err());
    }

    #[test]
    fn ids_are_read_without_panic(id in "(vcr_)?[A-Za-z0-9_-]{0,80}") {
        prop_assert!(registered_client(&keys(), ISSUER, &id).is_err());
    }
}
