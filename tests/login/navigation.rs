//! Requests without a session: which of them are redirected, and what the others get.

use serde_json::json;
use vault_auth_validator::{login::LOGIN_COOKIE, token::SESSION_COOKIE};

use crate::support::{
    people::{PASSWORD, People},
    person::Initiator,
};

const CRM: &str = "https://crm.example.com/";

const NAVIGATION: [(&str, &str); 4] = [
    ("accept", "text/html,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "none"),
];

#[tokio::test(flavor = "multi_thread")]
async fn l05_other_requests_get_401_and_no_cookie() {
    let people = People::start().await;
    let mut person = people.person();
    for (mode, destination, accept) in [
        ("no-cors", "image", "image/avif,image/webp,*/*;q=0.8"),
        ("cors", "empty", "*/*"),
        ("cors", "empty", "text/event-stream"),
        ("cors", "manifest", "*/*"),
        ("same-origin", "serviceworker", "*/*"),
        ("no-cors", "empty", "text/html,*/*;q=0.8"),
        ("no-cors", "script", "*/*"),
        ("navigate", "iframe", "text/html"),
    ] {
        let headers =
            [("accept", accept), ("sec-fetch-mode", mode), ("sec-fetch-dest", destination)];
        let answer = person.send("GET", CRM, &headers, None).await;
        assert_eq!(answer.status, 401, "{mode} {destination}");
        assert_eq!(answer.header("set-cookie"), None, "{mode} {destination}");
        assert!(answer.header("www-authenticate").is_some(), "{mode} {destination}");
    }
    for headers in [
        vec![("accept", "application/json"), ("x-requested-with", "XMLHttpRequest")],
        vec![("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")],
        vec![],
    ] {
        let answer = person.send("GET", CRM, &headers, None).await;
        assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("credential_missing")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l06_websockets_are_never_redirected() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    let socket = |origin| {
        [("sec-websocket-key", "AQ=="), ("sec-websocket-version", "13"), ("origin", origin)]
    };
    let own = socket("https://crm.example.com");
    assert_eq!(person.send("GET", CRM, &own, None).await.status, 200);
    for origin in ["https://login.example.com", "https://evil.test", "null"] {
        let answer = person.send("GET", CRM, &socket(origin), None).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (403, &json!("cross_site")),
            "{origin}"
        );
    }
    let answer = person.send("GET", CRM, &own[..2], None).await;
    assert_eq!(answer.status, 403, "without an origin");
    person.forget("crm.example.com");
    let answer = person.send("GET", CRM, &own, None).await;
    assert_eq!((answer.status, answer.header("location")), (401, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn unsafe_methods_need_the_same_origin() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for (initiator, status) in [
            (Initiator::SameOrigin, 200),
            (Initiator::Typed, 200),
            (Initiator::SameSite, 403),
            (Initiator::CrossSite, 403),
        ] {
            let answer = person.hop(method, CRM, None, initiator).await;
            assert_eq!(answer.status, status, "{method} {initiator:?}");
        }
        for (origin, status) in [("https://crm.example.com", 200), ("https://evil.test", 403)] {
            let answer = person.send(method, CRM, &[("origin", origin)], None).await;
            assert_eq!(answer.status, status, "{method} {origin}");
        }
        assert_eq!(person.send(method, CRM, &[], None).await.status, 403, "{method}");
    }
    assert_eq!(person.hop("GET", CRM, None, Initiator::CrossSite).await.status, 200);
    person.switch_to(crate::support::person::Route::to_validator(
        &people.direct.validator,
        "cross_site=allow",
    ));
    assert_eq!(person.hop("POST", CRM, None, Initiator::CrossSite).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bearer_tokens_work_from_any_origin() {
    let people = People::start().await;
    let token = crate::support::stack::bearer(people.direct.acme.token());
    let headers = [("authorization", token.as_str()), ("sec-fetch-site", "cross-site")];
    let mut person = people.person();
    let answer = person.send("POST", CRM, &headers, None).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (200, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn prefetches_set_no_cookie_and_spend_no_ticket() {
    let people = People::start().await;
    let mut person = people.person();
    let prefetch = [&NAVIGATION[..], &[("sec-purpose", "prefetch;prerender")]].concat();
    let answer = person.send("GET", CRM, &prefetch, None).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (401, None));
    let form = person.open(CRM).await;
    let [to, browser] = ["to", "browser"].map(|field| form.hidden(field).expect("a field"));
    let fields = [
        ("method", "0"),
        ("name", "ana"),
        ("password", PASSWORD),
        ("to", &*to),
        ("browser", &*browser),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let login = "https://login.example.com/.vault-auth/login";
    let answer = person.hop("POST", login, Some(body), Initiator::SameOrigin).await;
    let ticket = answer.header("location").expect("a ticket").to_owned();
    let answer = person.send("GET", &ticket, &prefetch, None).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (403, None));
    assert_eq!(person.open(&ticket).await.status(), 200, "the ticket is not spent");
    person.forget("crm.example.com");
    let answer = person.send("GET", &form.url, &prefetch, None).await;
    assert_eq!(answer.header("location"), None, "no ticket for a prefetch");
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_fifty_navigations_keep_one_small_cookie() {
    let people = People::start().await;
    let mut person = people.person();
    let mut values = std::collections::BTreeSet::new();
    for number in 0..50 {
        let answer = person.hop("GET", &format!("{CRM}{number}"), None, Initiator::Typed).await;
        assert_eq!(answer.status, 302);
        values.insert(person.cookie("crm.example.com", LOGIN_COOKIE).expect("an id").to_owned());
    }
    assert_eq!(values.len(), 1, "the id is kept");
    assert_eq!(values.first().map(String::len), Some(22));
}

#[tokio::test(flavor = "multi_thread")]
async fn l16_form_without_a_session_gets_a_page() {
    let people = People::start().await;
    let mut person = people.person();
    let page = person.navigate("POST", CRM, Some("a=b".to_owned()), Initiator::SameOrigin).await;
    assert_eq!(page.statuses(), [401]);
    let body = &page.answer().body;
    assert!(body.contains("session has ended") && body.contains("</html>"), "{body}");
    assert!(page.answer().header("www-authenticate").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_open_redirects_are_refused() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    for to in [
        "//evil.test/",
        "https://evil.test/",
        "https:/evil.test/",
        "\\\\evil.test",
        "https://evil-crm.example.com.evil.test/",
        "https://crm.example.com@evil.test/",
        "https://crm.example.com:8443/",
        "http://crm.example.com/",
        "javascript:alert(1)",
        "https://crm.example.com/\t",
        "https://crm.example.com/\r\nlocation: https://evil.test/",
    ] {
        let to: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
        let page =
            person.open(&format!("https://login.example.com/.vault-auth/login?to={to}")).await;
        assert_eq!(page.statuses(), [400], "{to}");
        let links = page.answer().body.matches("href=\"https://evil").count();
        assert_eq!(links, 0, "{to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l24_plain_http_gets_a_clear_page() {
    let people = People::start().await;
    let mut person = people.person();
    let page = person.open("http://crm.example.com/").await;
    assert_eq!(page.statuses(), [302, 400], "{page:?}");
    assert!(page.answer().body.contains("http"), "{page:?}");
    let page = person.open("http://crm.example.com/.vault-auth/session?ticket=x").await;
    assert_eq!(page.status(), 403);
    assert!(page.answer().body.contains("https://crm.example.com/"), "{page:?}");
    assert_eq!(person.cookie("crm.example.com", SESSION_COOKIE), None);
    let mut local = people.person();
    let page = local.open("http://app.localhost:8080/.vault-auth/").await;
    assert_eq!(page.status(), 421, "no host of an application");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_pages_for_people() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    let route = |requirement: &str| {
        crate::support::person::Route::to_validator(&people.direct.validator, requirement)
    };
    person.switch_to(route("login=redirect&policy=operator"));
    let page = person.open(CRM).await;
    assert_eq!(page.statuses(), [403]);
    let body = &page.answer().body;
    assert!(body.contains("policy_required") && body.contains("/.vault-auth/"), "{body}");
    assert_eq!(page.answer().header("content-language"), Some("en"));
    person.headers.push(("accept-language".to_owned(), "es-CL,es;q=0.9,en;q=0.5".to_owned()));
    let page = person.open(CRM).await;
    assert_eq!(page.answer().header("content-language"), Some("es"));
    assert!(page.answer().body.contains("<html lang=\"es\""), "{page:?}");
    let answer = person.fetch("GET", CRM).await;
    assert_eq!(answer.json()["code"], "policy_required", "scripts get problem details");
}

#[tokio::test(flavor = "multi_thread")]
async fn l21_conflicting_token_is_no_reason_to_log_in() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    let token = crate::support::stack::bearer(people.direct.acme.token());
    let headers = [&NAVIGATION[..], &[("authorization", token.as_str())]].concat();
    let answer = person.send("GET", CRM, &headers, None).await;
    assert_eq!((answer.status, answer.header("location")), (401, None));
    assert!(answer.body.contains("credential_conflict"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn l23_links_of_other_sites_work() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    let page = person.navigate("GET", CRM, None, Initiator::CrossSite).await;
    assert_eq!(page.statuses(), [200]);
    person.forget("crm.example.com");
    let page = person.navigate("GET", CRM, None, Initiator::CrossSite).await;
    assert_eq!(page.status(), 200, "{page:?}");
    // A provider that returns by a form (`form_post`) is not supported.
    let callback = "https://login.example.com/.vault-auth/oidc/callback";
    let page = person.navigate("POST", callback, Some("code=a".into()), Initiator::CrossSite).await;
    assert_eq!(page.status(), 405);
}
