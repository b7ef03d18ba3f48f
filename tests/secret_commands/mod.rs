//! `secrets` and `tenants` as people and services meet them, against the real OpenBao.

mod dialects;
mod endings;
mod files;
mod get_set;
mod pid1;
mod place;
mod render;
mod rotate;
mod rotate_faults;
mod rotate_lease;
mod rotate_many;
mod run;
mod shred;
mod supervise;
mod versions;

use serde_json::{Value, json};

use crate::support::{
    bao::Bao,
    fault::FaultProxy,
    platform::{self, Tenant},
    shell::Shell,
};

/// OpenBao with two tenants and a shell for each.
struct Platform {
    bao: Bao,
    fault: FaultProxy,
    acme: Tenant,
}

impl Platform {
    async fn start() -> Self {
        Self::on(Bao::dev().await).await
    }

    async fn on(bao: Bao) -> Self {
        platform::provision(&bao).await;
        let acme = platform::create_tenant(&bao, "acme").await;
        platform::create_tenant(&bao, "globex").await;
        let fault = FaultProxy::start(&bao.authority()).await;
        Self { bao, fault, acme }
    }

    /// A shell of the tenant acme.
    fn acme(&self) -> Shell {
        Shell::to(&self.bao, self.acme.token())
    }

    /// Returns a shell with just this policy.
    async fn holder(&self, policy: &str) -> Shell {
        self.holder_of(&[policy]).await
    }

    async fn holder_of(&self, policies: &[&str]) -> Shell {
        let options = json!({"policies": policies, "ttl": "1h"});
        Shell::to(&self.bao, &platform::token(&self.bao, options).await)
    }

    /// A shell that rotates keys, may destroy old versions, and waits no longer for others'
    /// writes than a test can.
    async fn rotator(&self) -> Shell {
        let rotator = self.holder_of(&["key-rotator", "version-destroyer"]).await;
        rotator.with("VALIDATOR_VAULT_TIMEOUT", "1s")
    }

    /// Ends the lease of a rotation of acme's key that was killed, if there is one.
    async fn end_lease(&self) {
        self.bao.request("DELETE", "secret/data/rotation/acme", None).await;
    }

    /// Returns transit's information about acme's key.
    async fn key(&self) -> Value {
        self.bao.must("GET", "transit/keys/tenant-acme", None).await["data"].clone()
    }

    /// The versions of acme's key: the latest, and the oldest that decrypts.
    async fn key_versions(&self) -> (u64, u64) {
        let key = self.key().await;
        let number = |name: &str| key[name].as_u64().expect("a number");
        (number("latest_version"), number("min_decryption_version"))
    }

    /// The version of the key that a version of one of acme's secrets was encrypted with; 0 for the
    /// latest version.
    async fn key_version(&self, name: &str, version: u64) -> u64 {
        let path = format!("secret/data/tenants/acme/{name}?version={version}");
        let answer = self.bao.must("GET", &path, None).await;
        let ciphertext = answer["data"]["data"]["ct"].as_str().expect("a ciphertext");
        let version = ciphertext.strip_prefix("vault:v").and_then(|rest| rest.split_once(':'));
        version.and_then(|(version, _)| version.parse().ok()).expect("a version")
    }
}

/// Rotates acme's key, for programs.
const ROTATE: [&str; 5] = ["tenants", "rotate", "acme", "--output", "json"];

/// Destroys what needs an older version of acme's key.
const DESTROY: [&str; 3] = ["--destroy-old-versions", "--confirm", "acme"];

/// The result of such a rotation.
fn rotate(shell: &Shell, more: &[&str]) -> Value {
    shell.run(&[&ROTATE, more].concat()).json()
}

/// Writes these values.
fn set(shell: &Shell, tenant: &str, name: &str, values: &Value) {
    let arguments = ["secrets", "set", tenant, name, "--replace"];
    shell.feed(&arguments, values.to_string().as_bytes()).done();
}

/// The values that are read there, of a version if one is named.
fn get(shell: &Shell, tenant: &str, name: &str, version: Option<&str>) -> Value {
    let mut arguments = vec!["secrets", "get", tenant, name, "--output", "json"];
    arguments.extend(version.iter().flat_map(|version| ["--version", version]));
    shell.run(&arguments).json()["data"].clone()
}
