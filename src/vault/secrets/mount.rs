//! The mount that secrets are kept in.

use serde::Deserialize;

use super::checks::Check;
use crate::{
    secrets::{Current, SecretError},
    vault::{
        client::Operation,
        secrets::{Call, Secrets},
    },
};

/// The `data` of an answer about a mount.
#[derive(Deserialize)]
struct MountData {
    #[serde(rename = "type")]
    kind: String,
    options: Option<MountOptions>,
}

#[derive(Deserialize)]
struct MountOptions {
    version: Option<String>,
}

impl Secrets<'_> {
    /// Checks before a write that the mount is KV version 2. Version 1 would take the write for a
    /// secret named `data/…` and put it there without compare-and-set.
    ///
    /// A version in Vault's answer proves it; a 404 does not, which version 1 answers with, too.
    ///
    /// # Errors
    /// [`SecretError::MountUnfit`] if it is not; another if Vault does not tell.
    pub(super) async fn ensure_versioned(&self, current: Current) -> Result<(), SecretError> {
        if current != Current::Absent {
            return Ok(());
        }
        self.ensure(Check::Versioned, async || self.check_mount().await).await
    }

    /// Checks that the mount is KV version 2. Whoever may do anything in a mount may ask that.
    ///
    /// # Errors
    /// As [`Secrets::ensure_versioned`].
    pub async fn check_mount(&self) -> Result<(), SecretError> {
        let call = Call::get(format!("sys/internal/ui/mounts/{}", self.mounts.kv));
        let mount: MountData = self.ask(Operation::Mount, &call).await?;
        if mount.is_versioned() { Ok(()) } else { Err(SecretError::MountUnfit) }
    }
}

impl MountData {
    fn is_versioned(&self) -> bool {
        let version = self.options.as_ref().and_then(|options| options.version.as_deref());
        self.kind == "kv" && version == Some("2")
    }
}
