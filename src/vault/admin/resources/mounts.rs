//! Secrets engines, auth methods and audit devices.

use serde_json::{Value, json};

use super::VaultResources;
use crate::{
    provisioning::{
        EngineType, LOGIN_TOKEN_MAX_TTL, LOGIN_TOKEN_TTL, ProvisionError, ResourceState,
    },
    vault::{
        admin::errors::{cannot_read, cannot_write},
        api::{
            approle::APPROLE,
            audit_devices::{FILE_DEVICE, enable_file_device, list_audit_devices},
            auth_methods::{enable_auth_method, list_auth_methods},
            mounts::{Mount, MountConfig, MountTable, enable_engine, list_mounts},
            userpass::USERPASS,
        },
        client::FailureKind,
    },
};

/// The lifetime and the maximum lifetime of people's tokens, in seconds.
const LOGIN_TTLS: [u64; 2] = [LOGIN_TOKEN_TTL.as_secs(), LOGIN_TOKEN_MAX_TTL.as_secs()];

impl VaultResources<'_> {
    pub(super) async fn read_engine(
        &self,
        path: &str,
        engine: EngineType,
    ) -> Result<ResourceState, ProvisionError> {
        let mounts = self.operator.call(list_mounts).await.map_err(cannot_read("sys/mounts"))?;
        let wanted = format!("{path}/");
        if let Some(mount) = mounts.get(&wanted) {
            return Ok(compare_engine(mount, engine));
        }
        let nested =
            mounts.keys().find(|other| other.starts_with(&wanted) || wanted.starts_with(*other));
        Ok(nested.map_or(ResourceState::Absent, |other| {
            ResourceState::Conflict(format!("{other} is mounted, and Vault has no nested mounts"))
        }))
    }

    pub(super) async fn ensure_engine(
        &self,
        path: &str,
        engine: EngineType,
    ) -> Result<(), ProvisionError> {
        let body = match engine {
            EngineType::Kv => json!({"type": "kv", "options": {"version": "2"}}),
            EngineType::Transit => json!({"type": "transit"}),
        };
        self.operator
            .call(async |client, token| enable_engine(client, token, path, &body).await)
            .await
            .map_err(cannot_write(&format!("sys/mounts/{path}")))
    }

    pub(super) async fn read_approle_method(&self) -> Result<ResourceState, ProvisionError> {
        Ok(match self.auth_method(APPROLE).await? {
            None => ResourceState::Absent,
            Some(mount) if mount.kind == APPROLE => ResourceState::Present,
            Some(mount) => ResourceState::Conflict(format!(
                "the auth method there is of the type {}; services log in at approle/: move the \
                 other one (sys/remount)",
                mount.kind
            )),
        })
    }

    pub(super) async fn ensure_approle_method(&self) -> Result<(), ProvisionError> {
        self.enable_auth_method(APPROLE, &json!({"type": APPROLE})).await
    }

    pub(super) async fn read_login_method(
        &self,
        path: &str,
    ) -> Result<ResourceState, ProvisionError> {
        Ok(match self.auth_method(path).await? {
            None => ResourceState::Absent,
            Some(mount) if [APPROLE, "token"].contains(&mount.kind.as_str()) => {
                ResourceState::Conflict(format!(
                    "the auth method there is of the type {}, with which people do not log in: \
                     set VALIDATOR_SUBJECT_MOUNT to the one that they use",
                    mount.kind
                ))
            }
            Some(mount) => compare_lifetimes(path, &mount.config),
        })
    }

    pub(super) async fn ensure_login_method(&self, path: &str) -> Result<(), ProvisionError> {
        let [ttl, max_ttl] = LOGIN_TTLS.map(|ttl| format!("{ttl}s"));
        let config = json!({"default_lease_ttl": ttl, "max_lease_ttl": max_ttl});
        self.enable_auth_method(path, &json!({"type": USERPASS, "config": config})).await
    }

    /// Returns the accessor of the auth method `approle`; `None` if it is not enabled.
    pub(super) async fn approle_accessor(&self) -> Result<Option<String>, ProvisionError> {
        Ok(self.auth_method(APPROLE).await?.and_then(|mount| mount.accessor))
    }

    /// Returns the auth method at this path.
    pub(super) async fn auth_method(&self, path: &str) -> Result<Option<Mount>, ProvisionError> {
        let mut methods: MountTable =
            self.operator.call(list_auth_methods).await.map_err(cannot_read("sys/auth"))?;
        Ok(methods.remove(&format!("{path}/")))
    }

    async fn enable_auth_method(&self, path: &str, body: &Value) -> Result<(), ProvisionError> {
        self.operator
            .call(async |client, token| enable_auth_method(client, token, path, body).await)
            .await
            .map_err(cannot_write(&format!("sys/auth/{path}")))
    }

    pub(super) async fn read_audit_file(
        &self,
        file: &str,
    ) -> Result<ResourceState, ProvisionError> {
        let devices =
            self.operator.call(list_audit_devices).await.map_err(cannot_read("sys/audit"))?;
        let writes_to_file = |device: &Mount| {
            device.kind == "file" && device.option("file_path").is_some_and(|path| path == file)
        };
        if devices.values().any(writes_to_file) {
            return Ok(ResourceState::Present);
        }
        Ok(match devices.get("file/") {
            None => ResourceState::Absent,
            Some(_) => ResourceState::Conflict(
                "there is another audit device at file/: omit --audit-file, or pass the file of \
                 that device"
                    .to_owned(),
            ),
        })
    }

    pub(super) async fn ensure_audit_file(&self, file: &str) -> Result<(), ProvisionError> {
        self.operator
            .call(async |client, token| enable_file_device(client, token, file).await)
            .await
            .map_err(|error| match error.kind {
                FailureKind::ConfigurationOnly => ProvisionError(format!(
                    "OpenBao takes audit devices from its configuration file only. Add this to the \
                     file, send SIGHUP to OpenBao, and run this again: \
                     audit \"file\" \"file\" {{ options {{ file_path = {file:?} }} }}"
                )),
                _ => cannot_write(FILE_DEVICE)(error),
            })
    }
}

/// Compares the lifetimes of people's tokens with those of a new auth method. Others are kept.
fn compare_lifetimes(path: &str, config: &MountConfig) -> ResourceState {
    let found = [config.default_lease_ttl, config.max_lease_ttl];
    if found == LOGIN_TTLS {
        return ResourceState::Present;
    }
    let [ttl, max_ttl] = LOGIN_TTLS.map(|ttl| format!("{}h", ttl / 3600));
    let lifetimes = config.lifetimes().unwrap_or_else(|| {
        format!(
            "tokens for Vault's default lifetime, 32 days unless its configuration has another; \
             shorter with `bao auth tune -default-lease-ttl={ttl} -max-lease-ttl={max_ttl} {path}/`"
        )
    });
    ResourceState::Kept(format!("the login of people; kept: {lifetimes}"))
}

fn compare_engine(mount: &Mount, engine: EngineType) -> ResourceState {
    match (engine, mount.kind.as_str(), mount.version()) {
        (EngineType::Kv, "kv", Some("2")) | (EngineType::Transit, "transit", _) => {
            ResourceState::Present
        }
        (EngineType::Kv, "kv" | "generic", _) => ResourceState::Conflict(
            "it is KV version 1, which keeps no versions: mount the secrets elsewhere, or upgrade \
             it to version 2 (`kv enable-versioning`)"
                .to_owned(),
        ),
        (_, kind, _) => ResourceState::Conflict(format!("it is a mount of the type {kind}")),
    }
}
