//! The tenants' secrets in Vault's KV engine (version 2), encrypted by its transit engine.

mod contention;
mod history;
mod keys;
mod kv;
mod metadata;
mod names;
mod rotation;
mod transit;

use futures_util::{Stream, TryStreamExt};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

pub use contention::despite_others;
pub use names::SecretNames;
pub use rotation::Task;

use self::kv::Live;
use crate::{
    policies::Mounts,
    secrets::{
        Current, Listed, Patch, Precondition, Record, Secret, SecretData, SecretError, SecretPath,
        Version, Written,
    },
    tenants::TenantName,
    vault::{
        Client,
        call::Call,
        client::Operation,
        error::{Failure, VaultError},
    },
};

/// How many secrets of a list are looked up at once.
const LOOKUPS: usize = 8;

/// The tenants' secrets, as the holder of one token sees them: Vault's policies decide on every
/// call, and Vault's audit log names the holder.
///
/// Nothing is kept here. What a tenant's key does not bind to its place is neither written nor
/// read, so the key is looked at before each use of it.
#[derive(Clone, Copy)]
pub struct Secrets<'c> {
    client: &'c Client,
    mounts: &'c Mounts,
    token: &'c SecretString,
}

impl<'c> Secrets<'c> {
    /// The secrets in these mounts, as this token sees them.
    #[must_use]
    pub fn new(client: &'c Client, mounts: &'c Mounts, token: &'c SecretString) -> Self {
        Self { client, mounts, token }
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
        let (found, key) = tokio::join!(self.find(path, version), self.check_key(&path.tenant));
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
        let (found, key) = tokio::join!(self.find(path, None), self.check_key(&path.tenant));
        let current = found?.current();
        precondition.check(current)?;
        key?;
        self.seal(path, data, current).await
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
        let (found, key) = tokio::join!(self.find(path, None), self.check_key(&path.tenant));
        let found = found?;
        let current = found.current();
        precondition.check(current)?;
        let live = found.into_live()?;
        key?;
        let secret = self.open(path, live).await?;
        self.seal(path, &secret.data.patched(change)?, current).await
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
        self.names(&tenant)
            .into_stream()
            .map_ok(move |name| {
                let path = SecretPath { tenant: tenant.clone(), name };
                async move {
                    let current = self.latest(&path).await?;
                    Ok(Listed { name: path.name, current })
                }
            })
            .try_buffered(LOOKUPS)
            .try_filter(|listed| std::future::ready(listed.current != Current::Absent))
    }

    /// The secret in this version, in the clear.
    async fn open(&self, path: &SecretPath, live: Live) -> Result<Secret, SecretError> {
        let Live { version, created_at, record } = live;
        let ciphertext = record?.into_ciphertext(&path.tenant)?;
        let data = self.decrypt(path, &ciphertext).await?;
        Ok(Secret { version, created_at, key_version: ciphertext.key_version(), data })
    }

    /// Writes this, encrypted, if the secret is still in this state.
    async fn seal(
        &self,
        path: &SecretPath,
        data: &SecretData,
        current: Current,
    ) -> Result<Written, SecretError> {
        let ciphertext = self.encrypt(path, data).await?;
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
            Failure::Undecryptable(why) => Self::Unreadable(why),
            _ => Self::Unavailable(error.into()),
        }
    }
}
