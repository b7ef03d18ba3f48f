//! `bootstrap` and `tenants create`, `list`, `show`, `members` and `remove`: from an empty Vault to
//! a tenant's service that is allowed, despite interruptions.

mod again;
mod bootstrap;
mod browser_login;
mod init;
mod leftovers;
mod members;
mod operators;
mod people;
mod refused;
mod removal;
mod tenants;

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    bao::Bao,
    platform::{self, AppRole},
    shell::{Ended, Shell},
};

/// A folder for credentials.
struct Credentials {
    dir: TempDir,
}

impl Credentials {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    /// The folder, which is not there at first.
    fn path(&self) -> String {
        self.dir.path().join("credentials").display().to_string()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("credentials").join(name)
    }

    /// Returns the contents of this file, which only its owner may read.
    fn read(&self, name: &str) -> String {
        let file = self.file(name);
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        fs::read_to_string(&file).expect("text").trim_end_matches('\n').to_owned()
    }

    /// The names of the files.
    fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.dir.path().join("credentials")) else {
            return Vec::new();
        };
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<_> = entries.map(|entry| name(entry.expect("an entry"))).collect();
        names.sort();
        names
    }

    /// Runs a command that writes there.
    fn run(&self, shell: &Shell, arguments: &[&str]) -> Ended {
        shell.run(&[arguments, &["--credentials", &self.path()]].concat())
    }

    /// Returns a service's login credentials, the secret id unwrapped.
    async fn role(&self, bao: &Bao, name: &str) -> AppRole {
        let wrapping = self.read(&format!("{name}-secret-id"));
        let (status, answer) = bao.request_as(&wrapping, "POST", "sys/wrapping/unwrap", None).await;
        assert_eq!(status, 200, "{answer}");
        let secret_id = answer["data"]["secret_id"].as_str().expect("a secret id").to_owned();
        AppRole { role_id: self.read(&format!("{name}-role-id")), secret_id }
    }
}

/// Returns a shell with all permissions.
fn root(bao: &Bao) -> Shell {
    Shell::to(bao, bao.root_token())
}

/// Returns a shell with the shipped policy for operators.
async fn operator(bao: &Bao) -> Shell {
    let options = json!({"policies": ["operator"], "ttl": "1h"});
    Shell::to(bao, &platform::token(bao, options).await)
}

/// A server on which `bootstrap` has run.
async fn platform() -> Bao {
    let bao = Bao::dev().await;
    let ended = Credentials::new().run(&root(&bao), &["bootstrap"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    bao
}

/// Logs in by user name and password; the token.
async fn log_in_as(bao: &Bao, name: &str, password: &str) -> String {
    let path = format!("auth/userpass/login/{name}");
    let (status, answer) =
        bao.request_as("", "POST", &path, Some(json!({"password": password}))).await;
    assert_eq!(status, 200, "{answer}");
    answer["auth"]["client_token"].as_str().expect("a token").to_owned()
}

/// Returns the entity of this token.
async fn entity_of(bao: &Bao, token: &str) -> Value {
    let (_, own) = bao.request_as(token, "GET", "auth/token/lookup-self", None).await;
    let id = own["data"]["entity_id"].as_str().expect("an entity").to_owned();
    bao.must("GET", &format!("identity/entity/id/{id}"), None).await["data"].clone()
}

/// Adds a person with a new account to a tenant.
fn add_person(shell: &Shell, tenant: &str, name: &str, more: &[&str]) -> Ended {
    let arguments = ["tenants", "members", "add", tenant, name, "--create-user"];
    shell.feed(&[&arguments[..], &["--password-file", "-"], more].concat(), b"secret-of-it\n")
}

/// The steps of a run, each with what became of it.
fn steps(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("shown").to_owned();
    let steps = report["steps"].as_array().expect("steps").iter();
    steps.map(|step| (text(&step["name"]), text(&step["outcome"]))).collect()
}

/// Returns the number of steps of a run with this outcome.
fn count(report: &Value, outcome: &str) -> usize {
    steps(report).iter().filter(|(_, became)| became == outcome).count()
}

/// Returns the state that changes would alter: mounts, auth, policies, keys, roles, entities.
async fn state(bao: &Bao) -> Value {
    let mut state = json!({});
    for path in ["sys/mounts", "sys/auth", "sys/policies/acl?list=true"] {
        state[path] = bao.request("GET", path, None).await.1["data"].clone();
    }
    for path in ["transit/keys", "auth/approle/role", "identity/entity/name"] {
        state[path] = bao.request("LIST", path, None).await.1["data"]["keys"].clone();
    }
    let roles = state["auth/approle/role"].as_array().cloned().unwrap_or_default();
    for role in roles.iter().filter_map(Value::as_str) {
        let path = format!("auth/approle/role/{role}");
        state[&path] = bao.request("GET", &path, None).await.1["data"].clone();
        let path = format!("{path}/secret-id");
        state[&path] = bao.request("LIST", &path, None).await.1["data"].clone();
    }
    let entities = state["identity/entity/name"].as_array().cloned().unwrap_or_default();
    for entity in entities.iter().filter_map(Value::as_str) {
        let path = format!("identity/entity/name/{entity}");
        state[&path] = bao.request("GET", &path, None).await.1["data"].clone();
    }
    state
}
