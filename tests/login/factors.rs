//! Logins with a passcode, and at an `OpenID` provider, through the pages.

use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{
    idp::Idp,
    people::{PASSWORD, People},
    person::{Initiator, Page, Person},
    totp,
};

const CRM: &str = "https://crm.example.com/a";
const CALLBACK: &str = "https://login.example.com/.vault-auth/oidc/callback";

/// Submits a passcode on the page that asks for it.
async fn submit_code(person: &mut Person, page: &Page, code: &str) -> Page {
    let pending = page.hidden("pending").expect("the login");
    let fields = [("pending", pending.as_str()), ("code", code)];
    person.submit(&page.url, "/.vault-auth/login", &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn l25_passcode_is_the_second_step() {
    let people = People::start().await;
    let totp = totp::require(people.bao(), &people.entity("ana").await).await;
    let mut person = people.person();
    let form = person.open(CRM).await;
    let step = person.log_in(&form, "ana", PASSWORD).await;
    assert_eq!(step.statuses(), [200], "{step:?}");
    assert_eq!(step.answer().header("set-cookie"), None, "no session before the passcode");
    let wrong = submit_code(&mut person, &step, &totp.wrong_code()).await;
    assert_eq!(wrong.statuses(), [403]);
    assert!(!wrong.answer().body.contains("staff-totp"), "no name of Vault's objects");
    let code = totp.code();
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    let page = submit_code(&mut person, &wrong, &spaced).await;
    assert_eq!((page.statuses(), &*page.url), (vec![303, 303, 200], CRM), "{page:?}");
    let again = submit_code(&mut people.person(), &step, &totp.next_code()).await;
    assert_eq!(again.status(), 400, "the login is complete: {again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l25_wrong_passcodes_are_limited() {
    let people = People::start().await;
    let totp = totp::require(people.bao(), &people.entity("ana").await).await;
    let mut person = people.person();
    let form = person.open(CRM).await;
    for number in 0..4 {
        // The right password does not reset the count.
        let step = person.log_in(&form, "ana", PASSWORD).await;
        assert_eq!(step.status(), 200, "{number}: {step:?}");
        let wrong = submit_code(&mut person, &step, &totp.wrong_code()).await;
        assert_eq!(wrong.status(), 403, "{number}");
    }
    let page = person.log_in(&form, "ana", PASSWORD).await;
    assert_eq!(page.status(), 429, "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_login_is_for_its_host_and_purpose() {
    let people = People::start().await;
    totp::require(people.bao(), &people.entity("ana").await).await;
    let mut person = people.logged_in_as("eva").await;
    let session = vault_auth_validator::token::SESSION_COOKIE;
    let sealed = person.cookie("login.example.com", session).expect("a session").to_owned();
    for pending in [sealed.as_str(), "", "AAAA"] {
        let fields = [("pending", pending), ("code", "123456")];
        let url = "https://login.example.com/.vault-auth/login";
        let page = person.submit(url, "/.vault-auth/login", &fields).await;
        assert_eq!(page.status(), 400, "{pending}");
    }
}

/// A platform whose people log in at a provider, and the provider.
async fn with_provider() -> (People, Idp) {
    let env = [("VALIDATOR_LOGIN_METHODS", "userpass,oidc,oidc:oidc:staff")];
    let people = People::start_with(&env).await;
    let idp = Idp::start(CALLBACK, &["ana"]).await;
    idp.enable(people.bao()).await;
    idp.write_role(people.bao(), "staff", json!({"token_policies": "crm-agent"})).await;
    (people, idp)
}

/// Starts a login at the provider, and returns its address.
async fn provider_address(person: &mut Person) -> String {
    let form = person.open(CRM).await;
    let url = format!("{}&method=2", form.url);
    let answer = person.hop("GET", &url, None, Initiator::SameOrigin).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").expect("the provider").to_owned()
}

/// Returns the address to which the provider sends a browser back.
async fn return_address(idp: &Idp, auth_url: &str) -> String {
    let answer = idp.authorize("ana", auth_url).await;
    let query = [("code", answer.code.expose_secret()), ("state", answer.state.expose_secret())];
    url::Url::parse_with_params(CALLBACK, query).expect("a URL").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_login_opens_the_application() {
    let (people, idp) = with_provider().await;
    let mut person = people.person();
    let address = provider_address(&mut person).await;
    let back = return_address(&idp, &address).await;
    let page = person.navigate("GET", &back, None, Initiator::CrossSite).await;
    assert_eq!((page.statuses(), &*page.url), (vec![303, 303, 200], CRM), "{page:?}");
    assert_eq!(page.answer().header("x-auth-subject"), Some("ana@oidc/"));
    let log = people.direct.validator.log();
    let code = back.split("code=").nth(1).expect("a code");
    assert!(!log.contains(code.split('&').next().expect("a code")), "the code is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn l18_callback_of_another_browser_is_refused() {
    let (people, idp) = with_provider().await;
    let mut attacker = people.person();
    let address = provider_address(&mut attacker).await;
    let back = return_address(&idp, &address).await;
    let mut victim = people.person();
    provider_address(&mut victim).await;
    let page = victim.navigate("GET", &back, None, Initiator::CrossSite).await;
    assert_eq!(page.statuses(), [400], "{page:?}");
    assert_eq!(page.answer().header("set-cookie"), None);
    // The login of the other browser is not spent by that.
    let page = attacker.navigate("GET", &back, None, Initiator::CrossSite).await;
    assert_eq!(page.status(), 200, "{page:?}");
    let page = attacker.navigate("GET", &back, None, Initiator::CrossSite).await;
    assert_eq!(page.statuses(), [400], "once only");
}

#[tokio::test(flavor = "multi_thread")]
async fn l03_two_provider_logins_finish_in_any_order() {
    let (people, idp) = with_provider().await;
    let mut person = people.person();
    let first = provider_address(&mut person).await;
    let second = provider_address(&mut person).await;
    let (first, second) = (return_address(&idp, &first).await, return_address(&idp, &second).await);
    for back in [first, second] {
        let page = person.navigate("GET", &back, None, Initiator::CrossSite).await;
        assert_eq!((page.status(), &*page.url), (200, CRM), "{page:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_provider_are_pages() {
    let (people, _idp) = with_provider().await;
    let mut person = people.person();
    let address = provider_address(&mut person).await;
    let state = url::Url::parse(&address).expect("a URL");
    let state =
        state.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    for query in [
        format!("state={state}&error=access_denied"),
        "state=other&code=a".to_owned(),
        "code=a".to_owned(),
        String::new(),
    ] {
        let url = format!("{CALLBACK}?{query}");
        let page = person.navigate("GET", &url, None, Initiator::CrossSite).await;
        assert_eq!(page.statuses(), [400], "{query}");
        assert!(page.answer().body.contains("</form>"), "the form to start again: {query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_logins_of_an_address_are_limited() {
    let (people, _idp) = with_provider().await;
    let mut person = people.person();
    let url = "https://login.example.com/.vault-auth/login?method=2";
    let mut statuses = Vec::new();
    for _ in 0..62 {
        statuses.push(person.hop("GET", url, None, Initiator::SameOrigin).await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 60, "{statuses:?}");
    assert_eq!(statuses[61], 429);
    let script = person.fetch("GET", url).await;
    assert_ne!(script.status, 303, "only a person starts a login");
}
