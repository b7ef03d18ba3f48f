//! The token endpoint: codes, refresh tokens and revocation.

use std::time::Duration;

use futures_util::future::join_all;
use secrecy::ExposeSecret;
use serde_json::json;
use vault_auth_validator::{
    oauth::{AuthorizationCode, RefreshToken},
    sealed::KeyRing,
};

use super::{ROUTE, app, assert_error, create_with_ttl, start, start_with, validate};
use crate::support::{
    oauth_app::{ISSUER, Tokens, post, with},
    people::{HOSTS, People},
    person::Route,
    validator::Validator,
};

const TOKEN: &str = "/oauth/token";

#[tokio::test(flavor = "multi_thread")]
async fn m21_response_has_a_positive_lifetime() {
    let people = start().await;
    create_with_ttl(&people, "short", "90s").await;
    let tokens = app().tokens(&people, "short").await;
    let response = tokens.response;
    assert_eq!(response["token_type"], "Bearer");
    assert_eq!(response["scope"], "mcp");
    let seconds = response["expires_in"].as_i64().expect("a number");
    assert!((50..=60).contains(&seconds), "{seconds}");
    create_with_ttl(&people, "long", "50m").await;
    let long = app().tokens(&people, "long").await.response;
    assert!(long["expires_in"].as_i64().is_some_and(|seconds| (2900..=2970).contains(&seconds)));
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_code_needs_its_verifier() {
    let people = start().await;
    let code = app().authorize(&people, "ana").await.code();
    let request = app().exchange(&code);
    for verifier in [None, Some(""), Some("w"), Some(&*"w".repeat(43)), Some(&*"v".repeat(42))] {
        let answer = post(&people, TOKEN, &with(request.clone(), "code_verifier", verifier)).await;
        let expected =
            if verifier.is_none_or(str::is_empty) { "invalid_request" } else { "invalid_grant" };
        assert_error(&answer, 400, expected);
    }
    Tokens::of(&post(&people, TOKEN, &request).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn m15a_code_is_no_token_and_stays_valid() {
    let people = start().await;
    let code = app().authorize(&people, "ana").await.code();
    assert_eq!(validate(&people, ROUTE, &code).await.status, 401);
    assert_eq!(validate(&people, "", &code).await.status, 401);
    let (status, _) = people.bao().request_as(&code, "GET", "auth/token/lookup-self", None).await;
    assert_eq!(status, 403);
    Tokens::of(&post(&people, TOKEN, &app().exchange(&code)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_code_is_for_one_client_address_and_resource() {
    let people =
        start_with(&[("VALIDATOR_RESOURCES", "https://mcp.example.com=MCP,https://b.example.com")])
            .await;
    let code = app().authorize(&people, "ana").await.code();
    let request = app().exchange(&code);
    for (name, value, error) in [
        ("client_id", Some("other"), "invalid_grant"),
        ("client_id", None, "invalid_grant"),
        ("redirect_uri", Some("http://127.0.0.1:33419/callback"), "invalid_grant"),
        ("redirect_uri", None, "invalid_grant"),
        ("resource", Some("https://b.example.com"), "invalid_target"),
        ("resource", Some("x"), "invalid_target"),
        ("client_secret", Some("x"), "invalid_client"),
        ("grant_type", Some("password"), "unsupported_grant_type"),
        ("code", Some("vac_x"), "invalid_grant"),
        ("code", Some(&*code.replace("vac_", "vrt_")), "invalid_grant"),
    ] {
        let answer = post(&people, TOKEN, &with(request.clone(), name, value)).await;
        assert_error(&answer, 400, error);
    }
    let repeated: Vec<_> = request.iter().cloned().chain([("code", code.clone())]).collect();
    assert_error(&post(&people, TOKEN, &repeated).await, 400, "invalid_request");
    let slash = with(request, "resource", Some("https://mcp.example.com/"));
    Tokens::of(&post(&people, TOKEN, &slash).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_code_that_is_used_again_ends_what_it_gave() {
    let people = start().await;
    let code = app().authorize(&people, "ana").await.code();
    let tokens = Tokens::of(&post(&people, TOKEN, &app().exchange(&code)).await);
    assert_eq!(validate(&people, ROUTE, &tokens.access).await.status, 200);
    // Somebody without the verifier cannot end it.
    let guess = with(app().exchange(&code), "code_verifier", Some(&"w".repeat(43)));
    assert_error(&post(&people, TOKEN, &guess).await, 400, "invalid_grant");
    assert_eq!(validate(&people, ROUTE, &tokens.access).await.status, 200);
    assert_error(&post(&people, TOKEN, &app().exchange(&code)).await, 400, "invalid_grant");
    assert_eq!(validate(&people, ROUTE, &tokens.access).await.status, 401);
    assert_error(
        &post(&people, TOKEN, &app().refresh(&tokens.refresh)).await,
        400,
        "invalid_grant",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_two_replicas_exchange_a_code_once() {
    let people = start().await;
    let key_file = people.key_file().display().to_string();
    let env = [
        ("VALIDATOR_LOGIN_URL", ISSUER),
        ("VALIDATOR_LOGIN_HOSTS", HOSTS),
        ("VALIDATOR_SEALING_KEY_FILE", key_file.as_str()),
    ];
    let env: Vec<_> = env.iter().chain(&crate::support::oauth_app::ENV).copied().collect();
    let replica = Validator::start(people.bao(), &people.direct.role, &env).await;
    for round in 0..5 {
        let code = app().authorize(&people, "ana").await.code();
        let answers = join_all((0..8).map(|number| {
            let mut sender = people.person();
            if number % 2 == 0 {
                sender.switch_to(Route::to_validator(&replica, ROUTE));
            }
            let body = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(app().exchange(&code))
                .finish();
            async move {
                let headers = [("content-type", "application/x-www-form-urlencoded")];
                let url = format!("https://login.example.com{TOKEN}");
                sender.send("POST", &url, &headers, Some(body)).await
            }
        }))
        .await;
        let issued: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert!(issued.len() <= 1, "round {round}: {answers:?}");
        for answer in &answers {
            assert!(matches!(answer.status, 200 | 400), "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m15_code_ends_after_a_minute() {
    let people = start().await;
    let code = app().authorize(&people, "ana").await.code();
    let keys = KeyRing::read(&people.key_file()).expect("keys");
    let unsealed = AuthorizationCode::unseal(&keys, ISSUER, &code).expect("a code");
    let wrapping = json!({"token": unsealed.wrapping_token.expose_secret()});
    let lookup = people.bao().must("POST", "sys/wrapping/lookup", Some(wrapping.clone())).await;
    assert_eq!(lookup["data"]["creation_ttl"], 60);
    // As Vault does after a minute.
    people.bao().must("POST", "auth/token/revoke", Some(wrapping)).await;
    assert_error(&post(&people, TOKEN, &app().exchange(&code)).await, 400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_refresh_token_is_replaced() {
    let people = start().await;
    let first = app().tokens(&people, "ana").await;
    let answers = join_all((0..4).map(|_| {
        let request = app().refresh(&first.refresh);
        let people = &people;
        async move { post(people, TOKEN, &request).await }
    }))
    .await;
    let parallel: Vec<_> = answers.iter().map(Tokens::of).collect();
    for tokens in &parallel {
        assert_ne!(tokens.refresh, first.refresh);
        assert_eq!(validate(&people, ROUTE, &tokens.access).await.status, 200);
    }
    assert_eq!(validate(&people, ROUTE, &first.access).await.status, 200);
    let second = Tokens::of(&post(&people, TOKEN, &app().refresh(&parallel[3].refresh)).await);
    let third = Tokens::of(&post(&people, TOKEN, &app().refresh(&second.refresh)).await);
    // The first one was replaced twice.
    assert_error(&post(&people, TOKEN, &app().refresh(&first.refresh)).await, 400, "invalid_grant");
    assert_eq!(validate(&people, ROUTE, &third.access).await.status, 401, "all of them ended");
    assert_error(&post(&people, TOKEN, &app().refresh(&third.refresh)).await, 400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_replaced_refresh_token_ends_after_ten_seconds() {
    let people = start().await;
    let first = app().tokens(&people, "ana").await;
    let second = Tokens::of(&post(&people, TOKEN, &app().refresh(&first.refresh)).await);
    Tokens::of(&post(&people, TOKEN, &app().refresh(&first.refresh)).await);
    replaced_earlier(&people, &second, 8_000).await;
    Tokens::of(&post(&people, TOKEN, &app().refresh(&first.refresh)).await);
    replaced_earlier(&people, &second, 3_000).await;
    // The client may not have received the successor, which stays valid.
    assert_error(&post(&people, TOKEN, &app().refresh(&first.refresh)).await, 400, "invalid_grant");
    assert_eq!(validate(&people, ROUTE, &second.access).await.status, 200);
    replaced_earlier(&people, &second, 300_000).await;
    assert_error(&post(&people, TOKEN, &app().refresh(&first.refresh)).await, 400, "invalid_grant");
    assert_eq!(validate(&people, ROUTE, &second.access).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_refresh_renews_the_token_of_the_person() {
    let people = start().await;
    create_with_ttl(&people, "short", "6s").await;
    let mut tokens = app().tokens(&people, "short").await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        tokens = Tokens::of(&post(&people, TOKEN, &app().refresh(&tokens.refresh)).await);
        assert_eq!(validate(&people, ROUTE, &tokens.access).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn access_token_ends_at_its_own_time() {
    let people = start().await;
    create_with_ttl(&people, "short", "6s").await;
    // Vault's TTL and the end of an access token are whole seconds: it may end two seconds before the token.
    let first = app().tokens(&people, "short").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let second = Tokens::of(&post(&people, TOKEN, &app().refresh(&first.refresh)).await);
    assert_eq!(validate(&people, ROUTE, &first.access).await.status, 200);
    tokio::time::sleep(Duration::from_secs(4)).await;
    // The person's token was renewed, and the first access token was not.
    assert_eq!(validate(&people, ROUTE, &first.access).await.status, 401);
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_ended_person_is_not_refreshed() {
    let people = start().await;
    let tokens = app().tokens(&people, "ana").await;
    for (name, value) in [("client_id", Some("other")), ("client_id", None)] {
        let request = with(app().refresh(&tokens.refresh), name, value);
        assert_error(&post(&people, TOKEN, &request).await, 400, "invalid_grant");
    }
    let wrong = with(app().refresh(&tokens.refresh), "resource", Some("https://b.example.com"));
    assert_error(&post(&people, TOKEN, &wrong).await, 400, "invalid_target");
    let entity = people.entity("ana").await;
    let path = format!("identity/entity/id/{entity}");
    people.bao().must("POST", &path, Some(json!({"disabled": true}))).await;
    assert_error(
        &post(&people, TOKEN, &app().refresh(&tokens.refresh)).await,
        400,
        "invalid_grant",
    );
    people.bao().must("POST", &path, Some(json!({"disabled": false}))).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    Tokens::of(&post(&people, TOKEN, &app().refresh(&tokens.refresh)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_by_the_client_ends_both_tokens() {
    let people = start().await;
    for which in ["access", "refresh"] {
        let tokens = app().tokens(&people, "ana").await;
        assert_eq!(validate(&people, ROUTE, &tokens.access).await.status, 200);
        let token = if which == "access" { &tokens.access } else { &tokens.refresh };
        let request =
            |client: &str| vec![("token", token.clone()), ("client_id", client.to_owned())];
        let other = post(&people, "/oauth/revoke", &request("other")).await;
        assert_eq!(other.status, 200);
        assert_eq!(validate(&people, ROUTE, &tokens.access).await.status, 200);
        let revoked = post(&people, "/oauth/revoke", &request("inspector")).await;
        assert_eq!((revoked.status, revoked.body.as_str()), (200, ""));
        assert_eq!(validate(&people, ROUTE, &tokens.access).await.status, 401, "{which}");
        let again = post(&people, "/oauth/revoke", &request("inspector")).await;
        assert_eq!(again.status, 200);
    }
    let unknown = [("token", "x".to_owned()), ("client_id", "inspector".to_owned())];
    assert_eq!(post(&people, "/oauth/revoke", &unknown).await.status, 200);
    assert_error(&post(&people, "/oauth/revoke", &unknown[..1]).await, 400, "invalid_request");
}

/// Changes the time of the last replacement of a refresh token to one that is this many milliseconds
/// earlier.
async fn replaced_earlier(people: &People, tokens: &Tokens, milliseconds: i64) {
    let keys = KeyRing::read(&people.key_file()).expect("keys");
    let refresh = RefreshToken::unseal(&keys, ISSUER, &tokens.refresh).expect("a refresh token");
    let path = "cubbyhole/vault-auth-validator";
    let token = refresh.token.expose();
    let (_, kept) = people.bao().request_as(token, "GET", path, None).await;
    let mut kept = kept["data"].clone();
    kept["since"] = json!(kept["since"].as_i64().expect("a time") - milliseconds);
    let (status, _) = people.bao().request_as(token, "POST", path, Some(kept)).await;
    assert_eq!(status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_client_or_resource_gets_no_token() {
    let people = start().await;
    let tokens = app().tokens(&people, "ana").await;
    let key_file = people.key_file().display().to_string();
    for (resources, clients, code) in [
        ("https://mcp.example.com", "other=http://127.0.0.1/callback", "invalid_client"),
        ("https://b.example.com", "inspector=http://127.0.0.1/callback", "invalid_target"),
    ] {
        let env = [
            ("VALIDATOR_LOGIN_URL", ISSUER),
            ("VALIDATOR_LOGIN_HOSTS", HOSTS),
            ("VALIDATOR_SEALING_KEY_FILE", key_file.as_str()),
            ("VALIDATOR_RESOURCES", resources),
            ("VALIDATOR_OAUTH_CLIENTS", clients),
        ];
        let changed = Validator::start(people.bao(), &people.direct.role, &env).await;
        let mut sender = people.person();
        sender.switch_to(Route::to_validator(&changed, ROUTE));
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(app().refresh(&tokens.refresh))
            .finish();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let url = format!("{ISSUER}{TOKEN}");
        let answer = sender.send("POST", &url, &headers, Some(body)).await;
        assert_error(&answer, 400, code);
    }
}
