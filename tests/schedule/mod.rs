//! The automatic rotation of tenants' keys, against the real OpenBao.

mod doctor;
mod due;
mod settings;

use serde_json::{Value, json};

use crate::support::{
    bao::Bao,
    fault::FaultProxy,
    platform::{self, Tenant},
    shell::Shell,
};

/// OpenBao with the tenants acme and globex.
struct Platform {
    bao: Bao,
    fault: FaultProxy,
    tenants: Vec<Tenant>,
}

impl Platform {
    async fn start() -> Self {
        let bao = Bao::dev().await;
        platform::provision(&bao).await;
        let mut tenants = Vec::new();
        for tenant in ["acme", "globex"] {
            tenants.push(platform::create_tenant(&bao, tenant).await);
        }
        let fault = FaultProxy::start(&bao.authority()).await;
        Self { bao, fault, tenants }
    }

    /// Returns a shell with just this policy.
    async fn holder(&self, policy: &str) -> Shell {
        let options = json!({"policies": [policy], "ttl": "1h"});
        Shell::to(&self.bao, &platform::token(&self.bao, options).await)
    }

    async fn operator(&self) -> Shell {
        self.holder("operator").await
    }

    /// A shell that rotates keys, and waits no longer for others' writes than a test can.
    async fn rotator(&self) -> Shell {
        self.holder("key-rotator").await.with("VALIDATOR_VAULT_TIMEOUT", "1s")
    }

    async fn set_interval(&self, tenant: &str, every: &str) {
        let arguments = ["tenants", "set", tenant, "--rotate-every", every];
        self.operator().await.run(&arguments).done();
    }

    /// Writes a secret of the tenant's.
    fn write(&self, tenant: &str, name: &str) {
        let tenant = self.tenants.iter().find(|one| one.name == tenant).expect("the tenant");
        let shell = Shell::to(&self.bao, tenant.token());
        shell.feed(&["secrets", "set", &tenant.name, name], br#"{"A":"1"}"#).done();
    }

    /// The latest version of the tenant's key.
    async fn key_version(&self, tenant: &str) -> u64 {
        let key = self.bao.must("GET", &format!("transit/keys/tenant-{tenant}"), None).await;
        key["data"]["latest_version"].as_u64().expect("a number")
    }

    /// The version of the key that a secret is encrypted with.
    async fn secret_key_version(&self, tenant: &str, name: &str) -> u64 {
        let path = format!("secret/data/tenants/{tenant}/{name}");
        let answer = self.bao.must("GET", &path, None).await;
        let ciphertext = answer["data"]["data"]["ct"].as_str().expect("a ciphertext");
        let version = ciphertext.strip_prefix("vault:v").and_then(|rest| rest.split_once(':'));
        version.and_then(|(version, _)| version.parse().ok()).expect("a version")
    }

    /// Makes the note of the tenant's last rotation older, as `age_key` does its key.
    async fn age_note(&self, tenant: &str, hours: i64) {
        let path = format!("secret/metadata/rotation/{tenant}");
        let (status, answer) = self.bao.request("GET", &path, None).await;
        if status == 404 {
            return;
        }
        let mut note = answer["data"]["custom_metadata"].clone();
        let created: i64 = note["created"].as_str().expect("a time").parse().expect("seconds");
        note["created"] = json!((created - 3600 * hours).to_string());
        self.bao.must("POST", &path, Some(json!({"custom_metadata": note}))).await;
    }

    /// Writes something in the place of the tenant's settings.
    async fn put_settings(&self, tenant: &str, data: Value) {
        let path = format!("secret/data/tenant-settings/{tenant}");
        self.bao.must("POST", &path, Some(json!({"data": data}))).await;
    }

    /// Returns the tenant's stored settings; null if there are none.
    async fn settings(&self, tenant: &str) -> Value {
        let path = format!("secret/data/tenant-settings/{tenant}");
        self.bao.request("GET", &path, None).await.1["data"]["data"].clone()
    }
}

/// Returns a tenant's rotation according to `tenants list`.
fn listed(shell: &Shell, tenant: &str) -> Value {
    let all = shell.run(&["tenants", "list", "--output", "json"]).json();
    let all = all["tenants"].as_array().expect("tenants");
    let found = all.iter().find(|one| one["tenant"] == tenant).expect("the tenant");
    found["rotation"].clone()
}
