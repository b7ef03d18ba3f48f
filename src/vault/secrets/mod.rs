//! The tenants' secrets in Vault's KV engine (version 2), encrypted by its transit engine.

mod checks;
mod conflicts;
mod encryption;
mod error;
mod history;
mod keys;
mod lease;
mod list;
mod lookup;
mod metadata;
mod mount;
mod retry;
pub mod rotation;
mod session;

use std::time::Instant;

use secrecy::SecretString;

pub use checks::CheckCache;
pub use lease::{LeaseAcquisition, RotationLease};
pub use list::{MAX_PAGE_SIZE, NamesPage, SecretNames};
pub use rotation::RewrapMode;
pub use session::SessionSecrets;

use self::{checks::EngineFact, lookup::LiveVersion};
use crate::{
    policy::Mounts,
    secrets::{
        Ciphertext, DecryptedSecret, SecretData, SecretError, SecretPatch, SecretPath, SecretState,
        SecretVersion, StoredRecord, WriteCondition, WriteResult,
    },
    tenants::TenantName,
    vault::Client,
};

/// The tenants' secrets, accessed with one token: Vault's policies decide on every call, and
/// Vault's audit log names the holder of the token.
///
/// A key that does not bind ciphertexts to their paths is not used to read or write, so the key is
/// checked before each use; with [`SecretsClient::with_check_cache`], unless it was checked recently.
#[derive(Clone, Copy)]
pub struct SecretsClient<'c> {
    client: &'c Client,
    mounts: &'c Mounts,
    token: &'c SecretString,
    checks: Option<&'c CheckCache>,
}

impl<'c> SecretsClient<'c> {
    /// Returns the secrets in these mounts, accessed with this token.
    #[must_use]
    pub fn new(client: &'c Client, mounts: &'c Mounts, token: &'c SecretString) -> Self {
        Self { client, mounts, token, checks: None }
    }

    /// Returns the same secrets, which skip checks that are in this cache.
    #[must_use]
    pub fn with_check_cache(self, checks: &'c CheckCache) -> Self {
        Self { checks: Some(checks), ..self }
    }

    /// Reads and decrypts one version of a secret, the latest if `version` is `None`.
    ///
    /// # Errors
    /// [`SecretError`] if there is no version that the token may read.
    pub async fn read(
        &self,
        path: &SecretPath,
        version: Option<SecretVersion>,
    ) -> Result<DecryptedSecret, SecretError> {
        let (found, key) = tokio::join!(self.look_up(path, version), self.ensure_key(&path.tenant));
        let live = found?.into_live()?;
        key?;
        self.decrypt_version(path, live).await
    }

    /// Returns the present state of a secret, without decrypting it.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not read the secret.
    pub async fn state(&self, path: &SecretPath) -> Result<SecretState, SecretError> {
        Ok(self.look_up(path, None).await?.current())
    }

    /// Writes a version with exactly this data if the precondition holds.
    ///
    /// # Errors
    /// [`SecretError`]; the secret is then unchanged. Only after [`SecretError::OutcomeUnknown`] it may
    /// have been written, as a whole.
    pub async fn write(
        &self,
        path: &SecretPath,
        data: &SecretData,
        precondition: WriteCondition,
    ) -> Result<WriteResult, SecretError> {
        let start = Instant::now();
        let encrypt = async {
            self.ensure_key(&path.tenant).await?;
            self.encrypt_checked(path, data).await
        };
        // The runtime continues with the last of these at once, and a read takes longer.
        let (ciphertext, found) = tokio::join!(encrypt, self.look_up(path, None));
        let current = found?.current();
        precondition.check(current)?;
        let mut ciphertext = ciphertext?;
        self.ensure_kv_version_2(current).await?;
        // A rotation of the key waits for the duration of two calls: encryption and write.
        if start.elapsed() >= self.client.timeout() {
            ciphertext = self.encrypt_checked(path, data).await?;
        }
        self.write_ciphertext(path, ciphertext, current).await
    }

    /// Writes a version with the data of the latest version and this change.
    ///
    /// # Errors
    /// As [`SecretsClient::write`]; also if there is no live latest version, or a key that the change
    /// requires is missing.
    pub async fn patch(
        &self,
        path: &SecretPath,
        change: SecretPatch,
        precondition: WriteCondition,
    ) -> Result<WriteResult, SecretError> {
        let (found, key) = tokio::join!(self.look_up(path, None), self.ensure_key(&path.tenant));
        let found = found?;
        let current = found.current();
        precondition.check(current)?;
        let live = found.into_live()?;
        key?;
        let secret = self.decrypt_version(path, live).await?;
        let ciphertext = self.encrypt_checked(path, &secret.data.apply_patch(change)?).await?;
        self.write_ciphertext(path, ciphertext, current).await
    }

    /// Deletes the latest version and returns its number. [`SecretsClient::undelete`] restores it. A
    /// version that is written concurrently is kept.
    ///
    /// # Errors
    /// [`SecretError`]; also if there is no live latest version.
    pub async fn delete(
        &self,
        path: &SecretPath,
        precondition: WriteCondition,
    ) -> Result<SecretVersion, SecretError> {
        let found = self.look_up(path, None).await?;
        precondition.check(found.current())?;
        let LiveVersion { version, .. } = found.into_live()?;
        self.delete_version(path, version).await?;
        Ok(version)
    }

    async fn decrypt_version(
        &self,
        path: &SecretPath,
        live: LiveVersion,
    ) -> Result<DecryptedSecret, SecretError> {
        let LiveVersion { version, created_at, record } = live;
        let ciphertext = record?.into_ciphertext(&path.tenant)?;
        let data = match self.decrypt(path, &ciphertext).await {
            Ok(data) => data,
            Err(error) => return Err(self.recheck_key(&path.tenant, error).await),
        };
        Ok(DecryptedSecret { version, created_at, key_version: ciphertext.key_version(), data })
    }

    async fn encrypt_checked(
        &self,
        path: &SecretPath,
        data: &SecretData,
    ) -> Result<Ciphertext, SecretError> {
        match self.encrypt(path, data).await {
            Ok(ciphertext) => Ok(ciphertext),
            Err(error) => Err(self.recheck_key(&path.tenant, error).await),
        }
    }

    /// Writes a version with this ciphertext if the secret is still in this state.
    async fn write_ciphertext(
        &self,
        path: &SecretPath,
        ciphertext: Ciphertext,
        current: SecretState,
    ) -> Result<WriteResult, SecretError> {
        let key_version = ciphertext.key_version();
        let record = StoredRecord::new(&path.tenant, ciphertext);
        let (version, created_at) = self.write_version(path, &record, current).await?;
        Ok(WriteResult { version, created_at, key_version, kind: current.write_kind() })
    }

    /// Checks that the tenant's key is usable, unless that is cached.
    async fn ensure_key(&self, tenant: &TenantName) -> Result<(), SecretError> {
        let check = async || self.key_versions(tenant).await.map(drop);
        self.ensure(EngineFact::KeyUsable(tenant.clone()), check).await
    }

    /// Checks the tenant's key again after an error of its use, if the check was cached. Returns
    /// the key's error if it is unusable, and otherwise the given error.
    async fn recheck_key(&self, tenant: &TenantName, error: SecretError) -> SecretError {
        let may_be_of_key =
            matches!(error, SecretError::PermissionDenied | SecretError::Unreadable(_));
        let (Some(checks), true) = (self.checks, may_be_of_key) else { return error };
        checks.invalidate(&EngineFact::KeyUsable(tenant.clone())).await;
        match self.ensure_key(tenant).await {
            Err(fault @ (SecretError::KeyMissing | SecretError::KeyUnusable(_))) => fault,
            _ => error,
        }
    }

    /// Runs a check, unless its success is cached.
    async fn ensure(
        &self,
        fact: EngineFact,
        check: impl AsyncFnOnce() -> Result<(), SecretError>,
    ) -> Result<(), SecretError> {
        match self.checks {
            Some(checks) => checks.ensure(fact, check).await,
            None => check().await,
        }
    }

    /// Returns the arguments that all calls of the KV engine begin with.
    fn kv(&self) -> (&'c Client, &'c SecretString, &'c str) {
        (self.client, self.token, &self.mounts.kv)
    }

    /// Returns the arguments that all calls of the transit engine begin with.
    fn transit(&self) -> (&'c Client, &'c SecretString, &'c str) {
        (self.client, self.token, &self.mounts.transit)
    }
}
