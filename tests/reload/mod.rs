//! SIGHUP: the configuration is read again and applied, without a restart.

mod cache;
mod connection;
mod invalid;
mod load;
mod settings;
mod vault;

use std::{fs, path::PathBuf, time::Duration};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    bao::Bao,
    http::Answer,
    platform::{self, AppRole, Tenant},
    stack::bearer,
    validator::Validator,
    wait::eventually,
};

const TIMEOUT: Duration = Duration::from_secs(15);

/// The settings that the file takes the place of.
const FROM_FILE: [(&str, &str); 3] =
    [("VAULT_ADDR", ""), ("VALIDATOR_ROLE_ID", ""), ("VALIDATOR_LOG", "")];

/// A platform whose validator has its settings from a file. Fields are in the order in which they are to be
/// stopped.
struct Configured {
    validator: Validator,
    bao: Bao,
    role: AppRole,
    acme: Tenant,
    folder: TempDir,
}

impl Configured {
    /// Starts everything with these settings in the file.
    async fn start(settings: &str) -> Self {
        let bao = Bao::dev().await;
        let address = bao.addr();
        Self::on(bao, &address, settings).await
    }

    /// Starts the rest on this OpenBao, at this address.
    async fn on(bao: Bao, address: &str, settings: &str) -> Self {
        let role = platform::provision(&bao).await;
        let acme = platform::create_tenant(&bao, "acme").await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("validator.toml");
        fs::write(&file, content(address, &role, settings)).expect("the file");
        let file = file.display().to_string();
        let config = [("VALIDATOR_CONFIG", file.as_str())];
        let env: Vec<_> = FROM_FILE.iter().chain(&config).copied().collect();
        let validator = Validator::start(&bao, &role, &env).await;
        Self { validator, bao, role, acme, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file beside the configuration, and returns its path.
    fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("a file");
        path.display().to_string()
    }

    /// Writes these settings, for the same Vault.
    fn write(&self, settings: &str) {
        self.write_for(&self.bao.addr(), settings);
    }

    /// Writes these settings, for Vault at this address.
    fn write_for(&self, address: &str, settings: &str) {
        self.file("validator.toml", &content(address, &self.role, settings));
    }

    /// Applies these settings.
    async fn reload(&self, settings: &str) {
        self.write(settings);
        self.signal("ok").await;
    }

    /// Sends SIGHUP, and waits for one more reload with this outcome.
    async fn signal(&self, outcome: &str) {
        let series = format!("vault_auth_config_reloads_total{{outcome=\"{outcome}\"}}");
        let before = self.validator.count(&series).await;
        self.validator.process().signal("HUP");
        eventually(TIMEOUT, &format!("a reload: {outcome}"), async || {
            (self.validator.count(&series).await > before).then_some(())
        })
        .await;
    }

    /// Waits for a line of the log with these texts, and returns it.
    async fn line(&self, texts: &[&str]) -> String {
        eventually(TIMEOUT, &format!("a line with {texts:?}"), async || {
            let log = self.validator.log();
            let mut lines = log.lines();
            lines.find(|line| texts.iter().all(|text| line.contains(text))).map(str::to_owned)
        })
        .await
    }

    /// Validates this token with the requirements in `query`, for a request with the method GET.
    async fn ask(&self, query: &str, token: &str) -> Answer {
        let authorization = bearer(token);
        let headers = [("authorization", authorization.as_str()), ("x-forwarded-method", "GET")];
        self.validator.validate(query, &headers).await
    }
}

/// Creates a token, which is not cached.
async fn new_token(bao: &Bao) -> String {
    platform::token(bao, json!({"policies": ["default"], "ttl": "1h"})).await
}

/// Returns the content of the configuration file.
fn content(address: &str, role: &AppRole, settings: &str) -> String {
    let role_id = &role.role_id;
    let log = if settings.contains("log =") { "" } else { "log = \"debug\"\n" };
    format!("vault_addr = \"{address}\"\nrole_id = \"{role_id}\"\n{log}{settings}\n")
}
