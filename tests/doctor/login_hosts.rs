//! Checks of the login hosts and the applications' hosts: Caddy with the shipped guard, and with one part
//! of it broken at a time.

use super::{Diagnosis, Shell, site_caddy::SiteCaddy};
use crate::support::{people::People, ports::free_port};

/// The settings of the login hosts, of which those below `localhost` need no TLS.
struct LoginHosts {
    port: u16,
    people: People,
}

const LOGIN_SITE: &str = "import login_pages";
const APPLICATION_SITE: &str = "import app \"\" {\n\t\trespond hello\n\t}";

impl LoginHosts {
    async fn start() -> Self {
        let port = free_port();
        let url = format!("http://login.localhost:{port}");
        let env = [
            ("VALIDATOR_LOGIN_URL", url.as_str()),
            ("VALIDATOR_LOGIN_HOSTS", "crm.localhost,*.crm.localhost"),
        ];
        Self { port, people: People::start_with(&env).await }
    }

    /// Starts Caddy with these sites, and with replacements in the guard.
    async fn caddy(&self, login: &str, application: &str, changes: &[(&str, &str)]) -> SiteCaddy {
        let port = self.port;
        let sites = format!(
            "http://login.localhost:{port} {{\n\t{login}\n}}\n\
             http://crm.localhost:{port}, http://acme.crm.localhost:{port} {{\n\t{application}\n}}\n"
        );
        SiteCaddy::start(port, &self.people.direct.validator, &sites, changes).await
    }

    /// Runs `doctor` on the proxy, as a client of this host.
    fn diagnose(&self, host: &str) -> Diagnosis {
        let (port, service) = (self.port, &self.people.direct);
        let shell = Shell::of_service(&service.bao.addr(), &service.role)
            .with("VALIDATOR_LOGIN_URL", &format!("http://login.localhost:{port}"))
            .with("VALIDATOR_LOGIN_HOSTS", "crm.localhost,*.crm.localhost")
            .with("VALIDATOR_SEALING_KEY_FILE", &self.people.key_file().display().to_string());
        shell.diagnosis(&["--caddy", &format!("http://127.0.0.1:{port}"), "--host", host])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn login_hosts_behind_the_guard_pass() {
    let hosts = LoginHosts::start().await;
    let _caddy = hosts.caddy(LOGIN_SITE, APPLICATION_SITE, &[]).await;
    let diagnosis = hosts.diagnose("acme.crm.localhost");
    let url =
        format!("ok: http://login.localhost:{}/.vault-auth/login shows the login form", hosts.port);
    assert_eq!(diagnosis.messages("login page"), [url]);
    let ok = "has the login pages, and sends people to its login host";
    assert_eq!(
        diagnosis.messages("application host"),
        [
            format!("ok: crm.localhost {ok}"),
            format!("ok: acme.crm.localhost {ok}"),
            "skipped: *.crm.localhost names no host that can be asked".to_owned(),
        ]
    );
    let cookie =
        "ok: it arrives as it was set (`__Host-`, Secure, Path=/), and returns to the service";
    assert_eq!(diagnosis.messages("login cookie"), [cookie]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unrouted_login_pages_fail() {
    let hosts = LoginHosts::start().await;
    let diagnosis = hosts.diagnose("crm.localhost");
    diagnosis.is("login page", "fail", "/.vault-auth/login: connection failed");
    diagnosis.is("login cookie", "skipped", "no host of an application has the login pages");

    let caddy =
        hosts.caddy("respond hello", "import guard \"\" {\n\t\trespond hello\n\t}", &[]).await;
    let diagnosis = hosts.diagnose("crm.localhost");
    diagnosis.is("login page", "fail", "is 200, and no login page");
    diagnosis.is("application host", "fail", "is 401, and no login page");
    drop(caddy);

    let closed = format!("127.0.0.1:{}", free_port());
    let upstream = [("{$LOGIN_UPSTREAM:vault-auth-validator:8081}", closed.as_str())];
    let caddy = hosts.caddy(LOGIN_SITE, APPLICATION_SITE, &upstream).await;
    let diagnosis = hosts.diagnose("crm.localhost");
    diagnosis.is("login page", "fail", "is 502");
    diagnosis.is("application host", "fail", "is 502");
    drop(caddy);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_login_cookie_fails() {
    let hosts = LoginHosts::start().await;
    let rest = "\n\t\t\theader_up -Connection";
    let host = format!("header_up X-Forwarded-Host {{http.request.hostport}}{rest}");
    for (change, words) in [
        ("header_down -Set-Cookie", "crm.localhost"),
        ("header_down Set-Cookie __Host- host-", "is not named __Host-vault-login"),
        (
            "header_down Set-Cookie \"; Secure\" \"\"",
            "has the attributes httponly, path=/, samesite=lax",
        ),
        ("header_up -Cookie", "does not receive the cookie that it has set"),
    ] {
        let changed = format!("{change}{rest}");
        let caddy = hosts.caddy(LOGIN_SITE, APPLICATION_SITE, &[(&host, &changed)]).await;
        hosts.diagnose("crm.localhost").is("login cookie", "fail", words);
        drop(caddy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn untrusted_proxy_or_other_hosts_fail() {
    let hosts = LoginHosts::start().await;
    let rest = "\n\t\t\theader_up -Connection";
    let host = format!("header_up X-Forwarded-Host {{http.request.hostport}}{rest}");
    for (change, words) in [
        ("header_up -X-Forwarded-Host", "is 400, and no login page"),
        ("header_up X-Forwarded-Host erp.localhost", "is 421, and no login page"),
        ("header_up X-Forwarded-Host crm.example.com", "is 403, and no login page"),
    ] {
        let changed = format!("{change}{rest}");
        let caddy = hosts.caddy(LOGIN_SITE, APPLICATION_SITE, &[(&host, &changed)]).await;
        let diagnosis = hosts.diagnose("crm.localhost");
        diagnosis.is("login page", "fail", words);
        diagnosis.is("application host", "fail", words);
        drop(caddy);
    }
}
