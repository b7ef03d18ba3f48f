//! A person logs in, works and logs out, in Chromium and through the Caddyfile of `deploy/`.

use serde_json::json;

use crate::support::{
    backend::{Backend, received},
    browser::{Browser, Options},
    caddy::tls::TlsCaddy,
    people::{PASSWORD, People},
    totp,
};

const CRM: &str = "https://crm.example.com/app?view=1";
const ERP: &str = "https://erp.example.com/";

/// A sibling host that tries to set the session cookie of other hosts.
const PLANTER: &str = r#"
https://planter.example.com {
    TLS
    header +Set-Cookie "__Host-vault-session=planted; Domain=example.com; Path=/; Secure"
    header +Set-Cookie "__Host-vault-login=planted; Domain=.example.com; Path=/; Secure"
    header +Set-Cookie "vault-session=planted; Domain=example.com; Path=/; Secure"
    respond "planted"
}"#;

/// The platform with browser logins, behind Caddy.
pub(super) struct Platform {
    caddy: TlsCaddy,
    pub(super) people: People,
    backend: Backend,
}

impl Platform {
    pub(super) async fn start() -> Self {
        let people = People::start().await;
        let staff = json!({"token_policies": "crm-agent,staff"});
        people.create("ana", staff).await;
        let backend = Backend::start().await;
        let validator = &people.direct.validator;
        let login = validator.api_url().replace("http://", "");
        let env = [("LOGIN_UPSTREAM", login.as_str())];
        let (auth, application) = (validator.auth_address(), backend.address());
        let caddy = TlsCaddy::start_with(PLANTER, auth, application, &env).await;
        Self { caddy, people, backend }
    }

    pub(super) fn options(&self) -> Options {
        Options::new(self.caddy.leaf(), self.caddy.port())
    }

    /// Opens the CRM and logs in.
    pub(super) async fn log_in(&self, browser: &Browser) {
        browser.goto(CRM).await;
        browser.wait_for_text("to continue to crm.example.com").await;
        browser.fill("User name", "ana").await;
        browser.fill("Password", PASSWORD).await;
        browser.click("Log in").await;
        browser.wait_for_url(CRM).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l31_person_works_on_two_hosts_and_logs_out() {
    let platform = Platform::start().await;
    let browser = Browser::start(platform.options()).await;
    platform.log_in(&browser).await;
    let seen = browser.json().await;
    assert_eq!(received(&seen, "x-auth-subject"), ["ana"]);
    assert!(received(&seen, "cookie").is_empty(), "the application gets no cookie of ours");
    let page = browser.response_to(CRM).await;
    assert_eq!(page.header("cache-control"), Some("no-store"));
    for cookie in browser.cookies().await {
        assert!(cookie.name.starts_with("__Host-vault-"), "{cookie:?}");
        assert!(!cookie.value.contains("hvs") && cookie.value.len() > 20, "{cookie:?}");
    }

    browser.goto(ERP).await;
    browser.wait_for_url(ERP).await;
    assert_eq!(received(&browser.json().await, "x-auth-subject"), ["ana"]);

    browser.goto("https://crm.example.com/.vault-auth/").await;
    browser.wait_for_text("staff").await;
    browser.click("Log out").await;
    browser.wait_for_text("logged out").await;
    for url in [CRM, ERP] {
        browser.goto(url).await;
        browser.wait_for_text("Password").await;
        assert!(browser.url().await.starts_with("https://login.example.com/"), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l30_back_button_after_logout_asks_again() {
    let platform = Platform::start().await;
    let browser = Browser::start(platform.options()).await;
    platform.log_in(&browser).await;
    browser.goto("https://crm.example.com/.vault-auth/").await;
    browser.click("Log out").await;
    browser.wait_for_text("logged out").await;
    browser.back().await;
    browser.wait_for_text("not logged in").await;
    browser.back().await;
    browser.wait_for_text("Password").await;
    assert!(!browser.text().await.contains("x-auth-subject"), "the page of the application");
}

#[tokio::test(flavor = "multi_thread")]
async fn l05_scripts_of_a_page_see_the_end_of_a_session() {
    let platform = Platform::start().await;
    platform.backend.set_page("/app?view=1", "<!doctype html><title>App</title><h1>App</h1>");
    let browser = Browser::start(platform.options()).await;
    platform.log_in(&browser).await;
    let fetch = async |method: &str| {
        let script = format!(
            "const response = await fetch('/data', {{method: '{method}'}}); return response.status"
        );
        browser.execute(&format!("return (async () => {{ {script} }})()")).await
    };
    assert_eq!(fetch("GET").await, json!(200));
    assert_eq!(fetch("POST").await, json!(200), "of the same origin");
    let entity = platform.people.entity("ana").await;
    let disabled = Some(json!({"disabled": true}));
    let path = format!("identity/entity/id/{entity}");
    platform.people.bao().must("POST", &path, disabled).await;
    platform.people.direct.validator.admin("DELETE", "/cache").await;
    assert_eq!(fetch("GET").await, json!(401));
    assert_eq!(fetch("POST").await, json!(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn sibling_hosts_cannot_post_with_the_session() {
    let platform = Platform::start().await;
    let form = r#"<!doctype html><title>Form</title>
        <form method="post" action="https://crm.example.com/app"><button>Send</button></form>"#;
    platform.backend.set_page("/webhook/form", form);
    let browser = Browser::start(platform.options()).await;
    platform.log_in(&browser).await;
    let before = platform.backend.hits();
    browser.goto("https://n8n.example.com/webhook/form").await;
    browser.click("Send").await;
    browser.wait_for_text("cross_site").await;
    assert!(platform.backend.hits() <= before + 2, "the form reached the application");
    browser.goto(CRM).await;
    browser.wait_for_text("x-auth-subject").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_sibling_host_cannot_plant_a_session() {
    let platform = Platform::start().await;
    let browser = Browser::start(platform.options()).await;
    browser.goto("https://planter.example.com/").await;
    browser.wait_for_text("planted").await;
    let names: Vec<_> = browser.cookies().await.into_iter().map(|cookie| cookie.name).collect();
    assert_eq!(names, ["vault-session"], "the browser keeps no other cookie of a sibling");
    platform.log_in(&browser).await;
    browser.goto("https://planter.example.com/").await;
    browser.goto(CRM).await;
    let seen = browser.json().await;
    assert_eq!(received(&seen, "x-auth-subject"), ["ana"]);
    assert_eq!(received(&seen, "cookie"), ["vault-session=planted"], "of the domain, unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn l25_person_enters_a_passcode() {
    let platform = Platform::start().await;
    let entity = platform.people.entity("ana").await;
    let totp = totp::require(platform.people.bao(), &entity).await;
    let browser = Browser::start(platform.options()).await;
    browser.goto(CRM).await;
    browser.fill("User name", "ana").await;
    browser.fill("Password", PASSWORD).await;
    browser.click("Log in").await;
    browser.wait_for_text("code").await;
    assert_eq!(browser.unnamed_controls().await, [""; 0]);
    browser.screenshot("passcode").await;
    browser.fill("input[name=code]", &totp.wrong_code()).await;
    browser.press("\u{e007}").await;
    browser.wait_for_text("Wrong code").await;
    browser.fill("input[name=code]", &totp.code()).await;
    browser.press("\u{e007}").await;
    browser.wait_for_url(CRM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn login_works_by_keyboard_without_scripts() {
    let platform = Platform::start().await;
    let options = platform.options().without_scripts().phone().dark().language("es-CL");
    let browser = Browser::start(options).await;
    browser.goto(CRM).await;
    browser.wait_for_text("Contraseña").await;
    assert_eq!(browser.unnamed_controls().await, [""; 0]);
    browser.screenshot("login-es-dark-phone").await;
    // The first field has the focus.
    browser.press(&format!("ana\u{e004}{PASSWORD}\u{e007}")).await;
    browser.wait_for_url(CRM).await;
    browser.wait_for_text("x-auth-subject").await;
}
