//! The authorization endpoint, the login that it needs, and the question for consent.

use serde_json::json;

use super::{ROUTE, app, start, start_with, validate};
use crate::support::{
    fault::Fault,
    oauth_app::{CALLBACK, Callback, ISSUER, OAuthApp, Tokens, authorize_url, post, with},
    people::PASSWORD,
    person::Initiator,
};

#[tokio::test(flavor = "multi_thread")]
async fn client_gets_access_after_login_and_consent() {
    let people = start().await;
    let mut person = people.person();
    let question = app().log_in(&mut person, "ana").await;
    for text in ["inspector", "127.0.0.1:33418", "MCP registry", "https://mcp.example.com", "ana"] {
        assert!(question.answer().body.contains(text), "{text}: {question:?}");
    }
    let callback = app().answer(&mut person, &question, "allow").await;
    assert_eq!(callback.get("state").as_deref(), Some("state 1&2"));
    assert_eq!(callback.get("iss").as_deref(), Some(ISSUER));
    let answer = post(&people, "/oauth/token", &app().exchange(&callback.code())).await;
    let tokens = Tokens::of(&answer);
    assert_eq!(validate(&people, ROUTE, &tokens.access).await.status, 200);
    assert!(person.cookie("login.example.com", "__Host-vault-session").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn m19_each_client_and_each_time_is_asked_for() {
    let people = start().await;
    let mut person = people.person();
    person.other_program = Some(CALLBACK.to_owned());
    let crm = person.open("https://crm.example.com/").await;
    person.log_in(&crm, "ana", PASSWORD).await;
    for client in ["inspector", "other", "inspector"] {
        let app = OAuthApp { client_id: client.to_owned(), ..app() };
        let form = person.open(&app.authorize_url()).await;
        assert!(form.answer().body.contains("type=\"password\""), "{form:?}");
        let question = person.log_in(&form, "ana", PASSWORD).await;
        assert!(question.answer().body.contains("name=\"decision\""), "{question:?}");
        app.answer(&mut person, &question, "allow").await.code();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m19_question_is_answered_once_and_by_its_own_page() {
    let people = start().await;
    let mut person = people.person();
    let question = app().log_in(&mut person, "ana").await;
    assert_eq!(question.answer().header("x-frame-options"), Some("DENY"));
    let policy = question.answer().header("content-security-policy").expect("a policy");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let consent = question.hidden("consent").expect("a question");
    let form = |consent: &str, decision: &str| {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        Some(form.append_pair("consent", consent).append_pair("decision", decision).finish())
    };
    let url = format!("{ISSUER}/oauth/consent");
    for initiator in [Initiator::CrossSite, Initiator::SameSite] {
        let page = person.navigate("POST", &url, form(&consent, "allow"), initiator).await;
        assert_eq!(page.status(), 403, "{page:?}");
    }
    for (consent, decision) in [("x", "allow"), (&consent, ""), (&consent, "maybe"), ("", "allow")]
    {
        let page =
            person.navigate("POST", &url, form(consent, decision), Initiator::SameOrigin).await;
        assert_eq!(page.status(), 400, "{page:?}");
    }
    app().answer(&mut person, &question, "allow").await.code();
    let again = person.navigate("POST", &url, form(&consent, "allow"), Initiator::SameOrigin).await;
    assert_eq!(again.status(), 400, "{again:?}");
    let get = person.open(&format!("{url}?consent={consent}&decision=allow")).await;
    assert_eq!(get.status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_revokes_the_token() {
    let people = start().await;
    let mut person = people.person();
    let before = accessors(&people).await;
    let question = app().log_in(&mut person, "ana").await;
    assert_eq!(accessors(&people).await, before + 1);
    let callback = app().answer(&mut person, &question, "deny").await;
    assert_eq!(callback.get("error").as_deref(), Some("access_denied"));
    assert_eq!(callback.get("state").as_deref(), Some("state 1&2"));
    assert_eq!(callback.get("iss").as_deref(), Some(ISSUER));
    assert_eq!(callback.get("code"), None);
    assert_eq!(accessors(&people).await, before, "the token was revoked");
}

/// Returns the number of tokens.
async fn accessors(people: &crate::support::people::People) -> usize {
    let (_, list) = people.bao().request("LIST", "auth/token/accessors", None).await;
    let keys = list["data"]["keys"].as_array().expect("accessors");
    let mut count = 0;
    for accessor in keys {
        let body = json!({ "accessor": accessor });
        let (status, lookup) =
            people.bao().request("POST", "auth/token/lookup-accessor", Some(body)).await;
        let is_wrapping = lookup["data"]["path"] == "sys/wrapping/wrap";
        count += usize::from(status == 200 && !is_wrapping);
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn m16_result_goes_to_an_address_of_the_client_only() {
    let people = start().await;
    let mut person = people.person();
    for address in [
        "http://127.0.0.1:33418/other",
        "http://127.0.0.1:33418/callback/",
        "http://127.0.0.1:33418/callback?a=b",
        "http://127.0.0.1:33418/callback#a",
        "http://user@127.0.0.1:33418/callback",
        "http://localhost:33418/callback",
        "http://localhost.evil.test/callback",
        "http://127.0.0.1.evil.test/callback",
        "https://127.0.0.1/callback",
        "https://app.example.net:8443/callback",
        "https://app.example.net/callback/../x",
        "https://evil.test/callback",
        "javascript:alert(1)",
        "x",
    ] {
        let request = with(app().parameters(), "redirect_uri", Some(address));
        let page = person.open(&authorize_url(&request)).await;
        assert_eq!(page.status(), 400, "{address} {page:?}");
        assert!(page.answer().header("location").is_none(), "{address}");
        assert!(!page.answer().body.contains("type=\"password\""), "{address}");
    }
    for address in ["http://127.0.0.1:1/callback", "https://app.example.net/callback"] {
        let request = with(app().parameters(), "redirect_uri", Some(address));
        let page = person.open(&authorize_url(&request)).await;
        assert_eq!(page.status(), 200, "{address} {page:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_m24_request_has_to_be_complete() {
    let resources = "https://mcp.example.com=MCP,https://b.example.com";
    let people = start_with(&[("VALIDATOR_RESOURCES", resources)]).await;
    let mut person = people.person();
    person.other_program = Some(CALLBACK.to_owned());
    for (name, value, error) in [
        ("response_type", Some("token"), "unsupported_response_type"),
        ("response_type", None, "unsupported_response_type"),
        ("response_mode", Some("fragment"), "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge", Some("short"), "invalid_request"),
        ("resource", None, "invalid_target"),
        ("resource", Some("https://other.example.com"), "invalid_target"),
        ("resource", Some("https://b.example.com:8443"), "invalid_target"),
    ] {
        let page = person.open(&authorize_url(&with(app().parameters(), name, value))).await;
        let callback = Callback::of(&page, CALLBACK);
        assert_eq!(callback.get("error").as_deref(), Some(error), "{name} {value:?}");
        assert_eq!(callback.get("state").as_deref(), Some("state 1&2"));
        assert_eq!(callback.get("iss").as_deref(), Some(ISSUER));
    }
    for (name, value) in [("client_id", None), ("client_id", Some("unknown"))] {
        let page = person.open(&authorize_url(&with(app().parameters(), name, value))).await;
        assert_eq!(page.status(), 400, "{page:?}");
    }
    let mut repeated = app().parameters();
    repeated.push(("resource", "https://mcp.example.com".to_owned()));
    assert_eq!(person.open(&authorize_url(&repeated)).await.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn m20_m24_only_resource_and_any_scope() {
    let people = start().await;
    let mut person = people.person();
    for (name, value) in [
        ("resource", None),
        ("resource", Some("https://mcp.example.com/")),
        ("resource", Some("HTTPS://MCP.example.com")),
        ("resource", Some("https://mcp.example.com/mcp")),
        ("scope", None),
        ("scope", Some("profile other")),
    ] {
        let page = person.open(&authorize_url(&with(app().parameters(), name, value))).await;
        assert_eq!(page.status(), 200, "{name} {value:?}");
        assert!(page.hidden("authorization").is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_request_is_for_its_issuer() {
    let people = start().await;
    let mut person = people.person();
    let form = person.open(&app().authorize_url()).await;
    let sealed = form.hidden("authorization").expect("a request");
    for broken in ["x", &sealed[1..], ""] {
        let fields =
            [("method", "0"), ("name", "ana"), ("password", PASSWORD), ("authorization", broken)];
        let page = person.submit(ISSUER, "/.vault-auth/login", &fields).await;
        assert_eq!(page.status(), 400, "{broken}");
    }
    let link = person.open(&format!("{ISSUER}/.vault-auth/login?authorization={sealed}")).await;
    assert_eq!(link.status(), 200);
    assert_eq!(link.hidden("authorization"), Some(sealed));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_keeps_the_authorization() {
    let people = start().await;
    let mut person = people.person();
    let form = person.open(&app().authorize_url()).await;
    let again = person.log_in(&form, "ana", "wrong").await;
    assert_eq!(again.status(), 403);
    let question = person.log_in(&again, "ana", PASSWORD).await;
    assert!(question.hidden("consent").is_some(), "{question:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_leaves_the_question_open() {
    let people = start().await;
    let mut person = people.person();
    let question = app().log_in(&mut person, "ana").await;
    let consent = question.hidden("consent").expect("a question");
    for path in ["/v1/auth/token/lookup", "/v1/sys/wrapping/wrap", "/v1/sys/wrapping/lookup"] {
        people.direct.fault.set_for(path, Fault::Reset).await;
        people.direct.validator.admin("DELETE", "/cache").await;
        let fields = [("consent", consent.as_str()), ("decision", "allow")];
        let page = person.submit(ISSUER, "/oauth/consent", &fields).await;
        assert_eq!(page.status(), 503, "{path} {page:?}");
    }
    people.direct.fault.set(Fault::Pass).await;
    app().answer(&mut person, &question, "allow").await.code();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_start_no_authorization() {
    let people = start().await;
    let mut person = people.person();
    for headers in [
        [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
        [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        [("sec-fetch-mode", "navigate"), ("sec-purpose", "prefetch")],
    ] {
        let answer = person.send("GET", &app().authorize_url(), &headers, None).await;
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    let other = person.send("GET", &app().authorize_url(), &[], None).await;
    assert_eq!(other.status, 200, "a browser without these headers");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_codes_are_not_logged() {
    let people = start().await;
    let code = app().authorize(&people, "ana").await.code();
    let tokens = Tokens::of(&post(&people, "/oauth/token", &app().exchange(&code)).await);
    validate(&people, ROUTE, &tokens.access).await;
    let refreshed = post(&people, "/oauth/token", &app().refresh(&tokens.refresh)).await;
    let log = people.direct.validator.log();
    let refreshed = Tokens::of(&refreshed);
    for secret in [&code, &tokens.access, &tokens.refresh, &refreshed.access, &refreshed.refresh] {
        assert!(!log.contains(&secret[..40]), "a token is in the log");
    }
    assert!(log.contains("client authorized") && log.contains("inspector"), "{log}");
}
