//! The check of the mount that holds the secrets.

use super::{checks::EngineFact, retry::once_more_after_reset};
use crate::{
    secrets::{SecretError, SecretState},
    vault::{api::mounts::read_visible_mount, secrets::SecretsClient},
};

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
        let read = || read_visible_mount(client, token, mount);
        let mount = once_more_after_reset(read).await?;
        let is_kv_version_2 = mount.kind == "kv" && mount.version() == Some("2");
        if is_kv_version_2 { Ok(()) } else { Err(SecretError::MountNotVersioned) }
    }
}
