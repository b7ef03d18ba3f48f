//! A real Caddy with the very configuration of `deploy/caddy/`.

pub mod tls;

use std::{fs, path::Path, process::Command, time::Duration};

use tempfile::TempDir;

use super::{
    edge::{Edge, Extra, ORIGIN, Place, REQUIREMENT, Recipe, replaced},
    http::{self, Answer},
    ports::free_port,
    process::Process,
    tools,
    wait::eventually,
};

/// Replacements in the Caddyfile that turn a part on.
const EXTRAS: [(Extra, &str, &str); 3] = [
    (Extra::Cors, GUARDED, "import cors ORIGIN\n\timport app \"tenant={tenant}&"),
    (Extra::Cookie, APPLICATION, "import drop_cookie vault\n\t\treverse_proxy {$CRM_UPSTREAM"),
    (Extra::FrontProxy, "static {$CADDY_TRUSTED_PROXIES}", "static 127.0.0.0/8"),
];
const GUARDED: &str = "import app \"tenant={tenant}&";
const APPLICATION: &str = "reverse_proxy {$CRM_UPSTREAM";

/// Replacements in the guard.
const GUARD_EXTRAS: [(Extra, &str, &str); 1] =
    [(Extra::McpTools, "&acl={args[0]}\" {", "&mcp={args[0]}\" {")];

/// Starts Caddy with the Caddyfile of `deploy/caddy/` as the proxy of the tenants' CRM.
///
/// # Panics
/// If it does not start.
pub async fn start(validator: &str, application: &str, recipe: Recipe<'_>) -> Edge {
    Edge::start("caddy", validator, application, recipe, command).await
}

fn command(place: &Place<'_>) -> Command {
    let dir = place.dir.path();
    let recipe = tools::repository("deploy/caddy");
    let read = |name: &str| fs::read_to_string(recipe.join(name)).expect("the recipe");
    let site =
        place.enable(&read("Caddyfile"), &EXTRAS).replace("cors ORIGIN", &format!("cors {ORIGIN}"));
    let site = replaced(&site, &[(REQUIREMENT, place.recipe.requirement)]);
    fs::write(dir.join("Caddyfile"), site).expect("the site");
    let guard = place.enable(&read("guard.caddy"), &GUARD_EXTRAS);
    fs::write(dir.join("guard.caddy"), guard).expect("the guard");
    let validator = place.validator.replace("unix:", "unix/");
    let mut command =
        run_command(&dir.join("Caddyfile"), place.port, &validator, place.application);
    command
        .env("HOME", dir)
        .env("LOGIN_UPSTREAM", place.recipe.login)
        .env("MCP_UPSTREAM", place.recipe.mcp)
        .env("MCP_ORIGINS", ORIGIN)
        .env("PUBLIC_SCHEME", "http://");
    command
}

/// Caddy with this configuration, on plain http at this port.
fn run_command(config: &Path, port: u16, validator: &str, application: &str) -> Command {
    let mut command = Command::new(tools::caddy());
    command
        .arg("run")
        .arg("--config")
        .arg(config)
        .env_clear()
        .env("CADDY_GLOBAL", "default_bind 127.0.0.1")
        .env("CADDY_SCHEME", "http://")
        .env("CADDY_PORT", format!(":{port}"))
        .env("DOMAIN", "localhost")
        .env("MIRROR_DOMAIN", "mirror.localhost")
        .env("CRM_UPSTREAM", application)
        .env("API_UPSTREAM", application)
        .env("OTHER_ADDRESS", format!("http://:{port}"))
        .env("AUTH_UPSTREAM", validator);
    command
}

/// Caddy on one free port, on plain http: `*.crm.localhost` and `api.localhost`, each
/// in front of the same application.
pub struct Caddy {
    process: Process,
    port: u16,
    http: reqwest::Client,
    _home: TempDir,
}

impl Caddy {
    /// Starts it in front of an application, with the validator's auth listener at
    /// `validator`; both are `host:port`. `env` adds variables or replaces them.
    ///
    /// # Panics
    /// If it does not start on any of several ports.
    pub async fn start(validator: &str, application: &str, env: &[(&str, &str)]) -> Self {
        let config = tools::repository("deploy/caddy/Caddyfile");
        Self::run(&config, validator, application, env).await
    }

    /// Starts it with the guard alone, as an operator would import it: `*.crm.localhost` requires
    /// this, and the rest of the Caddyfile in `deploy/` is absent.
    ///
    /// # Panics
    /// As [`Caddy::start`].
    pub async fn guarding(requirement: &str, validator: &str, application: &str) -> Self {
        let guard = tools::repository("deploy/caddy/guard.caddy");
        let guard = fs::read_to_string(guard).expect("the guard");
        let site =
            format!("import guard \"{requirement}\" {{\n\t\treverse_proxy {{$CRM_UPSTREAM}}\n\t}}");
        Self::with(&guard, &site, validator, application, &[]).await
    }

    /// Starts it with another guard, and with `site` as the whole content of the site.
    ///
    /// # Panics
    /// As [`Caddy::start`].
    pub async fn with(
        guard: &str,
        site: &str,
        validator: &str,
        application: &str,
        env: &[(&str, &str)],
    ) -> Self {
        let text = format!(
            "{{\n\tadmin off\n\t{{$CADDY_GLOBAL}}\n}}\n{guard}\n\
             {{$CADDY_SCHEME}}*.crm.localhost{{$CADDY_PORT}} {{\n\t{site}\n}}\n\
             {{$OTHER_ADDRESS}} {{\n\terror 421\n}}\n"
        );
        let dir = tempfile::tempdir().expect("a temporary directory");
        let config = dir.path().join("Caddyfile");
        fs::write(&config, text).expect("a Caddyfile");
        Self::run(&config, validator, application, env).await
    }

    /// Starts it at this port.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_at(
        port: u16,
        validator: &str,
        application: &str,
        env: &[(&str, &str)],
    ) -> Self {
        let config = tools::repository("deploy/caddy/Caddyfile");
        let caddy = Self::spawn(&config, port, validator, application, env);
        assert!(caddy.becomes_ready().await, "Caddy exited:\n{}", caddy.log());
        caddy
    }

    async fn run(config: &Path, validator: &str, application: &str, env: &[(&str, &str)]) -> Self {
        for _ in 0..5 {
            let caddy = Self::spawn(config, free_port(), validator, application, env);
            if caddy.becomes_ready().await {
                return caddy;
            }
            let log = caddy.log();
            assert!(log.contains("address already in use"), "Caddy exited:\n{log}");
        }
        panic!("Caddy found no free port");
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns Caddy's log, with its access log.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Sends a request for `path` on `host`.
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
        let url = format!("http://{}{path}", self.address());
        let headers: Vec<_> = [("host", host)].iter().chain(headers).copied().collect();
        http::send(&self.http, method, &url, &headers, None).await.expect("an answer from Caddy")
    }

    fn spawn(
        config: &Path,
        port: u16,
        validator: &str,
        application: &str,
        env: &[(&str, &str)],
    ) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut command = run_command(config, port, validator, application);
        command.env("HOME", home.path()).envs(env.iter().copied());
        let process = Process::spawn("caddy", &mut command);
        Self { process, port, http: http::client(), _home: home }
    }

    /// Waits until the catch-all site rejects a request to no configured site. Returns false if
    /// the process has exited instead.
    async fn becomes_ready(&self) -> bool {
        let url = format!("http://{}/", self.address());
        eventually(Duration::from_secs(20), "Caddy to come up", async || {
            if self.process.exit_status().is_some() {
                return Some(false);
            }
            let answer = http::send(&self.http, "GET", &url, &[], None).await.ok()?;
            (answer.status == 421).then_some(true)
        })
        .await
    }
}
