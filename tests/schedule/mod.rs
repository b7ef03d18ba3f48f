//! The automatic rotation of tenants' keys, against the real OpenBao.

mod doctor;
mod settings;

use serde_json::{Value, json};

use crate::support::{bao::Bao, platform, shell::Shell};

/// OpenBao with the tenants acme and globex.
struct Platform {
    bao: Bao,
}

impl Platform {
    async fn start() -> Self {
        let bao = Bao::dev().await;
        platform::provision(&bao).await;
        for tenant in ["acme", "globex"] {
            platform::create_tenant(&bao, tenant).await;
        }
        Self { bao }
    }

    /// Somebody with just this policy.
    async fn holder(&self, policy: &str) -> Shell {
        let options = json!({"policies": [policy], "ttl": "1h"});
        Shell::to(&self.bao, &platform::token(&self.bao, options).await)
    }

    async fn operator(&self) -> Shell {
        self.holder("operator").await
    }

    /// Writes something in the place of the tenant's settings.
    async fn put_settings(&self, tenant: &str, data: Value) {
        let path = format!("secret/data/tenant-settings/{tenant}");
        self.bao.must("POST", &path, Some(json!({"data": data}))).await;
    }

    /// What is kept of the tenant's settings; null if there is nothing.
    async fn settings(&self, tenant: &str) -> Value {
        let path = format!("secret/data/tenant-settings/{tenant}");
        self.bao.request("GET", &path, None).await.1["data"]["data"].clone()
    }
}

/// What `tenants list` says of a tenant's rotation.
fn listed(shell: &Shell, tenant: &str) -> Value {
    let all = shell.run(&["tenants", "list", "--output", "json"]).json();
    let all = all["tenants"].as_array().expect("tenants");
    let found = all.iter().find(|one| one["tenant"] == tenant).expect("the tenant");
    found["rotation"].clone()
}
