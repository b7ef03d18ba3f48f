//! A Vault that is unavailable, or fails in the middle of a request: no token is lost.

use vault_auth_validator::{oauth::RefreshToken, sealed::KeyRing};

use super::{ROUTE, app, assert_error, start, start_with, validate};
use crate::support::{
    fault::Fault,
    oauth_app::{ISSUER, OAuthApp, Tokens, post},
    people::People,
};

const TOKEN: &str = "/oauth/token";

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_vault_costs_no_token() {
    let people = start_with(&[("VALIDATOR_CACHE_TTL", "0s")]).await;
    let tokens = app().tokens(&people, "ana").await;
    let code = app().authorize(&people, "ana").await.code();
    people.direct.fault.set(Fault::Reset).await;
    assert_error(&exchange(&people, &code).await, 503, "temporarily_unavailable");
    let answer = post(&people, TOKEN, &app().refresh(&tokens.refresh)).await;
    assert_error(&answer, 503, "temporarily_unavailable");
    assert!(answer.header("retry-after").is_some());
    let request = [("token", tokens.access.clone()), ("client_id", "inspector".to_owned())];
    assert_error(&post(&people, "/oauth/revoke", &request).await, 503, "temporarily_unavailable");
    assert_eq!(validate(&people, ROUTE, &tokens.access).await.status, 503);
    people.direct.fault.set(Fault::Pass).await;
    Tokens::of(&exchange(&people, &code).await);
    let refreshed = Tokens::of(&post(&people, TOKEN, &app().refresh(&tokens.refresh)).await);
    assert_eq!(validate(&people, ROUTE, &refreshed.access).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_exchange_uses_no_code_up() {
    let people = start().await;
    let code = app().authorize(&people, "ana").await.code();
    for path in ["/v1/auth/token/lookup", "/v1/sys/wrapping/lookup"] {
        people.direct.fault.set_for(path, Fault::Reset).await;
        assert_error(&exchange(&people, &code).await, 503, "temporarily_unavailable");
        people.direct.fault.set(Fault::Pass).await;
    }
    // The answer to a used wrapping token is also the one to some failures of Vault.
    let internal = "{\"errors\":[\"internal error\"]}";
    people.direct.fault.set_for("/v1/sys/wrapping/unwrap", Fault::StatusOnce(500, internal)).await;
    Tokens::of(&exchange(&people, &code).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_refresh_is_no_replacement() {
    let people = start().await;
    let tokens = app().tokens(&people, "ana").await;
    people.direct.fault.set_for("/v1/auth/token/lookup", Fault::Reset).await;
    let failed = post(&people, TOKEN, &app().refresh(&tokens.refresh)).await;
    assert_error(&failed, 503, "temporarily_unavailable");
    people.direct.fault.set(Fault::Pass).await;
    let keys = KeyRing::read(&people.key_file()).expect("keys");
    let refresh = RefreshToken::unseal(&keys, ISSUER, &tokens.refresh).expect("a refresh token");
    let path = "cubbyhole/vault-auth-validator";
    let (status, _) = people.bao().request_as(refresh.token.expose(), "GET", path, None).await;
    assert_eq!(status, 404, "nothing was recorded");
    // A replacement that cannot be recorded does not fail.
    people.direct.fault.set_for("/v1/cubbyhole/", Fault::StatusOnce(404, "{\"errors\":[]}")).await;
    Tokens::of(&post(&people, TOKEN, &app().refresh(&tokens.refresh)).await);
}

async fn exchange(people: &People, code: &str) -> crate::support::http::Answer {
    post(people, TOKEN, &OAuthApp::default().exchange(code)).await
}
