//! Logins behind the recipes for Caddy, nginx, Traefik and Envoy.

use std::time::Duration;

use serde_json::json;
use vault_auth_validator::{login::LOGIN_COOKIE, token::SESSION_COOKIE};

use crate::support::{
    backend::{Backend, received},
    edge::{Edge, Extra, ORIGIN, Recipe},
    edges::{self, Edges},
    fault::Fault,
    http::Answer,
    people::{PASSWORD, People},
    person::{Initiator, Person, Route},
    raw,
    wait::eventually,
};

const HOST: &str = "acme.crm.localhost";
const CRM: &str = "http://acme.crm.localhost/app/1?filter=open&page=2";
const OTHER_CRM: &str = "http://globex.crm.localhost/";
const LOGIN: &str = "http://login.localhost/.vault-auth/login";

/// The headers of a page that a person opens.
const NAVIGATION: [(&str, &str); 4] = [
    ("accept", "text/html,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "none"),
];

/// Every proxy with a recipe, in front of a validator with browser logins. `ana` works for acme. Fields
/// are in the order in which they are to be stopped.
struct LoginFronts {
    edges: Edges,
    people: People,
    backend: Backend,
}

impl LoginFronts {
    async fn start() -> Self {
        Self::with(&[], Recipe::PLAIN).await
    }

    async fn with(env: &[(&str, &str)], recipe: Recipe<'_>) -> Self {
        let login = [
            ("VALIDATOR_LOGIN_URL", "http://login.localhost"),
            ("VALIDATOR_LOGIN_HOSTS", "*.crm.localhost"),
        ];
        let people = People::start_with(&[&login, env].concat()).await;
        people.create("ana", json!({"token_policies": "crm-agent,tenant-acme"})).await;
        let backend = Backend::start().await;
        let validator = &people.direct.validator;
        let api = validator.api_url();
        let recipe = Recipe { login: api.trim_start_matches("http://"), ..recipe };
        let edges = edges::start(validator.auth_address(), backend.address(), recipe).await;
        Self { edges, people, backend }
    }

    /// Asserts that the application has received as many requests as this.
    fn assert_hits(&self, hits: usize, name: &str) {
        assert_eq!(self.backend.hits(), hits, "{name}: requests to the application");
    }
}

/// A person without cookies.
fn person(edge: &Edge) -> Person {
    Person::new(Route::Proxy(format!("http://{}", edge.address())))
}

/// A person who is logged in at acme's CRM and at the login host.
async fn logged_in(name: &str, edge: &Edge) -> Person {
    let mut person = person(edge);
    let form = person.open(CRM).await;
    let page = person.log_in(&form, "ana", PASSWORD).await;
    assert_eq!((page.status(), &*page.url), (200, CRM), "{name}: {page:?}\n{}", edge.log());
    person
}

fn session(person: &Person) -> String {
    person.cookie(HOST, SESSION_COOKIE).expect("a session").to_owned()
}

/// Asserts that a response is a refusal with a challenge, no redirect and no cookie.
fn assert_unauthenticated(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {answer:?}");
    assert_eq!(answer.header("location"), None, "{what}");
    assert_eq!(answer.header("set-cookie"), None, "{what}");
    let challenge = answer.header("www-authenticate");
    assert_eq!(challenge, Some(r#"Bearer realm="vault""#), "{what}: {answer:?}");
}

/// Returns the values of `Cache-Control`.
fn cache_control(answer: &Answer) -> Vec<&str> {
    let lines = answer.headers.get_all("cache-control").iter();
    lines.map(|line| line.to_str().expect("text")).collect()
}

/// Sends a request to acme's CRM with these header lines, each ended by CRLF.
async fn send_lines(edge: &Edge, lines: &str) -> Answer {
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n");
    let answer = raw::exchange(&edge.address(), request.as_bytes(), Duration::from_secs(5)).await;
    answer.expect("an answer").into()
}

#[tokio::test(flavor = "multi_thread")]
async fn l31_people_log_in_behind_each_proxy() {
    let fronts = LoginFronts::start().await;
    for (name, edge) in &fronts.edges {
        let mut person = person(edge);
        person.set_cookie(HOST, "own", "\"kept\"==");
        let form = person.open(CRM).await;
        assert_eq!(form.statuses(), [302, 200], "{name}: {form:?}\n{}", edge.log());
        assert!(form.url.starts_with(&format!("{LOGIN}?to=")), "{name}: {}", form.url);
        let page = person.log_in(&form, "ana", PASSWORD).await;
        assert_eq!(page.statuses(), [303, 303, 200], "{name}: {page:?}");
        assert_eq!(page.url, CRM, "{name}");
        let seen = page.answer().json();
        assert_eq!(seen["uri"], "/app/1?filter=open&page=2", "{name}");
        assert_eq!(received(&seen, "x-auth-subject"), ["ana"], "{name}");
        assert_eq!(received(&seen, "x-auth-tenant"), ["acme"], "{name}");
        assert_eq!(received(&seen, "cookie"), ["own=\"kept\"=="], "{name}");

        // The second host needs no password. It belongs to another tenant, so that ana is refused there.
        let page = person.open(OTHER_CRM).await;
        assert_eq!(page.statuses(), [302, 303, 303, 403], "{name}: {page:?}");
        assert!(person.cookie("globex.crm.localhost", SESSION_COOKIE).is_some(), "{name}");

        let account = format!("http://{HOST}/.vault-auth/");
        let page = person.open(&account).await;
        assert!(page.status() == 200 && page.answer().body.contains("ana"), "{name}: {page:?}");
        let page = person.submit(&account, "/.vault-auth/logout", &[]).await;
        assert_eq!(page.statuses(), [303, 200], "{name}: {page:?}");
        assert_eq!(person.cookie(HOST, SESSION_COOKIE), None, "{name}");
        for url in [CRM, OTHER_CRM] {
            let page = person.open(url).await;
            assert_eq!(page.statuses(), [302, 200], "{name}: {page:?}");
            assert!(page.url.starts_with(LOGIN), "{name}: {}", page.url);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn login_pages_are_at_their_paths_only() {
    let fronts = LoginFronts::start().await;
    for (name, edge) in &fronts.edges {
        let mut person = person(edge);
        let page = person.open("http://login.localhost/").await;
        assert_eq!(page.status(), 200, "{name}: {page:?}");
        assert_eq!(page.url, "http://login.localhost/.vault-auth/", "{name}");
        for path in
            ["/.vault-auth/x", "/.vault-auth", "/.vault-auth/login/", "/x/.vault-auth/login"]
        {
            let answer = person.fetch("GET", &format!("http://{HOST}{path}")).await;
            assert_unauthenticated(&answer, &format!("{name}: {path}"));
        }
        for path in ["/v1/tenants/acme/secrets", "/openapi.json", "/docs"] {
            let answer = person.fetch("GET", &format!("http://login.localhost{path}")).await;
            assert!(matches!(answer.status, 302 | 303), "{name}: {path}: {answer:?}");
            let location = answer.header("location").expect("a location");
            assert!(location.ends_with("/.vault-auth/"), "{name}: {location}");
        }
    }
    fronts.assert_hits(0, "all");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_headers_do_not_reach_the_login() {
    let fronts = LoginFronts::start().await;
    let forged = [
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-uri", "/forged"),
        ("x-forwarded-method", "POST"),
        ("x-original-uri", "/forged"),
        ("x-original-method", "POST"),
    ];
    let headers = [&NAVIGATION[..], &forged].concat();
    let expected = |page: &str| format!("{LOGIN}?to=http://{HOST}{page}&browser=");
    for (name, edge) in &fronts.edges {
        for (path, page) in [("/app", "/app"), ("/.vault-auth/login", "/")] {
            let url = format!("http://{HOST}{path}");
            let answer = person(edge).send("GET", &url, &headers, None).await;
            let location = answer.header("location").expect("a location");
            assert!(location.starts_with(&expected(page)), "{name}: {location}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l05_scripts_are_not_redirected_by_a_proxy() {
    let fronts = LoginFronts::start().await;
    for (name, edge) in &fronts.edges {
        let mut person = person(edge);
        let with = |extra: (&'static str, &'static str)| [&NAVIGATION[..], &[extra]].concat();
        let fetch = |mode, dest| vec![("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
        for headers in [
            fetch("cors", "empty"),
            fetch("no-cors", "image"),
            fetch("same-origin", "serviceworker"),
            fetch("navigate", "iframe"),
            vec![("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")],
            vec![("accept", "text/event-stream")],
            with(("sec-purpose", "prefetch;prerender")),
            with(("purpose", "prefetch")),
            with(("x-moz", "prefetch")),
        ] {
            let answer = person.send("GET", CRM, &headers, None).await;
            assert_unauthenticated(&answer, &format!("{name}: {headers:?}"));
        }
        let answer = person.send("HEAD", CRM, &NAVIGATION, None).await;
        assert_unauthenticated(&answer, &format!("{name}: HEAD"));
        // A browser without fetch metadata.
        let answer = person.send("GET", CRM, &NAVIGATION[..1], None).await;
        assert_eq!(answer.status, 302, "{name}: {answer:?}");
        assert!(person.cookie(HOST, LOGIN_COOKIE).is_some(), "{name}");
    }
    fronts.assert_hits(0, "all");
}

#[tokio::test(flavor = "multi_thread")]
async fn l06_websockets_are_not_redirected_by_a_proxy() {
    let fronts = LoginFronts::start().await;
    for (name, edge) in &fronts.edges {
        let handshake = |origin: &str| {
            format!(
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAccept: text/html\r\n\
                 Origin: {origin}\r\n"
            )
        };
        let own = handshake(&format!("http://{HOST}"));
        let answer = send_lines(edge, &own).await;
        assert_unauthenticated(&answer, name);
        let cookie =
            format!("Cookie: {SESSION_COOKIE}={}\r\n", session(&logged_in(name, edge).await));
        // The application declines the handshake.
        let hits = fronts.backend.hits();
        let answer = send_lines(edge, &(own + &cookie)).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        for origin in ["http://login.localhost", "http://globex.crm.localhost", "null"] {
            let answer = send_lines(edge, &(handshake(origin) + &cookie)).await;
            assert_eq!(answer.status, 403, "{name}: {origin}: {answer:?}");
        }
        fronts.assert_hits(hits + 1, name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l16_forms_are_not_redirected_by_a_proxy() {
    let fronts = LoginFronts::start().await;
    for (name, edge) in &fronts.edges {
        let form = || Some("a=b".to_owned());
        let answer = person(edge).hop("POST", CRM, form(), Initiator::SameOrigin).await;
        assert_unauthenticated(&answer, name);
        // nginx has its own page.
        if *name != "nginx" {
            assert!(answer.body.contains("session has ended"), "{name}: {answer:?}");
            for header in ["content-security-policy", "content-language", "x-frame-options"] {
                assert!(answer.header(header).is_some(), "{name}: {header}: {answer:?}");
            }
        }
        let mut person = logged_in(name, edge).await;
        let hits = fronts.backend.hits();
        for initiator in [Initiator::SameSite, Initiator::CrossSite] {
            let answer = person.hop("POST", CRM, form(), initiator).await;
            assert_eq!(answer.status, 403, "{name}: {initiator:?}: {answer:?}");
        }
        let headers = [("origin", "http://globex.crm.localhost")];
        assert_eq!(person.send("POST", CRM, &headers, form()).await.status, 403, "{name}");
        fronts.assert_hits(hits, name);
        let answer = person.hop("POST", CRM, form(), Initiator::SameOrigin).await;
        assert_eq!(answer.json()["body"], "a=b", "{name}: {answer:?}");
        person.set_cookie(HOST, SESSION_COOKIE, "ended");
        let answer = person.hop("POST", CRM, form(), Initiator::SameOrigin).await;
        assert_eq!((answer.status, answer.header("location")), (401, None), "{name}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l21_conflicting_token_is_not_redirected() {
    let fronts = LoginFronts::start().await;
    let token = [("x-vault-token", fronts.people.direct.acme.token())];
    for (name, edge) in &fronts.edges {
        let mut person = logged_in(name, edge).await;
        let headers = [&NAVIGATION[..], &token].concat();
        let answer = person.send("GET", CRM, &headers, None).await;
        assert_eq!((answer.status, answer.header("location")), (401, None), "{name}: {answer:?}");
    }
}

/// Cookies of a client, and those that reach the application. `S` is the session, `B` the id of the
/// browser.
const COOKIES: [(&str, &str); 18] = [
    ("S", ""),
    ("S; B", ""),
    ("B; S", ""),
    ("S; B; a=1", "a=1"),
    ("a=1; S; B", "a=1"),
    ("S; a=1; B", "a=1"),
    ("B; a=1; S; b=2", "a=1; b=2"),
    ("a=1; B; b=2; S; c=3", "a=1; b=2; c=3"),
    ("a=1;S;B;b=2", "a=1;b=2"),
    ("a=1;  S;  b=2", "a=1;  b=2"),
    ("S; S", ""),
    ("a=1; S; B; S; B; b=2", "a=1; b=2"),
    ("S; a=1; S; b=2; B; c=3; B", "a=1; b=2; c=3"),
    ("S;", ""),
    ("a=\"q; r\"; S; b==", "a=\"q; r\"; b=="),
    (
        "x__Host-vault-session=1; S; __Host-vault-sessions=2",
        "x__Host-vault-session=1; __Host-vault-sessions=2",
    ),
    ("__Host-Vault-Session=1; S; vault-login=2", "__Host-Vault-Session=1; vault-login=2"),
    (
        "a=__Host-vault-login=2; S; __Host-vault-login2=3",
        "a=__Host-vault-login=2; __Host-vault-login2=3",
    ),
];

/// Odd ways to write a cookie with the session, `V`.
const ODD_COOKIES: [&str; 12] = [
    "__Host-vault-session =V",
    "__Host-vault-session= V",
    "__Host-vault-session=V ; a=1",
    "a=1 ; __Host-vault-session=V",
    "a=1;\t__Host-vault-session=V",
    ";;__Host-vault-session=V",
    "; ;__Host-vault-session=V",
    "a=1, __Host-vault-session=V",
    "__Host-vault-session=\"V\"",
    "a=\"1; __Host-vault-session=V\"",
    "__Host-vault-session==V",
    "a; __Host-vault-session=V",
];

/// Returns the cookies that the application receives with these header lines.
async fn cookies(edge: &Edge, lines: &str) -> Vec<String> {
    let answer = send_lines(edge, lines).await;
    assert_eq!(answer.status, 200, "{lines}: {answer:?}");
    let seen = received(&answer.json(), "cookie");
    seen.into_iter().filter(|line| !line.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn l22_other_cookies_are_unchanged() {
    let fronts = LoginFronts::start().await;
    for (name, edge) in &fronts.edges {
        let session = session(&logged_in(name, edge).await);
        let own = format!("{SESSION_COOKIE}={session}");
        let browser = format!("{LOGIN_COOKIE}={}", "A".repeat(22));
        let line = |cookies: &str| {
            let pairs = cookies.split(';').map(|pair| match pair.trim() {
                "S" => pair.replace('S', &own),
                "B" => pair.replace('B', &browser),
                _ => pair.to_owned(),
            });
            format!("Cookie: {}\r\n", pairs.collect::<Vec<_>>().join(";"))
        };
        for (sent, expected) in COOKIES {
            let expected: Vec<_> =
                Some(expected).filter(|text| !text.is_empty()).into_iter().collect();
            assert_eq!(cookies(edge, &line(sent)).await, expected, "{name}: {sent}");
        }
        let lines = format!("{}{}{}", line("a=1"), line("S; b=2"), line("B"));
        if *name == "Envoy" {
            // It joins them by commas for the validator. Browsers send one line.
            assert_eq!(send_lines(edge, &lines).await.status, 401, "{name}: three lines");
        } else {
            assert_eq!(cookies(edge, &lines).await.join("; "), "a=1; b=2", "{name}: three lines");
        }
        // nginx removes all cookies then.
        let many = cookies(edge, &line("a=1; S; S; S; B; B; b=2")).await;
        let expected: &[&str] = if *name == "nginx" { &[] } else { &["a=1; b=2"] };
        assert_eq!(many, expected, "{name}: five");
        for odd in ODD_COOKIES {
            let line = format!("Cookie: {}\r\n", odd.replace('V', &session));
            let answer = send_lines(edge, &line).await;
            let is_passed_on = answer.status == 200 && answer.body.contains(&session);
            assert!(!is_passed_on, "{name}: {odd}: {answer:?}");
        }
        let token = format!("X-Vault-Token: {}\r\n", fronts.people.direct.acme.token());
        let lines = format!("{token}{}{}", line("a=1"), line("B; b=2"));
        assert_eq!(cookies(edge, &lines).await.join("; "), "a=1; b=2", "{name}: with a token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l30_pages_are_not_kept_by_the_browser() {
    let fronts = LoginFronts::start().await;
    for (name, edge) in &fronts.edges {
        let mut person = person(edge);
        let form = person.open(CRM).await;
        for (url, answer) in &form.hops {
            assert_eq!(cache_control(answer), ["no-store"], "{name}: {url}");
        }
        let page = person.log_in(&form, "ana", PASSWORD).await;
        for (url, answer) in &page.hops {
            assert_eq!(cache_control(answer), ["no-store"], "{name}: {url}");
        }
        let page = person.navigate("GET", OTHER_CRM, None, Initiator::SameSite).await;
        assert_eq!((page.status(), page.hops.len()), (403, 4), "{name}");
        assert_eq!(cache_control(page.answer()), ["no-store"], "{name}");
        // Scripts' responses are the application's own.
        let answer = person.fetch("GET", CRM).await;
        assert_eq!((answer.status, cache_control(&answer)), (200, vec![]), "{name}");
        let token = ("x-vault-token", fronts.people.direct.acme.token());
        person.forget(HOST);
        let answer = person.send("GET", CRM, &[&NAVIGATION[..], &[token]].concat(), None).await;
        assert_eq!((answer.status, cache_control(&answer)), (200, vec![]), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l28_outage_is_no_redirect_behind_a_proxy() {
    let fronts = LoginFronts::with(&[("VALIDATOR_CACHE_TTL", "1s")], Recipe::PLAIN).await;
    let mut persons = Vec::new();
    for (name, edge) in &fronts.edges {
        persons.push((*name, logged_in(name, edge).await));
    }
    fronts.people.direct.fault.set(Fault::Garbage).await;
    for (name, person) in &mut persons {
        let answer = eventually(Duration::from_secs(10), "the cached session to end", async || {
            let answer = person.hop("GET", CRM, None, Initiator::Typed).await;
            (answer.status != 200).then_some(answer)
        });
        let answer = answer.await;
        // nginx has one status for everything but 401 and 403.
        let status = if *name == "nginx" { 500 } else { 503 };
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        assert_eq!(answer.header("location"), None, "{name}");
        assert_eq!(answer.header("set-cookie"), None, "{name}");
    }
    fronts.people.direct.fault.set(Fault::Pass).await;
    for (name, person) in &mut persons {
        assert_eq!(person.open(CRM).await.statuses(), [200], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_headers_stay_with_browser_logins() {
    let fronts = LoginFronts::with(&[], Recipe::with(Extra::Cors)).await;
    for (name, edge) in &fronts.edges {
        let mut person = person(edge);
        let origin = ("origin", ORIGIN);
        let answer = person.send("GET", CRM, &[origin], None).await;
        assert_unauthenticated(&answer, name);
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{name}");
        let page = person.send("GET", CRM, &[&NAVIGATION[..], &[origin]].concat(), None).await;
        assert_eq!(page.status, 302, "{name}: {page:?}");
        assert_eq!(logged_in(name, edge).await.fetch("GET", CRM).await.status, 200, "{name}");
    }
}
