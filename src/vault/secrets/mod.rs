//! The tenants' secrets in Vault's KV engine (version 2), encrypted by its transit engine.

mod checks;
mod contention;
mod history;
mod keys;
mod kv;
mod lease;
mod list;
mod metadata;
mod mount;
mod names;
mod retry;
mod rotation;
mod transit;
mod walk;

use std::time::Instant;

use futures_util::{Stream, TryStreamExt, stream};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

pub use checks::RecentChecks;
pub use contention::despite_others;
pub use lease::{Acquisition, RotationLease};
pub use list::{MAX_PAGE, NamesPage};
pub use names::SecretNames;
pub use retry::patiently;
pub use rotation::Task;

use self::{checks::Check, kv::Live};
use crate::{
    policies::Mounts,
    secrets::{
        Ciphertext, Current, Listed, Patch, Precondition, Record, Secret, SecretData, SecretError,
        SecretPath, Version, Written,
    },
    tenants::TenantName,
    vault::{
        Client,
        call::Call,
        client::Operation,
        error::{Failure, VaultError},
    },
};

/// The tenants' secrets, as the holder of one token sees them: Vault's policies decide on every
/// call, and Vault's audit log names the holder.
///
/// What a tenant's key does not bind to its place is neither written nor read, so the key is checked
/// before it is used; with [`Secrets::remembering`], unless it was a short while ago.
#[derive(Clone, Copy)]
pub struct Secrets<'c> {
    client: &'c Client,
    mounts: &'c Mounts,
    token: &'c SecretString,
    checks: Option<&'c RecentChecks>,
}

impl<'c> Secrets<'c> {
    /// The secrets in these mounts, as this token sees them.
    #[must_use]
    pub fn new(client: &'c Client, mounts: &'c Mounts, token: &'c SecretString) -> Self {
        Self { client, mounts, token, checks: None }
    }

    /// The same, without the checks that these have passed a short while ago.
    #[must_use]
    pub fn remembering(self, checks: &'c RecentChecks) -> Self {
        Self { checks: Some(checks), ..self }
    }

    /// One version of a secret, the latest if none is named, in the clear.
    ///
    /// # Errors
    /// [`SecretError`] if there is none that the token may read.
    pub async fn read(
        &self,
        path: &SecretPath,
        version: Option<Version>,
    ) -> Result<Secret, SecretError> {
        let (found, key) = tokio::join!(self.find(path, version), self.ensure_key(&path.tenant));
        let live = found?.into_live()?;
        key?;
        self.open(path, live).await
    }

    /// What there is of a secret at this moment.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not know.
    pub async fn current(&self, path: &SecretPath) -> Result<Current, SecretError> {
        Ok(self.find(path, None).await?.current())
    }

    /// Writes a version that holds just this, if the secret is in the state that it is meant for.
    ///
    /// # Errors
    /// [`SecretError`]; whatever it is, the secret is whole. With [`SecretError::Unsettled`] it may
    /// be the old one or the new, else it is the old one.
    pub async fn write(
        &self,
        path: &SecretPath,
        data: &SecretData,
        precondition: Precondition,
    ) -> Result<Written, SecretError> {
        let start = Instant::now();
        let encrypt = async {
            self.ensure_key(&path.tenant).await?;
            self.encrypt_here(path, data).await
        };
        // The runtime goes on with the last of these at once, and a read takes longer.
        let (ciphertext, found) = tokio::join!(encrypt, self.find(path, None));
        let current = found?.current();
        precondition.check(current)?;
        let mut ciphertext = ciphertext?;
        self.ensure_versioned(current).await?;
        // A rotation of the key waits for two calls: to encrypt, and to write.
        if start.elapsed() >= self.client.timeout() {
            ciphertext = self.encrypt_here(path, data).await?;
        }
        self.store(path, ciphertext, current).await
    }

    /// Writes a version that holds what the latest does, with this change.
    ///
    /// # Errors
    /// As [`Secrets::write`]; also if there is no latest version to be had, or a key that has to be
    /// there is not.
    pub async fn patch(
        &self,
        path: &SecretPath,
        change: Patch,
        precondition: Precondition,
    ) -> Result<Written, SecretError> {
        let (found, key) = tokio::join!(self.find(path, None), self.ensure_key(&path.tenant));
        let found = found?;
        let current = found.current();
        precondition.check(current)?;
        let live = found.into_live()?;
        key?;
        let secret = self.open(path, live).await?;
        let ciphertext = self.encrypt_here(path, &secret.data.patched(change)?).await?;
        self.store(path, ciphertext, current).await
    }

    /// Deletes the latest version, whatever it holds, and says which that was. Vault keeps it and can
    /// bring it back. One that is written meanwhile stays.
    ///
    /// # Errors
    /// [`SecretError`]; also if there is no latest version to be had.
    pub async fn delete(
        &self,
        path: &SecretPath,
        precondition: Precondition,
    ) -> Result<Version, SecretError> {
        let found = self.find(path, None).await?;
        precondition.check(found.current())?;
        let Live { version, .. } = found.into_live()?;
        self.delete_version(path, version).await?;
        Ok(version)
    }

    /// The names of a tenant's secrets, the deleted ones among them, one after another.
    #[must_use]
    pub fn names(&self, tenant: &TenantName) -> SecretNames<'c> {
        SecretNames::new(*self, tenant)
    }

    /// A tenant's secrets with their latest versions, by their names.
    pub fn list(
        self,
        tenant: &TenantName,
    ) -> impl Stream<Item = Result<Listed, SecretError>> + use<'c> {
        let tenant = tenant.clone();
        let pages = stream::try_unfold(Some(None), move |from| {
            let tenant = tenant.clone();
            async move {
                let Some(after) = from else { return Ok(None) };
                let page = self.page(&tenant, Option::as_ref(&after), MAX_PAGE).await?;
                let listed = stream::iter(page.secrets.into_iter().map(Ok));
                Ok::<_, SecretError>(Some((listed, page.next.map(Some))))
            }
        });
        pages.try_flatten()
    }

    /// The secret in this version, in the clear.
    async fn open(&self, path: &SecretPath, live: Live) -> Result<Secret, SecretError> {
        let Live { version, created_at, record } = live;
        let ciphertext = record?.into_ciphertext(&path.tenant)?;
        let data = match self.decrypt(path, &ciphertext).await {
            Ok(data) => data,
            Err(error) => return Err(self.key_fault(&path.tenant, error).await),
        };
        Ok(Secret { version, created_at, key_version: ciphertext.key_version(), data })
    }

    async fn encrypt_here(
        &self,
        path: &SecretPath,
        data: &SecretData,
    ) -> Result<Ciphertext, SecretError> {
        match self.encrypt(path, data).await {
            Ok(ciphertext) => Ok(ciphertext),
            Err(error) => Err(self.key_fault(&path.tenant, error).await),
        }
    }

    /// Checks the tenant's key, unless that was done a short while ago.
    async fn ensure_key(&self, tenant: &TenantName) -> Result<(), SecretError> {
        self.ensure(Check::KeyFits(tenant.clone()), async || self.check_key(tenant).await).await
    }

    /// The reason why the key could not be used: this error, unless the key has changed since it
    /// was checked.
    async fn key_fault(&self, tenant: &TenantName, error: SecretError) -> SecretError {
        let of_key = matches!(error, SecretError::Denied | SecretError::Unreadable(_));
        let (Some(checks), true) = (self.checks, of_key) else { return error };
        checks.forget(&Check::KeyFits(tenant.clone())).await;
        match self.ensure_key(tenant).await {
            Err(fault @ (SecretError::KeyMissing | SecretError::KeyUnfit(_))) => fault,
            _ => error,
        }
    }

    /// Checks this, unless that was done a short while ago.
    async fn ensure(
        &self,
        check: Check,
        ask: impl AsyncFnOnce() -> Result<(), SecretError>,
    ) -> Result<(), SecretError> {
        match self.checks {
            Some(checks) => checks.ensure(check, ask).await,
            None => ask().await,
        }
    }

    /// Remembers for a short while that this was found.
    async fn note(&self, check: Check) {
        if let Some(checks) = self.checks {
            checks.note(check).await;
        }
    }

    /// Writes a version with this ciphertext, if the secret is still in this state.
    async fn store(
        &self,
        path: &SecretPath,
        ciphertext: Ciphertext,
        current: Current,
    ) -> Result<Written, SecretError> {
        let key_version = ciphertext.key_version();
        let record = Record::new(&path.tenant, ciphertext);
        let (version, created_at) = self.put(path, &record, current).await?;
        Ok(Written { version, created_at, key_version, change: current.change() })
    }

    /// The answer to a call that may be made twice: again if the connection broke.
    async fn ask<T: DeserializeOwned>(
        &self,
        operation: Operation,
        call: &Call,
    ) -> Result<T, VaultError> {
        match self.client.data(operation, self.token, call).await {
            Err(error) if error.failure == Failure::Reset => {
                self.client.data(operation, self.token, call).await
            }
            answer => answer,
        }
    }
}

impl SecretError {
    /// What a failure is of a call that changes something.
    fn of_change(error: VaultError) -> Self {
        let unsettled = error.is_unsettled();
        match Self::from(error) {
            Self::Unavailable(unavailable) if unsettled => Self::Unsettled(unavailable),
            settled => settled,
        }
    }
}

impl From<VaultError> for SecretError {
    /// What a failure is where nothing more is known of the call.
    fn from(error: VaultError) -> Self {
        match error.failure {
            Failure::Refused | Failure::OwnToken => Self::TokenRefused,
            Failure::OwnPolicy => Self::Denied,
            Failure::NotFound => Self::Absent,
            Failure::TooLarge => Self::TooLarge,
            Failure::Conflict => Self::Conflict,
            Failure::NoKey => Self::KeyMissing,
            Failure::Undecryptable(why) => Self::Unreadable(why),
            _ => Self::Unavailable(error.into()),
        }
    }
}
