//! The check of the mount that holds the secrets.

use serde::Deserialize;

use super::{checks::EngineFact, retry::once_more_after_reset};
use crate::{
    secrets::{SecretError, SecretState},
    vault::{client::ApiRequest, client::Operation, secrets::SecretsClient},
};

/// The response of `sys/internal/ui/mounts/PATH`.
#[derive(Deserialize)]
struct MountResponse {
    #[serde(rename = "type")]
    kind: String,
    options: Option<MountOptions>,
}

#[derive(Deserialize)]
struct MountOptions {
    version: Option<String>,
}

impl SecretsClient<'_> {
    /// Checks before a write that the mount is KV version 2. Version 1 would accept the write as
    /// one to a secret named `data/…`, without compare-and-set.
    ///
    /// A version in Vault's response to a read proves it. A 404 does not: version 1 gives it too.
    ///
    /// # Errors
    /// [`SecretError::MountNotVersioned`] if it is not; another if the mount cannot be read.
    pub(super) async fn ensure_kv_version_2(
        &self,
        current: SecretState,
    ) -> Result<(), SecretError> {
        if current != SecretState::Absent {
            return Ok(());
        }
        self.ensure(EngineFact::KvVersion2, async || self.check_kv_version().await).await
    }

    /// Checks that the mount is KV version 2. Every token with a capability in a mount may read
    /// this.
    ///
    /// # Errors
    /// [`SecretError::MountNotVersioned`] if it is not; another if the mount cannot be read.
    pub async fn check_kv_version(&self) -> Result<(), SecretError> {
        let (client, token, mount) = self.kv();
        let call = ApiRequest::get(format!("sys/internal/ui/mounts/{mount}"));
        let read = || client.data(Operation::Mount, token, &call);
        let mount: MountResponse = once_more_after_reset(read).await?;
        if mount.is_kv_version_2() { Ok(()) } else { Err(SecretError::MountNotVersioned) }
    }
}

impl MountResponse {
    fn is_kv_version_2(&self) -> bool {
        let version = self.options.as_ref().and_then(|options| options.version.as_deref());
        self.kind == "kv" && version == Some("2")
    }
}
