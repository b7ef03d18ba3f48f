//! Access tokens at the resource: where they are accepted, and what the route requires.

use serde_json::json;

use super::{ROUTE, app, start, start_with, validate};
use crate::support::{oauth_app::OAuthApp, stack::bearer};

#[tokio::test(flavor = "multi_thread")]
async fn m05_access_token_is_accepted_at_its_resource_only() {
    let resources =
        "https://mcp.example.com=MCP,https://mcp.example.com/mcp2,https://b.example.com";
    let people = start_with(&[("VALIDATOR_RESOURCES", resources)]).await;
    let tokens = app().tokens(&people, "ana").await;
    let allowed = validate(&people, ROUTE, &tokens.access).await;
    assert_eq!((allowed.status, allowed.header("x-auth-subject")), (200, Some("ana")));
    for other in [
        "resource=https://mcp.example.com/mcp2",
        "resource=https://b.example.com",
        "resource=https://mcp.example.org",
        "policy=crm-agent",
        "",
    ] {
        let answer = validate(&people, other, &tokens.access).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (401, Some("token_invalid")),
            "{other}"
        );
    }
    let refresh = validate(&people, ROUTE, &tokens.refresh).await;
    assert_eq!(refresh.status, 401, "a refresh token is no access token");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_token_is_useless_elsewhere() {
    let people = start().await;
    let tokens = app().tokens(&people, "ana").await;
    let api = people.direct.api("GET", "/v1/whoami", &tokens.access, &[], None).await;
    assert_eq!((api.status, api.json()["code"].as_str()), (401, Some("token_invalid")));
    let (status, _) =
        people.bao().request_as(&tokens.access, "GET", "auth/token/lookup-self", None).await;
    assert_eq!(status, 403);
    let sealed = tokens.access.trim_start_matches("vat_");
    for cookie in [tokens.access.as_str(), sealed] {
        let cookie = format!("__Host-vault-session={cookie}");
        let headers = [("cookie", cookie.as_str()), ("x-forwarded-host", "mcp.example.com")];
        let answer = people.direct.validator.validate(ROUTE, &headers).await;
        assert_eq!(answer.status, 401);
    }
    let bare = validate(&people, ROUTE, sealed).await;
    assert_eq!(bare.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn m06_m08_only_a_bearer_token_counts() {
    let people = start().await;
    let tokens = app().tokens(&people, "ana").await;
    let uri = format!("/mcp?access_token={}", tokens.access);
    let headers = [("x-forwarded-method", "POST"), ("x-forwarded-uri", uri.as_str())];
    let query = people.direct.validator.validate(ROUTE, &headers).await;
    assert_eq!((query.status, query.json()["code"].as_str()), (401, Some("credential_missing")));
    let twice =
        [("authorization", &*bearer(&tokens.access)), ("x-vault-token", tokens.refresh.as_str())];
    let conflict = people.direct.validator.validate(ROUTE, &twice).await;
    assert_eq!(conflict.json()["code"], "credential_conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn session_beside_an_access_token_is_ignored() {
    let people = start().await;
    let tokens = app().tokens(&people, "ana").await;
    let person = people.logged_in().await;
    let session = person.cookie("crm.example.com", "__Host-vault-session").expect("a session");
    let headers = [
        ("authorization", &*bearer(&tokens.access)),
        ("cookie", &*format!("__Host-vault-session={session}")),
        ("x-forwarded-host", "crm.example.com"),
        ("x-forwarded-method", "POST"),
    ];
    let answer = people.direct.validator.validate(ROUTE, &headers).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn m07_missing_policy_is_insufficient_scope() {
    let people = start().await;
    let tokens = app().tokens(&people, "ana").await;
    let route = "resource=https://mcp.example.com&policy=admin";
    let answer = validate(&people, route, &tokens.access).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("policy_required")));
    let challenge = answer.header("www-authenticate").expect("a challenge");
    assert!(challenge.contains("error=\"insufficient_scope\", scope=\"mcp\", resource_metadata="));
}

#[tokio::test(flavor = "multi_thread")]
async fn static_bearer_token_is_accepted() {
    let people = start().await;
    let login = json!({"password": crate::support::people::PASSWORD});
    let login = people.bao().must("POST", "auth/userpass/login/ana", Some(login)).await;
    let token = login["auth"]["client_token"].as_str().expect("a token");
    let answer = validate(&people, ROUTE, token).await;
    assert_eq!((answer.status, answer.header("x-auth-subject")), (200, Some("ana")));
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_ends_an_access_token() {
    let people = start_with(&[("VALIDATOR_CACHE_TTL", "0s")]).await;
    let [one, other] = [app().tokens(&people, "ana").await, app().tokens(&people, "ana").await];
    let accessor = accessor_of(&people, &one).await;
    let body = json!({ "accessor": accessor });
    people.bao().must("POST", "auth/token/revoke-accessor", Some(body)).await;
    assert_eq!(validate(&people, ROUTE, &one.access).await.status, 401);
    let left = validate(&people, ROUTE, &other.access).await;
    assert_eq!(left.status, 200, "each authorization has a token of its own");
    let entity = people.entity("ana").await;
    let disabled = json!({"disabled": true});
    people.bao().must("POST", &format!("identity/entity/id/{entity}"), Some(disabled)).await;
    assert_eq!(validate(&people, ROUTE, &other.access).await.status, 401);
}

/// Returns the accessor of the Vault token in these tokens: the newest one.
async fn accessor_of(
    people: &crate::support::people::People,
    tokens: &crate::support::oauth_app::Tokens,
) -> String {
    use vault_auth_validator::{sealed::KeyRing, token::AccessToken};
    let keys = KeyRing::read(&people.key_file()).expect("keys");
    let resource = OAuthApp::default().resource;
    let token = AccessToken::unseal(&keys, &resource, &tokens.access).expect("an access token");
    let body = json!({"token": token.token.expose()});
    let lookup = people.bao().must("POST", "auth/token/lookup", Some(body)).await;
    lookup["data"]["accessor"].as_str().expect("an accessor").to_owned()
}
