//! A tenant's key itself: its versions, and its end.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{lease::RotationLease, retry::patiently};
use crate::{
    secrets::{KeyFault, SecretError},
    tenants::{KeyVersions, TenantName, key_name},
    token::{Cause, Unavailable},
    vault::{
        client::Operation,
        error::{Failure, VaultError},
        secrets::{Call, Secrets},
    },
};

#[derive(Deserialize)]
struct KeyData {
    derived: bool,
    /// Of derived keys alone.
    convergent_encryption: Option<bool>,
    latest_version: u64,
    min_decryption_version: u64,
    min_encryption_version: u64,
    /// The time at which each version was made; of keys that cannot be derived, more than that.
    keys: HashMap<u64, Value>,
}

/// A change of one of a key's settings.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Config {
    MinDecryptionVersion(u64),
    DeletionAllowed(bool),
}

impl KeyData {
    fn versions(&self) -> Result<KeyVersions, SecretError> {
        if !self.derived {
            return Err(SecretError::KeyUnfit(KeyFault::NotDerived));
        }
        let convergent = self.convergent_encryption;
        if convergent.ok_or_else(|| VaultError::malformed("no convergent_encryption"))? {
            return Err(SecretError::KeyUnfit(KeyFault::Convergent));
        }
        let created = self.keys.get(&self.latest_version).and_then(Value::as_i64);
        let created = created.ok_or_else(|| VaultError::malformed("no time of latest_version"))?;
        let versions = KeyVersions::new(
            self.latest_version,
            self.min_decryption_version,
            self.min_encryption_version,
            created,
        );
        Ok(versions.map_err(VaultError::malformed)?)
    }
}

impl Secrets<'_> {
    /// The versions of the tenant's key.
    ///
    /// Transit takes a context along with any key, and without a word makes nothing of it if the
    /// key is not derived; so one that is not counts for nothing. Nor does a convergent one, which
    /// shows which secrets are equal.
    ///
    /// # Errors
    /// [`SecretError::KeyMissing`] or [`SecretError::KeyUnfit`] if there is none that binds a
    /// ciphertext to its context and tells nothing of the plaintext. Numbers that contradict each
    /// other are an answer that cannot be read.
    pub async fn key(&self, tenant: &TenantName) -> Result<KeyVersions, SecretError> {
        self.key_data(tenant).await?.ok_or(SecretError::KeyMissing)?.versions()
    }

    /// Whether the tenant has a key, whatever it is good for.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not know.
    pub async fn has_key(&self, tenant: &TenantName) -> Result<bool, SecretError> {
        Ok(self.key_data(tenant).await?.is_some())
    }

    /// Gives the tenant's key a new version, which encrypts from now on, and returns the versions of
    /// the key as Vault has stored them.
    ///
    /// A version that OpenBao could not store is in its memory all the same: it encrypts, and is gone
    /// after a restart. A further rotation that succeeds stores it along with its own (see
    /// `docs/secrets-commands.md`). So a call that failed, in whichever way, is made again until one
    /// succeeds, for about a quarter of a minute.
    ///
    /// # Errors
    /// [`SecretError`]; the newest version is then not known to be stored.
    pub async fn rotate_key(
        &self,
        tenant: &TenantName,
        lease: &RotationLease,
    ) -> Result<KeyVersions, SecretError> {
        let path = self.transit("keys", tenant) + "/rotate";
        let call = Call::post(path.clone(), &serde_json::json!({}));
        let rotated = patiently(async || {
            lease.confirm(self).await?;
            let data = self.client.data_if_any(Operation::TransitKey, self.token, &call).await?;
            Ok::<Option<KeyData>, SecretError>(data)
        });
        match rotated.await {
            // HashiCorp Vault up to 1.12 answers without a body.
            Ok(None) => patiently(async || self.key(tenant).await).await,
            Ok(Some(data)) => data.versions(),
            Err(SecretError::Unavailable(Unavailable { detail, .. })) => {
                let detail = format!(
                    "{detail}. The new version of the key may be in Vault's memory alone, and be \
                     gone after a restart; `bao write -f {path}` stores it, once it succeeds"
                );
                Err(Unavailable::new(Cause::Vault, detail).into())
            }
            Err(error) => Err(error),
        }
    }

    /// Lets no version of the tenant's key before this one decrypt. OpenBao cannot bring a version
    /// back that a failed rotation made (see `docs/secrets-commands.md`).
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn retire_key_before(
        &self,
        tenant: &TenantName,
        oldest: u64,
        lease: &RotationLease,
    ) -> Result<(), SecretError> {
        patiently(async || {
            lease.confirm(self).await?;
            self.configure(tenant, &Config::MinDecryptionVersion(oldest)).await
        })
        .await
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
