//! Clients that have registered themselves: anybody can, so that nothing about them is trusted.

use serde_json::{Value, json};

use super::{app, start, start_with};
use crate::support::{
    http::Answer,
    oauth_app::{ISSUER, OAuthApp, Tokens, authorize_url, post, with},
    people::People,
};

const EVIL: &str = "https://evil.test/callback";

async fn register(people: &People, document: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    let url = format!("{ISSUER}/oauth/register");
    people.person().send("POST", &url, &headers, Some(document.to_string())).await
}

/// Starts the platform with registrations, and registers a client.
async fn registered() -> (People, OAuthApp) {
    let people = start_with(&[("VALIDATOR_OAUTH_REGISTRATION", "true")]).await;
    let document = json!({
        "redirect_uris": [EVIL],
        "client_name": "<b>Your bank</b>",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let answer = register(&people, &document).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let response = answer.json();
    assert_eq!(response["token_endpoint_auth_method"], "none");
    assert!(response.get("client_secret").is_none(), "{response}");
    let client_id = response["client_id"].as_str().expect("an id").to_owned();
    (people, OAuthApp { client_id, redirect_uri: EVIL.to_owned(), ..app() })
}

#[tokio::test(flavor = "multi_thread")]
async fn registered_client_gets_access_after_consent() {
    let (people, app) = registered().await;
    let mut person = people.person();
    let question = app.log_in(&mut person, "ana").await;
    let body = &question.answer().body;
    assert!(!body.contains("<b>Your bank"), "{body}");
    assert!(body.contains("evil.test"), "{body}");
    let callback = app.answer(&mut person, &question, "allow").await;
    let tokens = Tokens::of(&post(&people, "/oauth/token", &app.exchange(&callback.code())).await);
    let again = post(&people, "/oauth/token", &app.refresh(&tokens.refresh)).await;
    Tokens::of(&again);
}

#[tokio::test(flavor = "multi_thread")]
async fn error_is_not_redirected_to_an_unknown_client() {
    let (people, app) = registered().await;
    let mut person = people.person();
    for (name, value) in [
        ("response_type", "token"),
        ("resource", "https://other.test"),
        ("code_challenge_method", "plain"),
    ] {
        let page = person.open(&authorize_url(&with(app.parameters(), name, Some(value)))).await;
        assert_eq!(page.status(), 400, "{name} {page:?}");
        assert!(page.answer().header("location").is_none(), "no open redirector: {name}");
        assert!(!page.answer().body.contains("evil.test"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_does_not_leak_by_referrer() {
    let people = start().await;
    let mut person = people.person();
    let question = app().log_in(&mut person, "ana").await;
    let consent = question.hidden("consent").expect("a question");
    let fields = [("consent", consent.as_str()), ("decision", "allow")];
    let page = person.submit(ISSUER, "/oauth/consent", &fields).await;
    let answer = page.answer();
    // 303, so that the browser does not send the form on (RFC 9700, 4.12).
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.body, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_is_off_by_default() {
    let (people, app) = registered().await;
    drop(people);
    let people = start().await;
    let answer = register(&people, &json!({"redirect_uris": [EVIL]})).await;
    assert_eq!(answer.status, 404);
    let page = people.person().open(&app.authorize_url()).await;
    assert_eq!(page.status(), 400, "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_registrations_are_explained() {
    let people = start_with(&[("VALIDATOR_OAUTH_REGISTRATION", "true")]).await;
    for (document, code) in [
        (json!({}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["http://app.test/"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["https://app.test/#a"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": [EVIL], "grant_types": ["implicit"]}), "invalid_client_metadata"),
        (json!("x"), "invalid_client_metadata"),
    ] {
        let answer = register(&people, &document).await;
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (400, Some(code)),
            "{document}"
        );
    }
    for _ in 0..30 {
        register(&people, &json!({"redirect_uris": [EVIL]})).await;
    }
    let limited = register(&people, &json!({"redirect_uris": [EVIL]})).await;
    assert_eq!(limited.status, 503);
    assert!(limited.header("retry-after").is_some());
}
