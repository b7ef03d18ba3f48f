//! The tenants' transit keys: versions, rotation and deletion.

use super::{
    lease::RotationLease,
    retry::{once_more_after_reset, with_retries},
};
use crate::{
    secrets::{SecretError, UnusableKey},
    tenants::{KeyVersions, TenantName, key_name},
    token::{Unavailable, UnavailableReason},
    vault::{
        api::transit::{self, KeyConfig, TransitKey},
        client::VaultError,
        secrets::SecretsClient,
    },
};

impl SecretsClient<'_> {
    /// Returns the versions of the tenant's key.
    ///
    /// Transit accepts a context with any key, and silently ignores it if the key is not derived.
    /// So a key that is not derived is an error, and so is a convergent one, which shows which
    /// secrets are equal.
    ///
    /// # Errors
    /// [`SecretError::KeyMissing`] if there is no key, [`SecretError::KeyUnusable`] if it is not
    /// derived or convergent. Contradictory version numbers are a malformed response.
    pub async fn key_versions(&self, tenant: &TenantName) -> Result<KeyVersions, SecretError> {
        key_versions(&self.transit_key(tenant).await?.ok_or(SecretError::KeyMissing)?)
    }

    /// Returns true if the tenant has a key, usable or not.
    ///
    /// # Errors
    /// [`SecretError`] if the key cannot be read.
    pub async fn has_key(&self, tenant: &TenantName) -> Result<bool, SecretError> {
        Ok(self.transit_key(tenant).await?.is_some())
    }

    /// Adds a version to the tenant's key, which encrypts from then on, and returns the versions of
    /// the key as Vault has stored them.
    ///
    /// A version that OpenBao failed to store is in its memory all the same: it encrypts, and is
    /// lost at a restart. The next rotation that succeeds stores it with its own (see
    /// `docs/secrets-commands.md`). So a call that failed for any reason is repeated until one
    /// succeeds, for about 15 seconds.
    ///
    /// # Errors
    /// [`SecretError`]; the newest version may then not be stored.
    pub async fn rotate_key(
        &self,
        tenant: &TenantName,
        lease: &RotationLease,
    ) -> Result<KeyVersions, SecretError> {
        let (client, token, mount) = self.transit();
        let name = key_name(tenant);
        let rotated = with_retries(async || {
            lease.confirm(self).await?;
            Ok::<_, SecretError>(transit::rotate_key(client, token, mount, &name).await?)
        });
        match rotated.await {
            Ok(None) => with_retries(async || self.key_versions(tenant).await).await,
            Ok(Some(key)) => key_versions(&key),
            Err(SecretError::Unavailable(Unavailable { detail, .. })) => {
                let detail = format!(
                    "{detail}. The new version of the key may exist in Vault's memory only, and be \
                     lost at a restart; `bao write -f {mount}/keys/{name}/rotate` stores it, once \
                     it succeeds"
                );
                Err(Unavailable::new(UnavailableReason::NoValidResponse, detail).into())
            }
            Err(error) => Err(error),
        }
    }

    /// Sets the oldest version of the tenant's key that may decrypt. OpenBao cannot restore a
    /// version that a failed rotation made (see `docs/secrets-commands.md`).
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn set_min_decryption_version(
        &self,
        tenant: &TenantName,
        version: u64,
        lease: &RotationLease,
    ) -> Result<(), SecretError> {
        let (client, token, mount) = self.transit();
        let (name, config) = (key_name(tenant), KeyConfig::MinDecryptionVersion(version));
        with_retries(async || {
            lease.confirm(self).await?;
            Ok(transit::configure_key(client, token, mount, &name, &config).await?)
        })
        .await
    }

    /// Deletes the tenant's key. All ciphertexts by it are unreadable for good.
    ///
    /// # Errors
    /// [`SecretError`]; the key may then still exist, with `deletion_allowed` set.
    pub async fn delete_key(&self, tenant: &TenantName) -> Result<(), SecretError> {
        let (client, token, mount) = self.transit();
        let (name, config) = (key_name(tenant), KeyConfig::DeletionAllowed(true));
        transit::configure_key(client, token, mount, &name, &config).await?;
        Ok(transit::delete_key(client, token, mount, &name).await?)
    }

    async fn transit_key(&self, tenant: &TenantName) -> Result<Option<TransitKey>, SecretError> {
        let (client, token, mount) = self.transit();
        let name = key_name(tenant);
        let read = || transit::read_key(client, token, mount, &name);
        Ok(once_more_after_reset(read).await?)
    }
}

fn key_versions(key: &TransitKey) -> Result<KeyVersions, SecretError> {
    if !key.derived {
        return Err(SecretError::KeyUnusable(UnusableKey::NotDerived));
    }
    let convergent = key.convergent_encryption;
    if convergent.ok_or_else(|| VaultError::malformed("no convergent_encryption"))? {
        return Err(SecretError::KeyUnusable(UnusableKey::Convergent));
    }
    let created = key.latest_created();
    let created = created.ok_or_else(|| VaultError::malformed("no time of latest_version"))?;
    let versions = KeyVersions::new(
        key.latest_version,
        key.min_decryption_version,
        key.min_encryption_version,
        created,
    );
    Ok(versions.map_err(VaultError::malformed)?)
}
