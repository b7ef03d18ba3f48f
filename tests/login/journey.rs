//! A person logs in, works and logs out.

use serde_json::json;
use vault_auth_validator::{login::LOGIN_COOKIE, token::SESSION_COOKIE};

use crate::support::{
    fault::Fault,
    people::{PASSWORD, People},
    person::{Initiator, Person},
};

const CRM: &str = "https://crm.example.com/app/1?filter=open&page=2";
const ERP: &str = "https://erp.example.com/";

async fn log_out(person: &mut Person, host: &str) -> crate::support::person::Page {
    let account = format!("https://{host}/.vault-auth/");
    person.submit(&account, "/.vault-auth/logout", &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn l15_login_returns_to_the_page_with_its_query() {
    let people = People::start().await;
    let mut person = people.person();
    let form = person.open(CRM).await;
    assert_eq!(form.statuses(), [302, 200], "{form:?}");
    assert!(
        form.url.starts_with("https://login.example.com/.vault-auth/login?to="),
        "{}",
        form.url
    );
    let page = person.log_in(&form, "ana", PASSWORD).await;
    assert_eq!(page.statuses(), [303, 303, 200], "{page:?}");
    assert_eq!(page.url, CRM);
    assert_eq!(page.answer().header("x-auth-subject"), Some("ana"));
    // The second host needs no password, since the login host knows the browser.
    let page = person.open(ERP).await;
    assert_eq!(page.statuses(), [302, 303, 303, 200], "{page:?}");
    assert_eq!(page.url, ERP);
}

#[tokio::test(flavor = "multi_thread")]
async fn l11_logout_ends_every_host() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    assert_eq!(person.open(ERP).await.status(), 200);
    let page = log_out(&mut person, "crm.example.com").await;
    assert_eq!(page.statuses(), [303, 200], "{page:?}");
    assert!(page.answer().body.contains("logged out"), "{}", page.answer().body);
    assert_eq!(person.cookie("crm.example.com", SESSION_COOKIE), None);
    for url in [CRM, ERP] {
        let page = person.open(url).await;
        assert_eq!(page.statuses(), [302, 200], "{page:?}");
        assert!(page.answer().body.contains("password"), "the form");
    }
    assert_eq!(person.open("https://login.example.com/.vault-auth/").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn l10_replayed_cookie_is_refused_after_logout() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    let session = person.cookie("crm.example.com", SESSION_COOKIE).expect("a session").to_owned();
    log_out(&mut person, "crm.example.com").await;
    person.set_cookie("crm.example.com", SESSION_COOKIE, &session);
    let answer = person.fetch("GET", CRM).await;
    assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("token_invalid")));
}

#[tokio::test(flavor = "multi_thread")]
async fn l12_logout_needs_a_post_of_the_same_origin() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    let url = "https://crm.example.com/.vault-auth/logout";
    assert_eq!(person.open(url).await.status(), 405);
    for initiator in [Initiator::SameSite, Initiator::CrossSite] {
        let page = person.navigate("POST", url, Some(String::new()), initiator).await;
        assert_eq!(page.status(), 403, "{initiator:?}");
    }
    assert_eq!(person.open(CRM).await.statuses(), [200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn account_page_shows_the_session() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    for host in ["crm.example.com", "login.example.com"] {
        let page = person.open(&format!("https://{host}/.vault-auth/")).await;
        let body = &page.answer().body;
        assert_eq!(page.statuses(), [200], "{body}");
        for part in ["ana", "crm-agent", "route-crm", host, "/.vault-auth/logout"] {
            assert!(body.contains(part), "{part} is missing: {body}");
        }
    }
    let page = person.open("https://erp.example.com/.vault-auth/").await;
    assert!(page.answer().body.contains("/.vault-auth/login"), "not logged in there yet");
}

#[tokio::test(flavor = "multi_thread")]
async fn l03_two_tabs_finish_their_logins() {
    let people = People::start().await;
    let mut person = people.person();
    // Both responses set an id of the browser; the second one replaces the first.
    let first = person.open(CRM).await;
    person.forget("crm.example.com");
    let second = person.open("https://crm.example.com/second").await;
    let page = person.log_in(&second, "ana", PASSWORD).await;
    assert_eq!((page.status(), &*page.url), (200, "https://crm.example.com/second"));
    let page = person.log_in(&first, "ana", PASSWORD).await;
    assert_eq!((page.status(), &*page.url), (200, CRM), "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l03_tab_of_a_replaced_browser_id_starts_again() {
    let people = People::start().await;
    let mut person = people.person();
    let first = person.open(CRM).await;
    person.forget("crm.example.com");
    person.open("https://crm.example.com/second").await;
    let page = person.log_in(&first, "ana", PASSWORD).await;
    // The ticket is for the id that was replaced: the login host issues another one.
    assert_eq!((page.status(), &*page.url), (200, CRM), "{page:?}");
    assert_eq!(page.statuses(), [303, 303, 302, 303, 303, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l09_login_replaces_and_revokes_a_session() {
    let people = People::start().await;
    people.create("eva", json!({"token_policies": "crm-agent"})).await;
    let mut person = people.logged_in().await;
    let before = person.cookie("crm.example.com", SESSION_COOKIE).expect("a session").to_owned();
    let login = "https://login.example.com/.vault-auth/login";
    let fields = [("method", "0"), ("name", "eva"), ("password", PASSWORD)];
    let page = person.submit(login, "/.vault-auth/login", &fields).await;
    assert_eq!(page.url, "https://login.example.com/.vault-auth/");
    let page = person.open(CRM).await;
    assert_eq!(page.answer().header("x-auth-subject"), Some("eva"), "{page:?}");
    assert_ne!(person.cookie("crm.example.com", SESSION_COOKIE), Some(&*before));
    person.set_cookie("crm.example.com", SESSION_COOKIE, &before);
    assert_eq!(person.fetch("GET", CRM).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn l20_disabled_person_is_logged_out() {
    let people = People::start_with(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    let mut person = people.logged_in().await;
    let entity = person.open(CRM).await.answer().header("x-auth-entity-id").map(str::to_owned);
    let entity = format!("identity/entity/id/{}", entity.expect("an entity"));
    people.bao().must("POST", &entity, Some(json!({"disabled": true}))).await;
    crate::support::wait::eventually(
        std::time::Duration::from_secs(10),
        "the session to end",
        async || (person.fetch("GET", CRM).await.status == 401).then_some(()),
    )
    .await;
    assert_eq!(person.open(CRM).await.statuses(), [302, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l28_unavailable_vault_is_a_page_not_a_loop() {
    let people = People::start_with(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    let mut person = people.logged_in().await;
    let mut new = people.person();
    let form = new.open(CRM).await;
    people.direct.fault.set(Fault::Hang).await;
    let page = new.log_in(&form, "ana", PASSWORD).await;
    assert_eq!(page.status(), 503, "{page:?}");
    assert!(page.answer().body.contains("<form"), "the form to try again");
    let page = person.open(ERP).await;
    assert_eq!((page.status(), page.hops.len()), (503, 2), "{page:?}");
    let logout = log_out(&mut person, "crm.example.com").await;
    assert_eq!(logout.status(), 503);
    assert!(person.cookie("crm.example.com", SESSION_COOKIE).is_some(), "the session goes on");
    people.direct.fault.set(Fault::Pass).await;
    assert_eq!(log_out(&mut person, "crm.example.com").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_host_with_a_port_or_other_case_is_the_same() {
    let people = People::start().await;
    let mut person = people.logged_in().await;
    let session = person.cookie("crm.example.com", SESSION_COOKIE).expect("a session").to_owned();
    let cookie = format!("{SESSION_COOKIE}={session}");
    let ask = async |host: &str| {
        let headers = [
            ("cookie", cookie.as_str()),
            ("x-forwarded-host", host),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", "/"),
        ];
        people.direct.validator.validate("", &headers).await.status
    };
    for host in ["crm.example.com", "CRM.Example.com", "crm.example.com:443"] {
        assert_eq!(ask(host).await, 200, "{host}");
    }
    for host in ["crm.example.com:8443", "www.crm.example.com", "erp.example.com", "a b"] {
        let status = ask(host).await;
        assert!([400, 401].contains(&status), "{host}: {status}");
    }
    // A page at another port cannot be returned to, and is not looped.
    let page = person.open("https://crm.example.com:8443/").await;
    assert_eq!(page.statuses(), [302, 400], "{page:?}");
    assert!(person.cookie("crm.example.com", LOGIN_COOKIE).is_some());
}
