//! A tenant's key itself: its versions, and its end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::{
    secrets::{SecretError, key_name},
    tenants::{KeyVersions, TenantName},
    token::{Cause, Unavailable},
    vault::{
        backoff::pauses,
        client::Operation,
        error::Failure,
        secrets::{Call, Secrets},
    },
};

#[derive(Deserialize)]
struct KeyData {
    derived: bool,
    latest_version: u64,
    min_decryption_version: u64,
}

/// A change of one of a key's settings.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Config {
    MinDecryptionVersion(u64),
    DeletionAllowed(bool),
}

impl Secrets<'_> {
    /// The versions of the tenant's key.
    ///
    /// Transit takes a context along with any key, and without a word makes nothing of it if the
    /// key is not derived; so one that is not counts for nothing.
    ///
    /// # Errors
    /// [`SecretError::KeyMissing`] or [`SecretError::KeyUnfit`] if there is none that binds a
    /// ciphertext to its context.
    pub async fn key(&self, tenant: &TenantName) -> Result<KeyVersions, SecretError> {
        let KeyData { derived, latest_version, min_decryption_version } =
            self.key_data(tenant).await?.ok_or(SecretError::KeyMissing)?;
        if !derived {
            return Err(SecretError::KeyUnfit);
        }
        Ok(KeyVersions { latest: latest_version, oldest: min_decryption_version })
    }

    /// Whether the tenant has a key, whatever it is good for.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not know.
    pub async fn has_key(&self, tenant: &TenantName) -> Result<bool, SecretError> {
        Ok(self.key_data(tenant).await?.is_some())
    }

    /// Gives the tenant's key a new version, which encrypts from now on.
    ///
    /// A version that OpenBao could not store, because another rotation came between, is in its memory
    /// all the same: it encrypts, and is gone after a restart, unless a further rotation is stored.
    /// So this goes on for longer than other writes do.
    ///
    /// # Errors
    /// [`SecretError`]; whether there is a new version is then not known.
    pub async fn rotate_key(&self, tenant: &TenantName) -> Result<(), SecretError> {
        let path = self.transit("keys", tenant) + "/rotate";
        let call = Call::post(path.clone(), &serde_json::json!({}));
        for pause in pauses(Duration::from_millis(250), 4) {
            match self.client.done(Operation::TransitKey, self.token, &call).await {
                Err(error) if error.failure == Failure::StorageConflict => sleep(pause).await,
                outcome => return Ok(outcome?),
            }
        }
        let detail = format!(
            "vault: the new version of the key may be in Vault's memory alone, and be gone after a \
             restart; `bao write -f {path}` stores it, once it succeeds"
        );
        Err(Unavailable::new(Cause::Vault, detail).into())
    }

    /// Lets no version of the tenant's key before this one decrypt. This can be undone.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn retire_key_before(
        &self,
        tenant: &TenantName,
        oldest: u64,
    ) -> Result<(), SecretError> {
        self.configure(tenant, &Config::MinDecryptionVersion(oldest)).await
    }

    /// Deletes the tenant's key. Whatever it encrypted is lost for ever.
    ///
    /// # Errors
    /// [`SecretError`]; the key may then have been allowed to be deleted, and be there still.
    pub async fn delete_key(&self, tenant: &TenantName) -> Result<(), SecretError> {
        self.configure(tenant, &Config::DeletionAllowed(true)).await?;
        self.key_done(Call::delete(self.transit("keys", tenant))).await
    }

    async fn key_data(&self, tenant: &TenantName) -> Result<Option<KeyData>, SecretError> {
        let call = Call::get(self.transit("keys", tenant));
        match self.ask(Operation::TransitKey, &call).await {
            Ok(data) => Ok(Some(data)),
            Err(error) if error.failure == Failure::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn configure(&self, tenant: &TenantName, change: &Config) -> Result<(), SecretError> {
        self.key_done(Call::post(self.transit("keys", tenant) + "/config", change)).await
    }

    async fn key_done(&self, call: Call) -> Result<(), SecretError> {
        Ok(self.client.done(Operation::TransitKey, self.token, &call).await?)
    }

    pub(super) fn transit(&self, kind: &str, tenant: &TenantName) -> String {
        format!("{}/{kind}/{}", self.mounts.transit, key_name(tenant))
    }
}
