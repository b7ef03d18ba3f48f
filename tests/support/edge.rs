//! A proxy with the tenants' CRM and an MCP server, in front of the validator and these applications.

use std::{process::Command, time::Duration};

use tempfile::TempDir;

use super::{
    http::{self, Answer},
    ports::free_port,
    process::Process,
    wait::eventually,
};

/// The domain of the tenants' hosts.
pub const DOMAIN: &str = "crm.localhost";

/// The host where people log in.
pub const LOGIN_HOST: &str = "login.localhost";

/// The host of the MCP server.
pub const MCP_HOST: &str = "mcp.localhost";

/// The URI of the MCP server.
pub const MCP_RESOURCE: &str = "http://mcp.localhost/mcp";

/// The requirement that the recipes are written with, besides the tenant.
pub const REQUIREMENT: &str = "policy=crm-agent,crm-admin,route-crm";

/// The origin that the recipes name as an example.
pub const ORIGIN: &str = "https://app.example.com";

/// A part of the recipes that is off until an operator turns it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Pages of [`ORIGIN`] may call the site.
    Cors,
    /// Other proxies stand in front, on this machine.
    FrontProxy,
    /// The cookie `vault` carries the token and is not passed on.
    Cookie,
    /// All requests to the MCP server are authorized for each tool.
    McpTools,
}

/// Changes to a recipe before it is used.
#[derive(Clone, Copy)]
pub struct Recipe<'r> {
    /// The requirement that replaces [`REQUIREMENT`].
    pub requirement: &'r str,
    /// The part that is turned on.
    pub extra: Option<Extra>,
    /// The validator's api listener, `host:port`, with the login pages.
    pub login: &'r str,
    /// The MCP server, `host:port`.
    pub mcp: &'r str,
}

impl Recipe<'_> {
    /// A recipe as it stands, without login pages and an MCP server: nothing listens at these addresses.
    pub const PLAIN: Self =
        Recipe { requirement: REQUIREMENT, extra: None, login: "127.0.0.1:9", mcp: "127.0.0.1:9" };

    /// A recipe with one part turned on.
    pub const fn with(extra: Extra) -> Self {
        Recipe { extra: Some(extra), ..Recipe::PLAIN }
    }
}

/// The values that a recipe is rendered with.
pub struct Place<'p> {
    /// A folder for its files.
    pub dir: &'p TempDir,
    /// A port of the loopback interface to listen on.
    pub port: u16,
    /// The validator's auth listener, `host:port` or `unix:/path`.
    pub validator: &'p str,
    /// The application, `host:port`.
    pub application: &'p str,
    /// Changes to the recipe.
    pub recipe: Recipe<'p>,
}

impl Place<'_> {
    /// Returns `text` with the replacements that turn on the selected part.
    ///
    /// # Panics
    /// If a text that is to be replaced is missing.
    pub fn enable(&self, text: &str, extras: &[(Extra, &str, &str)]) -> String {
        let wanted = extras.iter().filter(|(extra, ..)| self.recipe.extra == Some(*extra));
        let wanted: Vec<_> = wanted.map(|(_, from, to)| (*from, *to)).collect();
        replaced(text, &wanted)
    }
}

/// A running proxy. Dropping it ends it.
pub struct Edge {
    process: Process,
    port: u16,
    http: reqwest::Client,
    _dir: TempDir,
}

impl Edge {
    /// Starts the proxy that `command` builds for a place, with the validator's auth listener at
    /// `validator` and the application at `application`.
    ///
    /// # Panics
    /// If it does not start on any of several ports.
    pub async fn start(
        name: &str,
        validator: &str,
        application: &str,
        recipe: Recipe<'_>,
        command: impl Fn(&Place<'_>) -> Command,
    ) -> Self {
        for _ in 0..5 {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let port = free_port();
            let place = Place { dir: &dir, port, validator, application, recipe };
            let process = Process::spawn(name, &mut command(&place));
            let edge = Self { process, port, http: http::client(), _dir: dir };
            if edge.becomes_ready().await {
                return edge;
            }
            let log = edge.log().to_lowercase();
            assert!(log.contains("address already in use"), "{name} exited:\n{log}");
        }
        panic!("{name} found no free port");
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns its log.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Sends a request for `path` on the host of a tenant.
    ///
    /// # Panics
    /// If no complete answer comes.
    pub async fn send(
        &self,
        method: &str,
        tenant: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        self.send_to(&format!("{tenant}.{DOMAIN}"), method, path, headers, body).await
    }

    /// Sends a request for `path` on this host.
    ///
    /// # Panics
    /// If no complete answer comes.
    pub async fn send_to(
        &self,
        host: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        let url = format!("http://{}{path}", self.address());
        let headers: Vec<_> = [("host", host)].iter().chain(headers).copied().collect();
        let body = body.map(str::to_owned);
        http::send(&self.http, method, &url, &headers, body).await.expect("an answer")
    }

    /// Waits until it serves the site, which it does once it has read its configuration. Returns
    /// false if the process has exited instead.
    async fn becomes_ready(&self) -> bool {
        let url = format!("http://{}/", self.address());
        let host = format!("acme.{DOMAIN}");
        eventually(Duration::from_secs(20), "the proxy to come up", async || {
            if self.process.exit_status().is_some() {
                return Some(false);
            }
            let answer =
                http::send(&self.http, "GET", &url, &[("host", &host)], None).await.ok()?;
            (answer.status != 404).then_some(true)
        })
        .await
    }
}

/// Returns `text` with each `from`, which has to occur, replaced.
///
/// # Panics
/// If one does not occur.
pub fn replaced(text: &str, replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the recipe has no {from}");
        text.replace(from, to)
    })
}
