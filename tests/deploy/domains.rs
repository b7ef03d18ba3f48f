//! The access rules of the platform's domains, with the Caddyfile of `deploy/`, over TLS.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::Command,
    time::Duration,
};

use reqwest::{Certificate, Client, redirect::Policy};
use serde_json::json;
use tempfile::TempDir;
use vault_auth_validator::sealed::KeyRing;

use crate::support::{
    backend::{Backend, received},
    caddy::Caddy,
    direct::Direct,
    http::{self, Answer},
    platform::token,
    ports::free_port,
    process::Process,
    raw::exchange,
    stack::{Stack, bearer},
    tools,
    wait::eventually,
};

/// The suffixes of all names.
const SUFFIXES: [&str; 2] = ["smarterbot.cl", "smarterbot.store"];

/// The names, each with its requirement.
const SITES: [(&str, Asks); 24] = [
    ("api", Asks::Token),
    ("mainkey", Asks::Operator),
    ("crm", Asks::Agent),
    ("acme.crm", Asks::Agent),
    ("globex.crm", Asks::AnotherTenant),
    ("chatwoot", Asks::Staff),
    ("erp", Asks::Staff),
    ("odoo", Asks::Staff),
    ("kpi", Asks::Staff),
    ("n8n", Asks::Staff),
    ("bot", Asks::Staff),
    ("chat", Asks::Staff),
    ("mkt", Asks::Public),
    ("app", Asks::Public),
    ("ai", Asks::Staff),
    ("mcp", Asks::Staff),
    ("grafana", Asks::Staff),
    ("sentry", Asks::Staff),
    ("otel", Asks::Staff),
    ("demo", Asks::Staff),
    ("demo-n8n", Asks::Staff),
    ("dash", Asks::Operator),
    ("dokploy", Asks::Operator),
    ("portainer", Asks::Operator),
];

/// The webhooks and documents that are open.
const OPEN: [(&str, &str); 25] = [
    ("api", "/docs"),
    ("api", "/docs?plain"),
    ("api", "/docs/style.css"),
    ("api", "/openapi.json"),
    ("chatwoot", "/webhooks/whatsapp/+56912345678"),
    ("chatwoot", "/webhooks/telegram/123456789:AAH-AbC_9"),
    ("chatwoot", "/webhooks/line/1"),
    ("chatwoot", "/webhooks/sms/1"),
    ("chatwoot", "/webhooks/instagram?hub.mode=subscribe"),
    ("chatwoot", "/twilio/callback"),
    ("chatwoot", "/twilio/delivery_status"),
    ("chatwoot", "/bot"),
    ("erp", "/payment/stripe/webhook"),
    ("odoo", "/payment/paypal/webhook/"),
    ("odoo", "/payment/mercado_pago/webhook/S00042-1"),
    ("n8n", "/webhook/0b1c/new-lead?source=web"),
    ("n8n", "/webhook-waiting/42"),
    ("bot", "/api/v1/messaging/webhooks/v1/abc/telegram"),
    ("chat", "/api/v1/messaging/webhooks/v1/abc/telegram"),
    ("sentry", "/api/42/envelope/?sentry_key=abc"),
    ("demo-n8n", "/webhook/a"),
    ("dash", "/api/deploy/abc_DEF"),
    ("dokploy", "/api/deploy/abc_DEF"),
    ("dokploy", "/api/deploy/compose/abc"),
    ("portainer", "/api/stacks/webhooks/4c1f8a2e-0000-4000-8000-1a2b3c4d5e6f"),
];

/// Paths similar to the open ones that need a token.
const NOT_OPEN: [(&str, &str); 35] = [
    ("api", "/"),
    ("api", "/docs/"),
    ("api", "/docs/style.css/"),
    ("api", "/docs/style-css"),
    ("api", "/docs/../v1/whoami"),
    ("api", "/docsx"),
    ("api", "/DOCS"),
    ("api", "/openapi.json/v1"),
    ("api", "/v1/docs"),
    ("api", "/v1/whoami?/docs"),
    ("n8n", "/webhook"),
    ("n8n", "/webhook/"),
    ("n8n", "/webhook/a/"),
    ("n8n", "/webhook-test/a"),
    ("n8n", "/WEBHOOK/a"),
    ("n8n", "//webhook/a"),
    ("n8n", "/rest/webhook/a"),
    ("n8n", "/webhook/../rest/users"),
    ("n8n", "/webhook/%2e%2e/rest/users"),
    ("n8n", "/webhook/..;/rest/users"),
    ("n8n", "/webhook/a%2fb"),
    ("n8n", "/webhook/%252e%252e/rest"),
    ("n8n", "/rest/../webhook/a"),
    ("n8n", "/rest?/webhook/a"),
    ("chatwoot", "/webhooks/telegram/1/2"),
    ("chatwoot", "/webhooks/email/1"),
    ("chatwoot", "/bot/"),
    ("odoo", "/payment/transfer/webhook"),
    ("dokploy", "/api/deploy/a/b"),
    ("sentry", "/api/0/envelope"),
    ("sentry", "/api/0/projects/"),
    ("crm", "/.vault-auth/other"),
    ("crm", "/.vault-auth/login/"),
    ("crm", "/.vault-auth/../v1/whoami"),
    ("crm", "/x/../.vault-auth/"),
];

/// The requirement of a site.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// Nothing: the site is open.
    Public,
    Token,
    Agent,
    /// As `Agent`, of a tenant that none of these callers belongs to.
    AnotherTenant,
    Staff,
    Operator,
}

/// Caddy with the platform's Caddyfile, and its upstreams.
struct Platform {
    http: Client,
    port: u16,
    caddy: Process,
    service: Direct,
    backend: Backend,
    _home: TempDir,
}

impl Platform {
    async fn start() -> Self {
        Self::before(Direct::start().await).await
    }

    async fn before(service: Direct) -> Self {
        let backend = Backend::start().await;
        let home = tempfile::tempdir().expect("a temporary directory");
        let (plain, port) = (free_port(), free_port());
        // At its start Caddy would clean the storage, and so remove the folder of a certificate that
        // is being issued: it is issued again only after a minute.
        let global = format!(
            "default_bind 127.0.0.1\nlocal_certs\nstorage_clean_interval off\nhttp_port {plain}\n\
             https_port {port}"
        );
        let upstreams = [
            "API",
            "MAINKEY",
            "CRM",
            "CHATWOOT",
            "ODOO",
            "KPI",
            "N8N",
            "BOT",
            "MKT",
            "APP",
            "GRAFANA",
            "SENTRY",
            "OTEL",
            "DEMO",
            "DEMO_N8N",
            "AI",
            "MCP",
            "DOKPLOY",
            "PORTAINER",
        ];
        let upstreams = upstreams.map(|name| (format!("{name}_UPSTREAM"), backend.address()));
        let mut command = Command::new(tools::caddy());
        command
            .args(["run", "--config"])
            .arg(tools::repository("deploy/caddy/Caddyfile"))
            .env_clear()
            .env("HOME", home.path())
            .env("CADDY_GLOBAL", global)
            .env("AUTH_UPSTREAM", service.validator.auth_address())
            .env("LOGIN_UPSTREAM", service.validator.api_url().replace("http://", ""))
            .envs(upstreams);
        let caddy = Process::spawn("caddy", &mut command);
        let root = home.path().join(".local/share/caddy/pki/authorities/local/root.crt");
        let timeout = Duration::from_mins(1);
        let http = eventually(timeout, "Caddy's own authority", async || {
            assert!(caddy.exit_status().is_none(), "Caddy exited:\n{}", caddy.log());
            Some(trusting(&fs::read(&root).ok().filter(|root| !root.is_empty())?))
        })
        .await;
        // Each name has a certificate of its own, which takes a while to issue.
        for host in hosts() {
            let url = format!("https://{host}:{port}/");
            eventually(timeout, &url, async || {
                http::send(&http, "GET", &url, &[], None).await.ok()
            })
            .await;
        }
        Self { http, port, caddy, service, backend, _home: home }
    }

    async fn send(&self, site: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send_to(&format!("{site}.{}", SUFFIXES[0]), path, headers).await
    }

    async fn send_to(&self, host: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let url = format!("https://{host}:{}{path}", self.port);
        http::send(&self.http, "GET", &url, headers, None).await.expect("an answer from Caddy")
    }

    /// Creates a token with these policies and no entity.
    async fn token(&self, policies: &[&str]) -> String {
        token(&self.service.bao, json!({"policies": policies, "ttl": "1h"})).await
    }
}

fn hosts() -> impl Iterator<Item = String> {
    let names = SITES.iter().map(|(name, _)| *name).chain(["login"]);
    names.flat_map(|name| SUFFIXES.map(|suffix| format!("{name}.{suffix}")))
}

/// Creates a client that trusts this authority alone and resolves all platform names locally.
fn trusting(root: &[u8]) -> Client {
    let here = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let builder = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .tls_certs_only([Certificate::from_pem(root).expect("a certificate")]);
    hosts().fold(builder, |builder, host| builder.resolve(&host, here)).build().expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn domains_allow_required_callers_only() {
    let platform = Platform::start().await;
    let callers = [
        (None, String::new()),
        (None, "s.made-up".to_owned()),
        (Some(Asks::Token), platform.token(&["default"]).await),
        (Some(Asks::Agent), platform.service.acme.token().to_owned()),
        (Some(Asks::Staff), platform.token(&["staff"]).await),
        (Some(Asks::Operator), platform.token(&["operator"]).await),
    ];
    for (site, asks) in SITES {
        for (is, token) in &callers {
            let bearer = bearer(token);
            let headers = [("authorization", bearer.as_str())];
            let headers = if token.is_empty() { &[][..] } else { &headers };
            let expected = match is {
                _ if asks == Asks::Public => 200,
                None => 401,
                Some(_) if asks == Asks::Token => 200,
                Some(is) if *is == asks => 200,
                Some(_) => 403,
            };
            for suffix in SUFFIXES {
                let before = platform.backend.hits();
                let answer = platform.send_to(&format!("{site}.{suffix}"), "/", headers).await;
                let reached = platform.backend.hits() > before;
                assert_eq!(answer.status, expected, "{site}.{suffix}: {}", answer.body);
                assert_eq!(reached, expected == 200, "{site}.{suffix}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_sent_to_the_login_of_their_domain() {
    let keys = tempfile::NamedTempFile::new().expect("a file");
    fs::write(keys.path(), KeyRing::generate().as_str()).expect("keys");
    let file = keys.path().display().to_string();
    let hosts: Vec<_> = hosts().filter(|host| !host.starts_with("login")).collect();
    let env = [
        ("VALIDATOR_LOGIN_URL", "https://login.smarterbot.cl,https://login.smarterbot.store"),
        ("VALIDATOR_LOGIN_HOSTS", &*hosts.join(",")),
        ("VALIDATOR_SEALING_KEY_FILE", &*file),
    ];
    let platform = Platform::before(Direct::start_with(&env).await).await;
    let navigation = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "none"),
    ];
    for (site, asks) in SITES {
        for suffix in SUFFIXES {
            let host = format!("{site}.{suffix}");
            let answer = platform.send_to(&host, "/a?b=c", &navigation).await;
            let expected = match (site, asks) {
                (_, Asks::Public) => 200,
                ("api" | "mcp" | "otel", _) => 401,
                _ => 302,
            };
            assert_eq!(answer.status, expected, "{host}: {}", answer.body);
            if expected == 302 {
                let login = format!("https://login.{suffix}/.vault-auth/login?to=https://{host}");
                let location = answer.header("location").expect("a location");
                assert!(location.starts_with(&login), "{host}: {location}");
                let account = platform.send_to(&host, "/.vault-auth/", &navigation).await;
                assert_eq!(account.status, 200, "{host}: {}", account.body);
            }
        }
    }
    for (site, path) in OPEN {
        assert_ne!(platform.send(site, path, &navigation).await.status, 302, "{site} {path}");
    }
    let answer = platform.send("login", "/", &navigation).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/.vault-auth/")));
    let host = [("host", "login.smarterbot.cl")];
    let headers = [&navigation[..], &host].concat();
    let answer = platform.send("login", "/.vault-auth/login", &headers).await;
    assert!(answer.status == 200 && answer.body.contains("password"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_webhooks_drop_forged_headers() {
    let platform = Platform::start().await;
    let forged = [
        ("x-auth-tenant", "acme"),
        ("x-auth-policies", "root"),
        ("x-forwarded-user", "root"),
        ("x-original-url", "/admin"),
    ];
    for (site, path) in OPEN {
        let answer = platform.send(site, path, &forged).await;
        assert_eq!(answer.status, 200, "{site} {path}: {}", answer.body);
        let seen = answer.json();
        assert_eq!(seen["uri"], path);
        for (name, _) in forged {
            assert!(received(&seen, name).is_empty(), "{name} came through at {site} {path}");
        }
    }
    // Other requests are logged, so the log is not empty.
    assert_eq!(platform.send("n8n", "/logged", &[]).await.status, 401);
    eventually(Duration::from_secs(10), "a line in the log", async || {
        platform.caddy.log().contains("/logged").then_some(())
    })
    .await;
    assert!(!platform.caddy.log().contains("AAH-AbC_9"), "a secret in a path is in the log");
}

/// Uses plain http, since the paths must be sent unchanged.
#[tokio::test(flavor = "multi_thread")]
async fn similar_paths_need_a_token() {
    let stack = Stack::start().await;
    for (site, path) in NOT_OPEN {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {site}.localhost\r\n\r\n");
        let timeout = Duration::from_secs(5);
        let answer = exchange(&stack.caddy.address(), request.as_bytes(), timeout).await;
        assert_eq!(answer.map(|answer| answer.status), Some(401), "{site} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_api_documentation_is_public() {
    let service = Direct::start().await;
    let api = service.validator.api_url().replace("http://", "");
    let upstream = [("API_UPSTREAM", api.as_str())];
    let caddy = Caddy::start(service.validator.auth_address(), "127.0.0.1:1", &upstream).await;
    let send = async |method, path| caddy.send(method, "api.localhost", path, &[]).await;
    for (path, media_type) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/style.css", "text/css; charset=utf-8"),
        ("/openapi.json", "application/json"),
    ] {
        let answer = send("GET", path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)));
        assert!(answer.header("content-security-policy").is_some(), "{path}");
        let other = send("POST", path).await;
        assert_eq!((other.status, &other.json()["code"]), (405, &json!("method_not_allowed")));
    }
    for path in ["/", "/v1/whoami", "/v1/tenants/acme/secrets", "/docs/other"] {
        assert_eq!(send("GET", path).await.status, 401, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_is_leftmost_host_label() {
    let (service, backend) = (Direct::start().await, Backend::start().await);
    let domain = [("DOMAIN", "example.co.uk")];
    let caddy = Caddy::start(service.validator.auth_address(), backend.address(), &domain).await;
    let authorization = bearer(service.acme.token());
    let headers = [("authorization", authorization.as_str())];
    for (host, status) in [
        ("acme.crm.example.co.uk", 200),
        ("ACME.crm.example.co.uk", 200),
        ("globex.crm.example.co.uk", 403),
        ("crm.crm.example.co.uk", 403),
    ] {
        assert_eq!(caddy.send("GET", host, "/", &headers).await.status, status, "{host}");
    }
}
