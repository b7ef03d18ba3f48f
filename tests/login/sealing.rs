//! Sealed cookies and tickets: where they are accepted, and where not.

use std::fs;

use jiff::SignedDuration;
use vault_auth_validator::{
    sealed::{KeyRing, Purpose},
    token::SESSION_COOKIE,
    wall_clock::now,
};

use crate::support::{
    people::{PASSWORD, People},
    person::{Initiator, Person, Route},
    validator::Validator,
    wait::eventually,
};

const CRM: &str = "https://crm.example.com/";
const HOST: &str = "crm.example.com";

fn session(person: &Person) -> String {
    person.cookie(HOST, SESSION_COOKIE).expect("a session").to_owned()
}

/// Returns the URL with a ticket that a login of `ana` yields.
async fn ticket(person: &mut Person) -> String {
    let form = person.open(CRM).await;
    let [to, browser] = ["to", "browser"].map(|field| form.hidden(field).expect("a field"));
    let fields = [("name", "ana"), ("password", PASSWORD), ("to", &*to), ("browser", &*browser)];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let login = "https://login.example.com/.vault-auth/login";
    let answer = person.hop("POST", login, Some(body), Initiator::SameOrigin).await;
    answer.header("location").expect("a ticket").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn cookie_is_useless_elsewhere() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    let sealed = session(&person);
    person.set_cookie("erp.example.com", SESSION_COOKIE, &sealed);
    person.set_cookie("acme.crm.example.com", SESSION_COOKIE, &sealed);
    for host in ["erp.example.com", "acme.crm.example.com"] {
        let answer = person.fetch("GET", &format!("https://{host}/")).await;
        assert_eq!(answer.status, 401, "{host}");
    }
    // At Vault, as a bearer token, and at the API.
    let lookup = people.bao().request_as(&sealed, "GET", "auth/token/lookup-self", None).await;
    assert_eq!(lookup.0, 403);
    assert_eq!(people.direct.ask(&sealed).await.status, 401);
    let cookie = format!("{SESSION_COOKIE}={sealed}");
    let headers = [("cookie", cookie.as_str()), ("x-forwarded-host", HOST)];
    let url = format!("{}/v1/whoami", people.direct.validator.api_url());
    let client = crate::support::http::client();
    let answer = crate::support::http::send(&client, "GET", &url, &headers, None).await;
    assert_eq!(answer.expect("an answer").status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn ticket_and_cookie_are_not_interchangeable() {
    let people = People::start().await;
    let mut person = people.person();
    let url = ticket(&mut person).await;
    let sealed = url.split("ticket=").nth(1).expect("a ticket").to_owned();
    person.set_cookie(HOST, SESSION_COOKIE, &sealed);
    assert_eq!(person.fetch("GET", CRM).await.status, 401);
    assert_eq!(person.open(&url).await.status(), 200);
    let cookie = session(&person);
    let page = person.open(&format!("{CRM}.vault-auth/session?ticket={cookie}")).await;
    assert_eq!(page.statuses(), [400]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l17_ticket_is_spent_once_by_one_browser() {
    let people = People::start().await;
    let mut person = people.person();
    let url = ticket(&mut person).await;
    let mut thief = people.person();
    let page = thief.open(&url).await;
    assert_eq!(page.statuses(), [303, 302, 200], "another browser has to log in: {page:?}");
    thief.forget(HOST);
    let own = ticket(&mut thief).await;
    let page = thief.open(&url).await;
    assert_eq!(page.hops[0].1.header("set-cookie"), None, "with its own id, too");
    assert_eq!(thief.open(&own).await.status(), 200);
    for host in ["erp.example.com", "login.example.com", "evil.test"] {
        let page = person.open(&url.replace(HOST, host)).await;
        assert!([400, 421].contains(&page.status()), "{host}: {page:?}");
    }
    let page = person.open(&url).await;
    assert_eq!(page.statuses(), [303, 200]);
    assert!(page.hops[0].1.header("set-cookie").is_some());
    let page = person.open(&url).await;
    assert_eq!(page.statuses(), [303, 200], "the page, with the session that there is");
    assert_eq!(page.hops[0].1.header("set-cookie"), None);
    person.set_cookie(HOST, SESSION_COOKIE, "x");
    let page = person.open(&url).await;
    assert_eq!(page.statuses(), [303, 302, 303, 303, 200], "a new ticket: {page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l17_one_of_two_replicas_exchanges_a_ticket() {
    let people = People::start().await;
    let other = replica(&people).await;
    for _ in 0..5 {
        let mut first = people.person();
        let url = ticket(&mut first).await;
        let id = vault_auth_validator::login::LOGIN_COOKIE;
        let browser = first.cookie(HOST, id).expect("an id").to_owned();
        let mut second = Person::new(Route::to_validator(&other, "login=redirect"));
        second.set_cookie(HOST, id, &browser);
        let hops = tokio::join!(
            first.hop("GET", &url, None, Initiator::SameSite),
            second.hop("GET", &url, None, Initiator::SameSite)
        );
        let hops = [hops.0, hops.1];
        let sessions = hops.iter().filter(|answer| answer.header("set-cookie").is_some()).count();
        assert_eq!(sessions, 1, "{hops:?}");
        assert!(hops.iter().all(|answer| answer.status == 303), "{hops:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn session_is_valid_at_every_replica() {
    let people = People::start().await;
    let other = replica(&people).await;
    let mut person = people.logged_in().await;
    person.switch_to(Route::to_validator(&other, "login=redirect"));
    assert_eq!(person.open(CRM).await.statuses(), [200]);
    // A replica with other keys does not know the session; one login later it does.
    fs::write(people.key_file(), KeyRing::generate().as_str()).expect("a file");
    let stranger = replica(&people).await;
    person.switch_to(Route::to_validator(&stranger, "login=redirect"));
    let page = person.open(CRM).await;
    assert_eq!(page.statuses(), [302, 200], "{page:?}");
    let page = person.log_in(&page, "ana", PASSWORD).await;
    assert_eq!(page.status(), 200, "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l10_logout_reaches_other_replicas() {
    let people = People::start_with(&[("VALIDATOR_CACHE_TTL", "2s")]).await;
    let other = replica(&people).await;
    let mut person = people.logged_in().await;
    let sealed = session(&person);
    let mut thief = Person::new(Route::to_validator(&other, "login=redirect"));
    thief.set_cookie(HOST, SESSION_COOKIE, &sealed);
    assert_eq!(thief.open(CRM).await.statuses(), [200]);
    let account = format!("{CRM}.vault-auth/");
    let page = person.submit(&account, "/.vault-auth/logout", &[]).await;
    assert_eq!(page.status(), 200, "{page:?}");
    let started = std::time::Instant::now();
    let ended = async || (thief.fetch("GET", CRM).await.status == 401).then_some(());
    eventually(std::time::Duration::from_secs(10), "the session to end", ended).await;
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn l01_session_outlives_its_key_while_it_is_listed() {
    let people = People::start_with(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    let mut person = people.logged_in().await;
    let before = session(&person);
    let old = fs::read_to_string(people.key_file()).expect("keys");
    let new = KeyRing::generate();
    reload(&people, &format!("{}{old}", *new), 1).await;
    assert_eq!(person.open(CRM).await.statuses(), [200]);
    reload(&people, &new, 2).await;
    let ended = async || (person.fetch("GET", CRM).await.status == 401).then_some(());
    eventually(std::time::Duration::from_secs(10), "the session to end", ended).await;
    let page = person.open(CRM).await;
    assert_eq!(page.statuses(), [302, 200], "one login, no loop: {page:?}");
    assert_eq!(person.log_in(&page, "ana", PASSWORD).await.status(), 200);
    assert_ne!(session(&person), before);
    // An invalid file changes nothing.
    fs::write(people.key_file(), "no key").expect("a file");
    signal(&people);
    let logged =
        async || people.direct.validator.log().contains("configuration not reloaded").then_some(());
    eventually(std::time::Duration::from_secs(10), "the error", logged).await;
    assert_eq!(person.open(CRM).await.statuses(), [200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l01_cookies_that_do_not_open_lead_to_one_login() {
    let people = People::start().await;
    for value in ["x", "AQ", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let mut person = people.person();
        person.set_cookie(HOST, SESSION_COOKIE, value);
        let form = person.open(CRM).await;
        assert_eq!(form.statuses(), [302, 200], "{value}");
        let page = person.log_in(&form, "ana", PASSWORD).await;
        assert_eq!(page.statuses(), [303, 303, 200], "{value}");
        assert_ne!(session(&person), value);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l01_browser_without_cookies_sees_why() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        // The browser keeps nothing of this host.
        person.forget(HOST);
        let page = person.open(CRM).await;
        statuses.push(page.status());
        if page.status() == 403 {
            let body = &page.answer().body;
            assert!(body.contains(HOST) && body.contains("Cookies"), "{body}");
            return;
        }
    }
    panic!("no end: {statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l29_clocks_may_differ_by_minutes() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    let ring = KeyRing::read(&people.key_file()).expect("keys");
    let token = ring.unseal(Purpose::Session, HOST, now(), &session(&person)).expect("the token");
    for (seconds, status) in [(3_600, 200), (30, 200), (-30, 401)] {
        let expiry = now() + SignedDuration::from_secs(seconds);
        let sealed = ring.seal(Purpose::Session, HOST, expiry, &token).expect("a session");
        person.set_cookie(HOST, SESSION_COOKIE, &sealed);
        assert_eq!(person.fetch("GET", CRM).await.status, status, "{seconds}");
    }
    // A replica whose clock is five minutes ahead accepts a new session and a new ticket.
    let later = now() + SignedDuration::from_mins(5) - SignedDuration::from_secs(5);
    let mut person = people.person();
    let url = ticket(&mut person).await;
    let sealed = url.split("ticket=").nth(1).expect("a ticket").to_owned();
    ring.unseal(Purpose::Ticket, HOST, later, &sealed).expect("a ticket");
    assert_eq!(person.open(&url).await.status(), 200);
    ring.unseal(Purpose::Session, HOST, later, &session(&person)).expect("a session");
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_token_does_not_fit_into_a_session() {
    let people = People::start().await;
    let policies: Vec<_> = (0..200).map(|number| format!("a-long-policy-name-{number}")).collect();
    let settings = serde_json::json!({"token_type": "batch", "token_policies": policies});
    people.create("batch", settings).await;
    let mut person = people.person();
    let form = person.open(CRM).await;
    let page = person.log_in(&form, "batch", PASSWORD).await;
    assert_eq!(page.status(), 403, "{page:?}");
    assert_eq!(page.answer().header("set-cookie"), None);
}

/// Starts another validator with the same configuration.
async fn replica(people: &People) -> Validator {
    let file = people.key_file().display().to_string();
    let env = [
        ("VALIDATOR_LOGIN_URL", "https://login.example.com"),
        ("VALIDATOR_LOGIN_HOSTS", crate::support::people::HOSTS),
        ("VALIDATOR_SEALING_KEY_FILE", file.as_str()),
        ("VALIDATOR_CACHE_TTL", "2s"),
    ];
    Validator::start(people.bao(), &people.direct.role, &env).await
}

/// Writes the file of the sealing keys, and makes the validator read it; it is the reload with this
/// number.
async fn reload(people: &People, keys: &str, number: usize) {
    fs::write(people.key_file(), keys).expect("a file");
    signal(people);
    let reloaded = async || {
        let log = people.direct.validator.log();
        (log.matches("\"configuration reloaded\"").count() >= number).then_some(())
    };
    eventually(std::time::Duration::from_secs(10), "the keys to be read", reloaded).await;
}

fn signal(people: &People) {
    people.direct.validator.process().signal("HUP");
}
