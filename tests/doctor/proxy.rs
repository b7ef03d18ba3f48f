//! Checks of a proxy: Caddy with the shipped guard, and with one part of it broken at a time.

use std::fs;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use super::{Diagnosis, Shell, certificate};
use crate::support::{
    backend::Backend, caddy::Caddy, direct::Direct, platform::set_policy, ports::free_port,
    tools::repository,
};

const HOST: &str = "acme.crm.localhost";

/// The checks after that of the connection.
const CHECKS: [&str; 10] = [
    "guarded",
    "forged headers",
    "request target",
    "Connection",
    "client's query",
    "admin listener",
    "token",
    "protocol",
    "forged path",
    "forged identity",
];

/// A validator and an application, for use behind proxies.
struct Behind {
    service: Direct,
    backend: Backend,
    shell: Shell,
}

impl Behind {
    async fn start() -> Self {
        let (service, backend) = (Direct::start().await, Backend::start().await);
        let shell = Shell::of_service(&service.bao.addr(), &service.role);
        shell.file("token", service.acme.token());
        Self { service, backend, shell }
    }

    /// Starts Caddy with this guard and this site.
    async fn caddy(&self, guard: &str, site: &str) -> Caddy {
        let (validator, application) =
            (self.service.validator.auth_address(), self.backend.address());
        Caddy::with(guard, site, validator, application, &[]).await
    }

    /// Runs `doctor` on the proxy at this address, with these options.
    fn asked(&self, address: &str, options: &[&str]) -> Diagnosis {
        let url = format!("http://{address}");
        let arguments = ["--caddy", &url, "--host", HOST];
        self.shell.diagnosis(&[&arguments, options].concat())
    }

    /// Runs `doctor` on the proxy with a token and an application that echoes its requests.
    fn examined(&self, address: &str) -> Diagnosis {
        let token = self.shell.dir.path().join("token").display().to_string();
        self.asked(address, &["--caddy-token", &token, "--echo", "/"])
    }
}

fn guard() -> String {
    fs::read_to_string(repository("deploy/caddy/guard.caddy")).expect("the guard")
}

/// Returns the guard without a part that occurs once.
fn without(part: &str) -> String {
    with(part, "")
}

fn with(part: &str, other: &str) -> String {
    let guard = guard();
    assert_eq!(guard.matches(part).count(), 1, "{part}");
    guard.replace(part, other)
}

/// A site behind the guard that requires a token only.
const SITE: &str = "import guard \"\" {\n\t\treverse_proxy {$CRM_UPSTREAM}\n\t}";

#[tokio::test(flavor = "multi_thread")]
async fn shipped_guard_passes() {
    let behind = Behind::start().await;
    let validator = behind.service.validator.auth_address();
    for caddy in [
        Caddy::start(validator, behind.backend.address(), &[]).await,
        behind.caddy(&guard(), SITE).await,
    ] {
        let diagnosis = behind.examined(&caddy.address());
        for check in ["address", "TLS"].into_iter().chain(CHECKS) {
            diagnosis.is(check, "ok", "");
        }
        assert_eq!(diagnosis.code, Some(0));
        let diagnosis = behind.asked(&caddy.address(), &[]);
        assert_eq!(diagnosis.last("skipped"), CHECKS[6..]);
        assert_eq!(diagnosis.last("ok").len(), 8);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_guard_parts_fail() {
    let behind = Behind::start().await;
    for (guard, failed) in [
        (with("uri /validate?{args[0]}", "uri /validate"), vec![CHECKS[4], CHECKS[6]]),
        (without("error @target 400"), vec![CHECKS[2]]),
        (without("error @hop 400"), vec![CHECKS[3]]),
        (without("request_header @upgrade -Upgrade"), vec![CHECKS[7]]),
        (without("request_header -X-Auth-*"), vec![CHECKS[9]]),
        (without("request_header -*~*"), vec![CHECKS[9]]),
        (without("request_header -X-Forwarded-Uri"), vec![CHECKS[8]]),
        (without("request_header -X-Forwarded-Method"), vec![CHECKS[8]]),
        (without("request_header -X-Original-*"), vec![CHECKS[8]]),
        (without("request_header -Forwarded"), vec![CHECKS[8]]),
    ] {
        let caddy = behind.caddy(&guard, SITE).await;
        let diagnosis = behind.examined(&caddy.address());
        assert_eq!(diagnosis.all("fail"), failed, "{diagnosis:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_or_redirected_site_fails() {
    let behind = Behind::start().await;
    let admin = behind.service.validator.admin_url();
    let open = behind.caddy(&guard(), "reverse_proxy {$CRM_UPSTREAM}").await;
    let diagnosis = behind.examined(&open.address());
    diagnosis.is("guarded", "fail", "/ without a token is 200");
    assert_eq!(diagnosis.last("skipped"), CHECKS[1..]);

    let trusting = format!(
        "@known header X-Auth-Subject *\n\thandle @known {{\n\t\treverse_proxy {{$CRM_UPSTREAM}}\n\t}}\n\t\
         handle {{\n\t\t{SITE}\n\t}}"
    );
    let trusting = behind.caddy(&guard(), &trusting).await;
    let diagnosis = behind.asked(&trusting.address(), &[]);
    diagnosis.is("forged headers", "fail", "with forged x-auth-subject");

    let admin = admin.trim_start_matches("http://");
    let leak = format!(
        "handle /metrics {{\n\t\treverse_proxy {admin}\n\t}}\n\thandle {{\n\t\t{SITE}\n\t}}"
    );
    let leak = behind.caddy(&guard(), &leak).await;
    let diagnosis = behind.examined(&leak.address());
    diagnosis.is("admin listener", "fail", "/metrics is 200");
    assert_eq!(diagnosis.all("fail"), ["admin listener"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_upstream_differs_from_proxy() {
    let behind = Behind::start().await;
    let closed_address = format!("127.0.0.1:{}", free_port());
    let diagnosis = behind.examined(&closed_address);
    diagnosis.is("guarded", "skipped", "cannot be reached");
    let failed = diagnosis.last("fail");
    assert_eq!(failed, ["address"]);

    let caddy = Caddy::with(&guard(), SITE, &closed_address, behind.backend.address(), &[]).await;
    let diagnosis = behind.asked(&caddy.address(), &[]);
    diagnosis.is("guarded", "fail", "is 502");
    drop(caddy);

    let validator = behind.service.validator.auth_address();
    let caddy = Caddy::with(&guard(), SITE, validator, &closed_address, &[]).await;
    let diagnosis = behind.examined(&caddy.address());
    diagnosis.is("guarded", "ok", "");
    diagnosis.is("token", "fail", "with the token, / is 502");
    diagnosis.is("forged identity", "skipped", "does not echo request headers");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_token_skips_upstream_checks() {
    let behind = Behind::start().await;
    let caddy = behind.caddy(&guard(), &SITE.replace("\"\"", "\"tenant=acme\"")).await;
    let globex = behind.shell.file("globex", behind.service.globex.token());
    let token = globex.display().to_string();
    let diagnosis = behind.asked(&caddy.address(), &["--caddy-token", &token, "--echo", "/"]);
    diagnosis.is("token", "fail", "403 tenant_mismatch from the validator");
    assert_eq!(diagnosis.last("skipped"), CHECKS[7..]);
    let url = format!("http://{}", caddy.address());
    let arguments = ["--caddy", &url, "--host", HOST, "--caddy-token", "-", "--output", "json"];
    let diagnosis = behind.shell.run_with(&arguments, behind.service.acme.token());
    let diagnosis = Diagnosis::of(&diagnosis);
    diagnosis.is("token", "ok", "");
    diagnosis.is("protocol", "ok", "");
    diagnosis.is("forged path", "skipped", "it needs an application that echoes");
    diagnosis.is("forged identity", "skipped", "it needs an application that echoes");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_application_skips_checks() {
    let behind = Behind::start().await;
    let silent = "import guard \"\" {\n\t\trespond \"hello\"\n\t}";
    let caddy = behind.caddy(&without("request_header -X-Auth-*"), silent).await;
    let diagnosis = behind.examined(&caddy.address());
    for check in ["forged path", "forged identity"] {
        diagnosis.is(check, "skipped", "/ does not echo request headers: 200");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reachable_auth_listener_fails() {
    let behind = Behind::start().await;
    let address = behind.service.validator.auth_address().to_owned();
    let listener = |address: &str| behind.shell.diagnosis(&["--auth-listener", address]);
    listener(&address).is("auth listener", "ok", "reachable only on this machine");
    let closed_address = format!("127.0.0.1:{}", free_port());
    listener(&closed_address).is("auth listener", "ok", "accepts no connection");
    listener("no-such-host.invalid:80").is("auth listener", "skipped", "the DNS lookup of");
}

/// A site that forwards the path that the client claims.
const TRUSTING_SITE: &str = "vars judged {uri}
	@diagnosis header X-Forwarded-Uri *
	vars @diagnosis judged {http.request.header.X-Forwarded-Uri}
	request_header -X-Forwarded-Uri";

#[tokio::test(flavor = "multi_thread")]
async fn trusted_client_path_fails() {
    let behind = Behind::start().await;
    let policy = "path \"route/crm*\" { capabilities = [\"read\"] }";
    set_policy(&behind.service.bao, "crm-agent", policy).await;
    let believing = with("request_header -X-Forwarded-Uri", TRUSTING_SITE);
    let judged = "header_up -Expect\n\t\theader_up X-Forwarded-Uri {vars.judged}";
    assert_eq!(believing.matches("header_up -Expect").count(), 1);
    let believing = believing.replace("header_up -Expect", judged);
    let site = SITE.replace("\"\"", "\"acl_uri=route/crm\"");
    for (guard, outcome) in [(guard(), "skipped"), (believing, "fail")] {
        let caddy = behind.caddy(&guard, &site).await;
        let token = behind.shell.dir.path().join("token").display().to_string();
        let diagnosis = behind.asked(&caddy.address(), &["--caddy-token", &token]);
        diagnosis.is("token", "ok", "");
        diagnosis.is("forged path", outcome, "");
    }
}

/// Starts an application that accepts every protocol upgrade.
async fn upgrading_application() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 8192];
            let read = stream.read(&mut head).await.unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
            let answer: &[u8] = if head.contains("upgrade: h2c") {
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
            } else {
                b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            };
            let _ = stream.write_all(answer).await;
        }
    });
    (address, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn protocol_upgrade_fails() {
    let behind = Behind::start().await;
    let (application, server) = upgrading_application().await;
    for (guard, outcome) in [(guard(), "ok"), (without("request_header @upgrade -Upgrade"), "fail")]
    {
        let validator = behind.service.validator.auth_address();
        let caddy = Caddy::with(&guard, SITE, validator, &application, &[]).await;
        let token = behind.shell.dir.path().join("token").display().to_string();
        let diagnosis = behind.asked(&caddy.address(), &["--caddy-token", &token]);
        diagnosis.is("protocol", outcome, "h2c");
    }
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_certificate_is_of_the_host() {
    let behind = Behind::start().await;
    let (pem, key) = certificate("*.crm.localhost", 4000);
    let files = [behind.shell.file("tls.crt", &pem), behind.shell.file("tls.key", &key)];
    let [certificate, key] = files.map(|file| file.display().to_string());
    let port = free_port();
    let caddy_port = format!(":{port}");
    let site = format!("tls {certificate} {key}\n\t{SITE}");
    let (validator, application) =
        (behind.service.validator.auth_address(), behind.backend.address());
    let env = [("CADDY_SCHEME", "https://"), ("CADDY_PORT", caddy_port.as_str())];
    let _caddy = Caddy::with(&guard(), &site, validator, application, &env).await;
    let url = format!("https://127.0.0.1:{port}");
    let ask = |host: &str| {
        let arguments = ["--caddy", &url, "--host", host, "--caddy-cacert", &certificate];
        behind.shell.diagnosis(&arguments)
    };
    let diagnosis = ask(HOST);
    assert_eq!(diagnosis.last("ok").len(), 8, "{diagnosis:#?}");
    ask("acme.example.com").is("address", "ok", "");
    let diagnosis = ask("acme.example.com");
    assert_eq!(diagnosis.last("fail"), ["TLS"]);
}
