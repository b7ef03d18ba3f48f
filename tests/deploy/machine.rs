use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{
    compose::{self, Compose},
    http::{self, Answer},
    ports::free_port,
    process::Process,
    tools,
    wait::eventually,
};

/// A folder that stands for a machine on which the compose file is started.
pub(super) struct Machine {
    root: PathBuf,
    compose: Compose,
    bao: u16,
    cluster: u16,
    api: u16,
    admin: u16,
    http: Client,
}

impl Machine {
    /// Creates the state before the first start, and runs `prepare`.
    pub(super) fn new(root: &Path) -> Self {
        for folder in ["keys/seal", "keys/validator", "keys/administrator", "keys/rotator"] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        for folder in ["openbao/file", "openbao/logs", "run/validator", "credentials"] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        let machine = Self {
            root: root.to_owned(),
            compose: Compose::read(),
            bao: free_port(),
            cluster: free_port(),
            api: free_port(),
            admin: free_port(),
            http: http::client(),
        };
        machine.prepare();
        machine
    }

    /// Runs the commands of the service `prepare`.
    pub(super) fn prepare(&self) {
        let script = tools::repository("deploy/openbao/prepare.sh");
        let done = Command::new("sh").arg(script).env("ROOT", &self.root).status();
        assert!(done.expect("sh").success());
    }

    /// Starts OpenBao and waits until it is unsealed.
    pub(super) async fn start_bao(&self) -> Process {
        let (places, config) = (self.places(), self.root.join("openbao/config"));
        compose::copy("deploy/openbao", &config, &borrowed(&places));
        let mut command = Command::new(tools::bao());
        let service = self.compose.service("openbao");
        let arguments = service.command.iter();
        command
            .args(arguments.map(|one| one.replace("/openbao/config", &config.to_string_lossy())))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &self.root);
        let process = Process::spawn("bao", &mut command);
        eventually(Duration::from_secs(30), "OpenBao to be unsealed", async || {
            assert!(process.exit_status().is_none(), "OpenBao exited:\n{}", process.log());
            let answer = self.vault("", "GET", "sys/health", None).await?;
            (answer.status == 200).then_some(())
        })
        .await;
        process
    }

    /// Starts the validator and waits until it is ready.
    pub(super) async fn start_validator(&self) -> Process {
        let service = self.compose.service("validator");
        let mut command = Command::new(tools::validator());
        let variables = service.variables(&borrowed(&self.places()));
        command.arg("serve").env_clear().envs(variables);
        let process = Process::spawn("validator", &mut command);
        let ready = format!("http://127.0.0.1:{}/readyz", self.admin);
        eventually(Duration::from_secs(20), "the validator to be ready", async || {
            assert!(process.exit_status().is_none(), "it exited:\n{}", process.log());
            let answer = http::send(&self.http, "GET", &ready, &[], None).await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
        process
    }

    /// Starts our program with the command and the variables of this service.
    pub(super) fn start(&self, service: &str) -> Process {
        let service = self.compose.service(service);
        let mut command = Command::new(tools::validator());
        let variables = service.variables(&borrowed(&self.places()));
        command.args(&service.command).env_clear().envs(variables);
        Process::spawn("vault-auth-validator", &mut command)
    }

    /// Starts Caddy on this port, on plain http, with all names below `localhost`.
    pub(super) async fn start_caddy(&self, port: u16) -> Process {
        let service = self.compose.service("caddy");
        let api = format!("127.0.0.1:{}", self.api);
        let here = [
            ("CADDY_GLOBAL", "default_bind 127.0.0.1"),
            ("CADDY_SCHEME", "http://"),
            ("CADDY_PORT", &format!(":{port}")),
            ("OTHER_ADDRESS", &format!("http://:{port}")),
            ("DOMAIN", "localhost"),
            ("API_UPSTREAM", &api),
        ];
        let mut command = Command::new(tools::caddy());
        command
            .args(["run", "--config"])
            .arg(tools::repository("deploy/caddy/Caddyfile"))
            .env_clear()
            .env("HOME", &self.root)
            .envs(service.variables(&borrowed(&self.places())))
            .envs(here);
        let process = Process::spawn("caddy", &mut command);
        let url = format!("http://127.0.0.1:{port}/");
        eventually(Duration::from_secs(20), "Caddy to come up", async || {
            assert!(process.exit_status().is_none(), "Caddy exited:\n{}", process.log());
            http::send(&self.http, "GET", &url, &[], None).await.ok()
        })
        .await;
        process
    }

    /// Calls OpenBao; returns `None` without a response.
    pub(super) async fn vault(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Option<Answer> {
        let url = format!("http://127.0.0.1:{}/v1/{path}", self.bao);
        let headers = [("x-vault-token", token)];
        let headers = if token.is_empty() { &[][..] } else { &headers };
        let body = body.map(|body| body.to_string());
        http::send(&self.http, method, &url, headers, body).await.ok()
    }

    /// Logs in as the administrator with the secret id that the machine created; returns the token.
    pub(super) async fn administrator(&self) -> String {
        let file = self.root.join("keys/administrator/secret-id");
        let secret_id = fs::read_to_string(file).expect("the secret id");
        let login = json!({"role_id": "administrator", "secret_id": secret_id});
        let answer = self.vault("", "POST", "auth/approle/login", Some(login)).await;
        let answer = answer.expect("an answer").json();
        answer["auth"]["client_token"].as_str().expect("a token").to_owned()
    }

    /// Runs `doctor` in the environment of this service; returns its output.
    pub(super) fn doctor(&self, service: &str, arguments: &[&str]) -> Value {
        let variables = self.compose.service(service).variables(&borrowed(&self.places()));
        let mut command = Command::new(tools::validator());
        command.args(["doctor", "--output", "json"]).args(arguments).env_clear().envs(variables);
        let output = command.output().expect("it starts");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    /// Returns the URL of this path in OpenBao.
    pub(super) fn vault_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/v1/{path}", self.bao)
    }

    /// Returns the path of a file or folder of the machine.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Returns the replacements for paths and addresses in the files.
    fn places(&self) -> Vec<(&'static str, String)> {
        let here = |path: &str| self.root.join(path).display().to_string();
        let local = |port: u16| format!("127.0.0.1:{port}");
        vec![
            ("/openbao/file", here("openbao/file")),
            ("/openbao/logs", here("openbao/logs")),
            ("/keys/", here("keys/")),
            ("/run/validator", here("run/validator")),
            ("\"/policies/", format!("\"{}/", tools::repository("policies").display())),
            ("0.0.0.0:8200", local(self.bao)),
            ("0.0.0.0:8201", local(self.cluster)),
            ("openbao:8200", local(self.bao)),
            ("openbao:8201", local(self.cluster)),
            ("0.0.0.0:8081", local(self.api)),
            ("127.0.0.1:9090", local(self.admin)),
        ]
    }
}

fn borrowed<'p>(places: &'p [(&'static str, String)]) -> Vec<(&'p str, &'p str)> {
    places.iter().map(|(from, to)| (*from, to.as_str())).collect()
}
