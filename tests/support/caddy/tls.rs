//! Caddy with the Caddyfile of `deploy/caddy/` over https, on a free port.

use std::{fs, net::SocketAddr, process::Command, sync::Arc, time::Duration};

use reqwest::{
    Certificate, Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use tempfile::TempDir;

use super::super::{
    http::{self, Answer},
    ports::free_port,
    process::Process,
    tls::Leaf,
    tools,
    wait::eventually,
};

/// The domains of the sites.
const DOMAINS: [&str; 2] = ["example.com", "example.org"];

/// The variables that name the applications.
const UPSTREAMS: [&str; 19] = [
    "AI",
    "API",
    "APP",
    "BOT",
    "CHATWOOT",
    "CRM",
    "DEMO",
    "DEMO_N8N",
    "DOKPLOY",
    "GRAFANA",
    "KPI",
    "MAINKEY",
    "MCP",
    "MKT",
    "N8N",
    "ODOO",
    "OTEL",
    "PORTAINER",
    "SENTRY",
];

/// Caddy for every site of the Caddyfile below `example.com` and `example.org`, such as
/// `crm.example.com` and `acme.crm.example.org`, each in front of the same application. Dropping it
/// ends it.
pub struct TlsCaddy {
    process: Process,
    port: u16,
    plain_port: u16,
    http: Client,
    leaf: Leaf,
    _home: TempDir,
}

impl TlsCaddy {
    /// Starts it in front of an application, with the validator's auth listener at `validator`; both
    /// are `host:port`. `env` adds variables or replaces them.
    ///
    /// # Panics
    /// If it does not start on any of several ports.
    pub async fn start(validator: &str, application: &str, env: &[(&str, &str)]) -> Self {
        Self::start_with("", validator, application, env).await
    }

    /// Starts it with these sites, in the syntax of a Caddyfile, besides those of `deploy/caddy/`.
    /// `TLS` in them becomes the directive for the certificate, which is for names directly below
    /// the two domains and below their `crm`.
    ///
    /// # Panics
    /// As [`TlsCaddy::start`].
    pub async fn start_with(
        sites: &str,
        validator: &str,
        application: &str,
        env: &[(&str, &str)],
    ) -> Self {
        for _ in 0..5 {
            let caddy = Self::spawn(sites, validator, application, env);
            if caddy.becomes_ready().await {
                return caddy;
            }
            let log = caddy.log();
            assert!(log.contains("address already in use"), "Caddy exited:\n{log}");
        }
        panic!("Caddy found no free port");
    }

    /// The port for https on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port for plain http on 127.0.0.1, which redirects to https.
    pub fn plain_port(&self) -> u16 {
        self.plain_port
    }

    /// The certificate of all sites.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// Returns Caddy's log, with its access log.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Sends a request for `path` on `host`, over https and without a browser.
    ///
    /// # Panics
    /// If no complete answer comes.
    pub async fn send(
        &self,
        method: &str,
        host: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = format!("https://{host}:{}{path}", self.port);
        let headers: Vec<_> = [("host", host)].iter().chain(headers).copied().collect();
        http::send(&self.http, method, &url, &headers, None).await.expect("an answer from Caddy")
    }

    fn spawn(sites: &str, validator: &str, application: &str, env: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let names = DOMAINS.map(|domain| [format!("*.{domain}"), format!("*.crm.{domain}")]);
        let leaf = Leaf::new(&names.as_flattened().iter().map(String::as_str).collect::<Vec<_>>());
        let (port, plain_port) = (free_port(), free_port());
        let tls = format!("tls {} {}", leaf.certificate().display(), leaf.key().display());
        let config = home.path().join("Caddyfile");
        let shipped = tools::repository("deploy/caddy/Caddyfile");
        let sites = sites.replace("TLS", &tls);
        fs::write(&config, format!("import {}\n{sites}\n", shipped.display())).expect("Caddyfile");
        let global = format!("default_bind 127.0.0.1\nhttp_port {plain_port}\nhttps_port {port}");
        let mut command = Command::new(tools::caddy());
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(config)
            .env_clear()
            .env("HOME", home.path())
            .env("CADDY_GLOBAL", global)
            .env("CADDY_TLS", tls)
            .env("DOMAIN", DOMAINS[0])
            .env("MIRROR_DOMAIN", DOMAINS[1])
            .env("AUTH_UPSTREAM", validator)
            .envs(UPSTREAMS.map(|name| (format!("{name}_UPSTREAM"), application)))
            .envs(env.iter().copied());
        let process = Process::spawn("caddy", &mut command);
        let http = client(&leaf);
        Self { process, port, plain_port, http, leaf, _home: home }
    }

    /// Waits until the catch-all site rejects a request to no configured site. Returns false if
    /// the process has exited instead.
    async fn becomes_ready(&self) -> bool {
        let url = format!("https://unknown.{}:{}/", DOMAINS[0], self.port);
        eventually(Duration::from_secs(20), "Caddy to listen", async || {
            if self.process.exit_status().is_some() {
                return Some(false);
            }
            let answer = http::send(&self.http, "GET", &url, &[], None).await.ok()?;
            (answer.status == 421).then_some(true)
        })
        .await
    }
}

/// Resolves every name to 127.0.0.1.
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new([SocketAddr::from(([127, 0, 0, 1], 0))].into_iter());
        Box::pin(async { Ok(addresses) })
    }
}

/// Creates a client that trusts this certificate alone.
fn client(leaf: &Leaf) -> Client {
    // The default provider is the process's; the second caller finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .tls_certs_only([Certificate::from_pem(leaf.pem().as_bytes()).expect("a certificate")])
        .dns_resolver(Arc::new(Loopback))
        .redirect(Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .expect("an HTTP client")
}
