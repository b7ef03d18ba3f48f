//! Tickets: tokens in response-wrapping tokens; and the revocation of tokens.

use futures_util::future::join_all;
use serde_json::{Value, json};
use vault_auth_validator::{
    login::{LoginBackend, LoginError, UnsuitableToken},
    token::CallerToken,
};

use super::{LoginVault, PASSWORD, TICKET, expired, logged_in, rejected, text, unsuitable};
use crate::support::platform;

/// Creates a token without the policy `default`.
async fn bare_token(vault: &LoginVault) -> CallerToken {
    let options = json!({"policies": ["x"], "no_default_policy": true});
    CallerToken::from(secrecy::SecretString::from(platform::token(&vault.bao, options).await))
}

#[tokio::test(flavor = "multi_thread")]
async fn l17_ticket_is_redeemed_once() {
    let vault = LoginVault::start().await;
    let token = vault.token().await;
    let ticket = vault.backend.wrap(&token, TICKET).await.expect("a ticket");
    let redeemed = vault.backend.unwrap(&ticket).await.expect("a token");
    assert_eq!(redeemed.expose(), token.expose());
    expired(vault.backend.unwrap(&ticket).await);
    assert_eq!(vault.lookup_status(&token).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn l17_one_of_twenty_redeems_a_ticket() {
    let vault = LoginVault::start().await;
    let token = vault.token().await;
    for round in 0..50 {
        let ticket = vault.backend.wrap(&token, TICKET).await.expect("a ticket");
        let results = join_all((0..20).map(|_| vault.backend.unwrap(&ticket))).await;
        let successes = results.iter().filter(|result| result.is_ok()).count();
        let losers = results.iter().filter(|result| matches!(result, Err(LoginError::Expired)));
        assert_eq!((successes, losers.count()), (1, 19), "round {round}: {results:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l17_ticket_lives_for_30_seconds() {
    let vault = LoginVault::start().await;
    let ticket = vault.backend.wrap(&vault.token().await, TICKET).await.expect("a ticket");
    let ticket = secrecy::ExposeSecret::expose_secret(&ticket);
    let body = json!({ "token": ticket });
    let lookup = vault.bao.must("POST", "sys/wrapping/lookup", Some(body)).await;
    assert_eq!(lookup["data"]["creation_ttl"], 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_wrapping_tokens_are_not_consumed() {
    let vault = LoginVault::start().await;
    platform::provision(&vault.bao).await;
    let path = "auth/approle/role/validator/secret-id";
    let wrapped = vault.bao.wrapped("POST", path, Some(json!({}))).await;
    expired(vault.backend.unwrap(&wrapped.as_str().into()).await);
    let (status, answer) =
        vault.bao.request_as(&wrapped, "POST", "sys/wrapping/unwrap", None).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["data"]["secret_id"].is_string(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_wrapped_data_is_no_ticket() {
    let vault = LoginVault::start().await;
    for data in [json!({"a": 1}), json!({"session_token": ""}), json!({"session_token": "a b"})] {
        let wrapped = vault.bao.wrapped("POST", "sys/wrapping/wrap", Some(data)).await;
        expired(vault.backend.unwrap(&wrapped.as_str().into()).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_tickets_are_expired() {
    let vault = LoginVault::start().await;
    for ticket in [
        "",
        "x",
        "s.x",
        "hvs.x",
        "b.x",
        "hvb.x",
        "a.b.c",
        "eyJhbGciOiJFUzUxMiJ9.e30.AAAA",
        "a\r\nb",
        "ñ",
        "s.unknown",
    ] {
        expired(vault.backend.unwrap(&ticket.into()).await);
    }
    let token = vault.token().await;
    expired(vault.backend.unwrap(token.as_secret()).await);
    assert_eq!(vault.lookup_status(&token).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_token_is_not_wrapped() {
    let vault = LoginVault::start().await;
    let token = vault.token().await;
    vault.backend.revoke(&token).await.expect("revoked");
    rejected(vault.backend.wrap(&token, TICKET).await);
    let disabled = vault.token().await;
    vault.disable(&vault.entity("ana").await).await;
    rejected(vault.backend.wrap(&disabled, TICKET).await);
    let bare = bare_token(&vault).await;
    let reason = unsuitable(vault.backend.wrap(&bare, TICKET).await);
    assert_eq!(reason, UnsuitableToken::NoDefaultPolicy);
}

#[tokio::test(flavor = "multi_thread")]
async fn l10_revoked_token_is_dead() {
    let vault = LoginVault::start().await;
    let (token, other) = (vault.token().await, vault.token().await);
    vault.backend.revoke(&token).await.expect("revoked");
    assert_eq!(vault.lookup_status(&token).await, 403);
    assert_eq!(vault.lookup_status(&other).await, 200);
    vault.backend.revoke(&token).await.expect("revoked before");
    for unknown in ["s.unknown", "b.x", "hvs.x"] {
        let unknown = CallerToken::from(secrecy::SecretString::from(unknown));
        vault.backend.revoke(&unknown).await.expect("not valid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_of_disabled_entity_is_no_error() {
    let vault = LoginVault::start().await;
    let token = logged_in(vault.log_in("ana", PASSWORD).await);
    vault.disable(&vault.entity("ana").await).await;
    vault.backend.revoke(&token).await.expect("rejected like an unknown one");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_without_policy_is_not_revoked() {
    let vault = LoginVault::start().await;
    let bare = bare_token(&vault).await;
    let reason = unsuitable(vault.backend.revoke(&bare).await);
    assert_eq!(reason, UnsuitableToken::NoDefaultPolicy);
    let lookup = json!({ "token": bare.expose() });
    let found: Value = vault.bao.must("POST", "auth/token/lookup", Some(lookup)).await;
    assert!(!text(&found["data"]["accessor"]).is_empty());
}
