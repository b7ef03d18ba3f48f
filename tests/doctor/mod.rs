//! `doctor`: it passes in a complete setup, and reports each fault.

mod browser_login;
mod command;
mod login_hosts;
mod oauth;
mod proxy;
mod setup;
mod site_caddy;
mod token;
mod vault;

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    bao::Bao,
    platform::{AppRole, provision},
    tools,
};

/// A shell on the machine of the service.
struct Shell {
    variables: Vec<(String, String)>,
    /// The option that permits `doctor` to log in with a secret id.
    login: Option<&'static str>,
    dir: TempDir,
}

/// The output of `doctor`.
#[derive(Debug)]
struct DoctorOutput {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Shell {
    /// Creates a shell with Vault's address only.
    fn at(address: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let shell = Self { variables: Vec::new(), login: None, dir };
        shell.with("VAULT_ADDR", address)
    }

    /// Creates a shell with the service's credentials.
    fn of_service(address: &str, role: &AppRole) -> Self {
        let shell = Self { login: Some("--login"), ..Self::at(address) };
        let file = shell.file("secret-id", &role.secret_id);
        shell
            .with("VALIDATOR_ROLE_ID", &role.role_id)
            .with("VALIDATOR_SECRET_ID_FILE", &file.display().to_string())
    }

    /// Adds a home directory with the token of `vault login`.
    fn and_home_of(self, token: &str) -> Self {
        self.file(".vault-token", token);
        let home = self.dir.path().display().to_string();
        self.with("HOME", &home)
    }

    /// Adds an environment variable.
    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    }

    /// Runs `doctor` with these arguments.
    fn run(&self, arguments: &[&str]) -> DoctorOutput {
        self.run_with(arguments, "")
    }

    /// Runs `doctor` with this on standard input.
    fn run_with(&self, arguments: &[&str], stdin: &str) -> DoctorOutput {
        let mut child = Command::new(tools::validator())
            .arg("doctor")
            .args(self.login)
            .args(arguments)
            .env_clear()
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        // The program may exit without reading.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        DoctorOutput { code: output.status.code(), stdout, stderr }
    }

    /// Runs `doctor --output json`.
    fn diagnosis(&self, arguments: &[&str]) -> Diagnosis {
        Diagnosis::of(&self.run(&[&["--output", "json"], arguments].concat()))
    }
}

/// The parsed JSON output.
#[derive(Debug)]
struct Diagnosis {
    code: Option<i32>,
    groups: Vec<Value>,
}

impl Diagnosis {
    fn of(output: &DoctorOutput) -> Self {
        assert_eq!(output.stderr, "", "{output:?}");
        let json: Value = serde_json::from_str(&output.stdout).expect("JSON");
        let groups = json["groups"].as_array().expect("groups").clone();
        let diagnosis = Self { code: output.code, groups };
        let failed = diagnosis.all("fail");
        assert_eq!(output.code, Some(i32::from(!failed.is_empty())), "{json}");
        assert_eq!(json["failed"], failed.len(), "{json}");
        assert_eq!(json["healthy"], failed.is_empty(), "{json}");
        diagnosis
    }

    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.groups.iter().flat_map(|group| group["checks"].as_array().expect("checks"))
    }

    /// Returns the names of all checks with this outcome.
    fn all(&self, outcome: &str) -> Vec<&str> {
        let findings = self.findings().filter(|finding| finding["outcome"] == outcome);
        findings.map(|finding| finding["check"].as_str().expect("a name")).collect()
    }

    /// Returns the names of the checks in the last group with this outcome.
    fn last(&self, outcome: &str) -> Vec<&str> {
        let last = self.groups.last().expect("a group")["checks"].as_array().expect("checks");
        let findings = last.iter().filter(|finding| finding["outcome"] == outcome);
        findings.map(|finding| finding["check"].as_str().expect("a name")).collect()
    }

    /// Returns the messages of a check, each after its outcome.
    fn messages(&self, check: &str) -> Vec<String> {
        let found = self.findings().filter(|finding| finding["check"] == check);
        let text = |finding: &Value| {
            let [outcome, detail] =
                ["outcome", "detail"].map(|key| finding[key].as_str().expect("text"));
            format!("{outcome}: {detail}")
        };
        found.map(text).collect()
    }

    /// Asserts the outcome of this check, and that its message contains these words. A check that
    /// is not ok has a remedy or was skipped.
    fn is(&self, check: &str, outcome: &str, words: &str) {
        let finding = self.findings().find(|finding| finding["check"] == check);
        let finding = finding.unwrap_or_else(|| panic!("no {check} in {self:#?}"));
        assert_eq!(finding["outcome"], outcome, "{finding}");
        assert!(finding["detail"].as_str().expect("a text").contains(words), "{finding}");
        let remedied = !finding["remedy"].is_null();
        assert!(remedied || matches!(outcome, "ok" | "skipped"), "{finding}");
        assert!(!remedied || outcome != "ok", "{finding}");
    }
}

/// Sets up Vault with all resources, the service's role, and one tenant's key.
async fn provisioned(bao: &Bao) -> AppRole {
    let role = provision(bao).await;
    bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
    let key = json!({"derived": true});
    bao.must("POST", "transit/keys/tenant-acme", Some(key)).await;
    role
}

/// Creates a certificate for this name from 2020 until this year, and its key, in PEM.
fn certificate(name: &str, until: i32) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 1));
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}
