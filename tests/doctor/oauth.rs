//! Checks of OAuth for MCP clients: Caddy with the shipped guard, and with one part of it broken at a time.

use serde_json::json;

use super::{Diagnosis, Shell, site_caddy::SiteCaddy};
use crate::support::{
    people::{PASSWORD, People},
    ports::free_port,
};

/// The checks through the proxy.
const PROXIED: [&str; 5] =
    ["challenge", "resource metadata", "server metadata", "token endpoint", "MCP revisions"];

/// The site of the login host.
const LOGIN: &str = "import login_pages\n\timport oauth_server";

/// The site of the MCP server.
const SERVER: &str = "import mcp route/mcp /mcp http://app.localhost {\n\t\trespond hello\n\t}";

/// A guard for the MCP server by its own requirement, with the metadata beside it.
const BESIDE_METADATA: &str = "import oauth_metadata\n\thandle {\n\t\timport guard \"QUERY\" {\n\t\t\trespond hello\n\t\t}\n\t}";

/// A service with a resource on `localhost`, which needs no TLS.
struct ResourceHosts {
    port: u16,
    people: People,
}

impl ResourceHosts {
    async fn start() -> Self {
        let port = free_port();
        let [url, resources] = [login_url(port), resources(port)];
        let env = [
            ("VALIDATOR_LOGIN_URL", url.as_str()),
            ("VALIDATOR_LOGIN_HOSTS", "crm.localhost"),
            ("VALIDATOR_RESOURCES", resources.as_str()),
        ];
        Self { port, people: People::start_with(&env).await }
    }

    /// Starts Caddy with these sites, and with replacements in the guard.
    async fn caddy(&self, login: &str, server: &str, changes: &[(&str, &str)]) -> SiteCaddy {
        let port = self.port;
        let sites = format!(
            "http://login.localhost:{port} {{\n\t{login}\n}}\n\
             http://mcp.localhost:{port} {{\n\t{server}\n}}\n"
        );
        SiteCaddy::start(port, &self.people.direct.validator, &sites, changes).await
    }

    /// Returns a shell with the settings of the service.
    fn shell(&self) -> Shell {
        let service = &self.people.direct;
        Shell::of_service(&service.bao.addr(), &service.role)
            .with("VALIDATOR_LOGIN_URL", &login_url(self.port))
            .with("VALIDATOR_LOGIN_HOSTS", "crm.localhost")
            .with("VALIDATOR_SEALING_KEY_FILE", &self.people.key_file().display().to_string())
            .with("VALIDATOR_RESOURCES", &resources(self.port))
    }

    /// Runs `doctor` on the proxy.
    fn diagnose(&self) -> Diagnosis {
        self.diagnose_from(&self.shell(), &[])
    }

    fn diagnose_from(&self, shell: &Shell, arguments: &[&str]) -> Diagnosis {
        let url = format!("http://127.0.0.1:{}", self.port);
        let proxy = ["--caddy", &url, "--host", "crm.localhost"];
        shell.diagnosis(&[&proxy, arguments].concat())
    }

    /// Runs `doctor` on the proxy with a token of `ana`, who has this policy.
    async fn diagnose_as_ana(&self, policy: &str) -> Diagnosis {
        let policy = Some(json!({ "policy": policy }));
        self.people.bao().must("PUT", "sys/policies/acl/mcp-user", policy).await;
        self.people.create("ana", json!({"token_policies": "mcp-user"})).await;
        let login = Some(json!({"password": PASSWORD}));
        let login = self.people.bao().must("POST", "auth/userpass/login/ana", login).await;
        let shell = self.shell();
        let token = login["auth"]["client_token"].as_str().expect("a token");
        let file = shell.file("token", token).display().to_string();
        self.diagnose_from(&shell, &["--caddy-token", &file])
    }
}

fn login_url(port: u16) -> String {
    format!("http://login.localhost:{port}")
}

fn resources(port: u16) -> String {
    format!("http://mcp.localhost:{port}/mcp=MCP registry")
}

/// Returns the remedy of the first finding of a check.
fn remedy(diagnosis: &Diagnosis, check: &str) -> String {
    let finding = diagnosis.findings().find(|finding| finding["check"] == check);
    finding.expect("the check")["remedy"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn resource_behind_the_shipped_guard_passes() {
    let hosts = ResourceHosts::start().await;
    let _caddy = hosts.caddy(LOGIN, SERVER, &[]).await;
    let diagnosis = hosts.diagnose();
    let port = hosts.port;
    let [login, mcp] = ["login", "mcp"].map(|name| format!("http://{name}.localhost:{port}"));
    for (check, message) in [
        ("resource", format!("{mcp}/mcp (MCP registry) is authorized at {login}")),
        (
            "clients",
            "only those with a metadata document can connect: none is configured, and none can register"
                .to_owned(),
        ),
        ("client documents", "the system's certificate authorities can be read".to_owned()),
        (
            "challenge",
            format!("POST /mcp on mcp.localhost:{port} without a token leads to the metadata"),
        ),
        (
            "resource metadata",
            format!("{mcp}/.well-known/oauth-protected-resource/mcp names {login}"),
        ),
        (
            "server metadata",
            format!("{login}/.well-known/oauth-authorization-server has this issuer, and S256"),
        ),
        ("token endpoint", format!("{login}/oauth/token receives the requests of clients")),
    ] {
        assert_eq!(diagnosis.messages(check), [format!("ok: {message}")]);
    }
    let revisions = "no token is given. A route with `mcp=` accepts 2026-07-28 only";
    diagnosis.is("MCP revisions", "skipped", revisions);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_clients_are_reported() {
    let hosts = ResourceHosts::start().await;
    let shell = || hosts.shell();
    let diagnosis = shell().diagnosis(&[]);
    for check in PROXIED {
        diagnosis.is(check, "skipped", "no proxy is given");
    }
    let clients = "inspector=http://localhost/callback,other=https://a.test/";
    let diagnosis = shell().with("VALIDATOR_OAUTH_CLIENTS", clients).diagnosis(&[]);
    diagnosis.is("clients", "ok", "2 configured, and those with a metadata document");
    let diagnosis = shell().with("VALIDATOR_OAUTH_REGISTRATION", "true").diagnosis(&[]);
    diagnosis.is("clients", "warning", "every program on the internet can register");
    let missing = "/nonexistent/certificates.pem";
    let diagnosis =
        shell().with("SSL_CERT_FILE", missing).with("SSL_CERT_DIR", missing).diagnosis(&[]);
    diagnosis.is("client documents", "fail", "cannot load the system's certificate authorities");

    let login = login_url(hosts.port);
    let diagnosis = shell().with("VALIDATOR_RESOURCES", &format!("{login}/mcp")).diagnosis(&[]);
    diagnosis.is("resource", "fail", "is on the login host");
    let diagnosis = shell().with("VALIDATOR_RESOURCES", "https://mcp.test").diagnosis(&[]);
    diagnosis.is("resource", "warning", "which is in another domain");
    for (name, value) in [("VALIDATOR_RESOURCES", "mcp.test"), ("VALIDATOR_LOGIN_URL", "nonsense")]
    {
        let diagnosis = shell().with(name, value).diagnosis(&[]);
        diagnosis.is("configuration", "fail", name);
        diagnosis.is("resource", "skipped", "are invalid, see below");
        diagnosis.is("challenge", "skipped", "are invalid, see below");
    }
    let diagnosis = shell().with("VALIDATOR_OAUTH_CLIENTS", "nonsense").diagnosis(&[]);
    diagnosis.is("clients", "skipped", "are invalid, see below");
    diagnosis.is("resource", "ok", "");
    let diagnosis = shell().with("VALIDATOR_RESOURCES", "").diagnosis(&[]);
    assert!(diagnosis.groups.iter().all(|group| group["group"] != "oauth"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unrouted_metadata_fails() {
    let hosts = ResourceHosts::start().await;
    let diagnosis = hosts.diagnose();
    for check in &PROXIED[..4] {
        diagnosis.is(check, "fail", "connection failed");
    }
    diagnosis.is("MCP revisions", "skipped", "no resource is guarded as it should be");

    let port = hosts.port;
    let guarded = format!(
        "import guard \"resource=http://mcp.localhost:{port}/mcp&acl=route/mcp\" {{\n\t\trespond hello\n\t}}"
    );
    let caddy = hosts.caddy("import login_pages\n\trespond hello", &guarded, &[]).await;
    let diagnosis = hosts.diagnose();
    diagnosis.is("challenge", "ok", "");
    diagnosis.is("resource metadata", "fail", "is 401 credential_missing from the validator");
    diagnosis.is("server metadata", "fail", "is 200, but no JSON object: the application answers");
    assert!(remedy(&diagnosis, "resource metadata").contains("`import oauth_metadata`"));
    diagnosis.is("token endpoint", "fail", "is 200, not the 400");
    for check in ["server metadata", "token endpoint"] {
        assert!(remedy(&diagnosis, check).contains("`import oauth_server`"));
    }
    drop(caddy);

    let closed = format!("127.0.0.1:{}", free_port());
    let upstream = [("{$LOGIN_UPSTREAM:vault-auth-validator:8081}", closed.as_str())];
    let caddy = hosts.caddy(LOGIN, SERVER, &upstream).await;
    let diagnosis = hosts.diagnose();
    for check in &PROXIED[1..4] {
        diagnosis.is(check, "fail", "is 502, ");
        assert!(remedy(&diagnosis, check).contains("LOGIN_UPSTREAM"));
    }
    drop(caddy);

    let login = "import oauth_metadata\n\trespond hello";
    let caddy = hosts.caddy(login, SERVER, &[]).await;
    let diagnosis = hosts.diagnose();
    diagnosis.is("server metadata", "ok", "");
    diagnosis.is("token endpoint", "fail", "is 200, not the 400");
    drop(caddy);

    let other = "respond `{\"resource\": \"http://mcp.localhost/other\", \"issuer\": \"http://login.localhost\"}`";
    let caddy = hosts.caddy(other, other, &[]).await;
    let diagnosis = hosts.diagnose();
    diagnosis.is("resource metadata", "fail", "is of the resource http://mcp.localhost/other, not");
    diagnosis.is("server metadata", "fail", "is of the issuer http://login.localhost, not");
    drop(caddy);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_other_settings_fails() {
    let hosts = ResourceHosts::start().await;
    let caddy = hosts.caddy(LOGIN, SERVER, &[]).await;
    let path = format!("http://mcp.localhost:{}/v1", hosts.port);
    let shell = hosts.shell().with("VALIDATOR_RESOURCES", &path);
    let diagnosis = hosts.diagnose_from(&shell, &[]);
    diagnosis.is("resource metadata", "fail", "is 404 not_found from the validator");
    diagnosis.is("challenge", "fail", "its `resource_metadata` is http://mcp.localhost");
    let shell = hosts.shell().with("VALIDATOR_OAUTH_REGISTRATION", "true");
    let diagnosis = hosts.diagnose_from(&shell, &[]);
    diagnosis.is("server metadata", "fail", "has no endpoint for registrations");
    let shell = hosts.shell().with("VALIDATOR_RESOURCES", "https://mcp.localhost");
    let diagnosis = hosts.diagnose_from(&shell, &[]);
    for check in ["challenge", "resource metadata"] {
        diagnosis.is(check, "skipped", "is https, and the proxy's URL is not");
    }
    drop(caddy);

    let rest = "\n\t\t\theader_up -Connection";
    let host = format!("header_up X-Forwarded-Host {{http.request.hostport}}{rest}");
    for (change, words) in [
        ("header_up -X-Forwarded-Host", "is 400 request_invalid from the validator"),
        ("header_up X-Forwarded-Host erp.localhost", "is 404 not_found from the validator"),
    ] {
        let changed = format!("{change}{rest}");
        let caddy = hosts.caddy(LOGIN, SERVER, &[(&host, &changed)]).await;
        let diagnosis = hosts.diagnose();
        diagnosis.is("resource metadata", "fail", words);
        diagnosis.is("server metadata", "fail", words);
        drop(caddy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_challenge_fails() {
    let hosts = ResourceHosts::start().await;
    let login = format!("redir * {}/.vault-auth/login 302", login_url(hosts.port));
    let with = |directive: &str| format!("{directive}\n\t{SERVER}");
    for (server, words) in [
        ("respond hello".to_owned(), "without a token is 200, not 401"),
        (login, "is 302 to http://login.localhost"),
        ("redir * /mcp/ 307".to_owned(), "is 307 to /mcp/"),
        (BESIDE_METADATA.replace("QUERY", "acl=route/mcp"), "it names no `resource_metadata`"),
        (with("header {\n\t\t-WWW-Authenticate\n\t\tdefer\n\t}"), "has no WWW-Authenticate"),
        (
            with("header {\n\t\t+WWW-Authenticate Basic\n\t\tdefer\n\t}"),
            "has 2 lines of WWW-Authenticate",
        ),
        (
            with("header {\n\t\tWWW-Authenticate \"Basic, Bearer\"\n\t\tdefer\n\t}"),
            "its first challenge is not Bearer",
        ),
        ("error 404".to_owned(), "is 404, not 401"),
    ] {
        let caddy = hosts.caddy(LOGIN, &server, &[]).await;
        let diagnosis = hosts.diagnose();
        diagnosis.is("challenge", "fail", words);
        diagnosis.is("MCP revisions", "skipped", "no resource is guarded as it should be");
        drop(caddy);
    }
    // Clients of older revisions have a route of their own.
    let handle = "acl={args[0]}\" {";
    let caddy = hosts
        .caddy(
            LOGIN,
            SERVER,
            &[(
                &format!("resource={{$PUBLIC_SCHEME:https://}}{{http.request.hostport}}{{args[1]}}&{handle}"),
                handle,
            )],
        )
        .await;
    hosts.diagnose().is("challenge", "fail", "with MCP revision 2025-11-25 is 401, but");
    drop(caddy);
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_revisions_are_reported() {
    let hosts = ResourceHosts::start().await;
    let resource = format!("http://mcp.localhost:{}/mcp", hosts.port);
    let all = "path \"route/mcp\" { capabilities = [\"create\"] }\n\
               path \"route/mcp/*\" { capabilities = [\"read\"] }";
    let caddy = hosts.caddy(LOGIN, SERVER, &[]).await;
    let accepts = format!("{resource} accepts clients of 2026-07-28 and of 2025-11-25");
    hosts.diagnose_as_ana(all).await.is("MCP revisions", "ok", &accepts);
    let tools = "path \"route/mcp/*\" { capabilities = [\"read\"] }";
    let denied = "accepts 2026-07-28, but tools/list of 2025-11-25 is 403 acl_denied";
    hosts.diagnose_as_ana(tools).await.is("MCP revisions", "warning", denied);
    let server = "path \"route/mcp\" { capabilities = [\"create\"] }";
    let denied = "accepts 2025-11-25, but tools/list of 2026-07-28 is 403 acl_denied";
    hosts.diagnose_as_ana(server).await.is("MCP revisions", "warning", denied);
    let denied = "with the token, tools/list of http://mcp.localhost";
    hosts.diagnose_as_ana("path \"route/mcp\" { capabilities = [\"deny\"] }").await.is(
        "MCP revisions",
        "skipped",
        denied,
    );
    drop(caddy);

    let query = format!("resource={resource}&mcp=route/mcp");
    let _caddy = hosts.caddy(LOGIN, &BESIDE_METADATA.replace("QUERY", &query), &[]).await;
    let diagnosis = hosts.diagnose_as_ana(all).await;
    diagnosis.is("challenge", "ok", "");
    diagnosis.is("MCP revisions", "warning", "accepts clients of 2026-07-28 only");
}
