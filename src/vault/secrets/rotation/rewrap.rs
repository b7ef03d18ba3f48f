//! Rewrapping of a tenant's secrets to the latest version of its key, without decrypting any.

use std::collections::BTreeMap;

use futures_util::{Stream, TryStreamExt, stream};

use crate::{
    secrets::{
        Ciphertext, PendingVersion, RecordError, RequiredKeyVersion, RewrapOutcome, RotationStatus,
        SecretError, SecretName, SecretPath, SecretState, SecretVersion, StoredRecord,
    },
    tenants::TenantName,
    vault::{
        RotationLease, SecretsClient,
        secrets::{
            lookup::{LiveVersion, VersionLookup},
            retry::with_retries,
        },
    },
};

/// The treatment of secrets that are encrypted with an older version of the key.
#[derive(Clone, Copy)]
pub enum RewrapMode<'l> {
    /// They are inspected and not changed.
    Inspect,
    /// Their latest versions are rewrapped.
    Rewrap,
    /// Their latest versions are rewrapped. Then all versions that still need an older version of
    /// the key are destroyed, and all deleted ones that may need it, while the lease is held. A
    /// live version is destroyed only if Vault has just decrypted the latest version of its secret
    /// with the new version of the key.
    RewrapAndDestroy(&'l RotationLease),
}

/// The number of secrets that are processed concurrently.
const CONCURRENCY: usize = 8;

/// The maximum number of attempts for a secret that other clients keep writing to.
const MAX_ATTEMPTS: usize = 10;

/// The versions of a secret that were read, with the versions of the key that they need.
type SeenVersions = BTreeMap<SecretVersion, u64>;

impl<'c> SecretsClient<'c> {
    /// Processes the tenant's secrets, and returns the rotation status of each for this version of
    /// the key, or an error. Unless secrets are only inspected, Vault has to have stored the
    /// version.
    ///
    /// Only ciphertexts that Vault rewrapped are written, and only if the original is still the
    /// latest version. So concurrent writers, and an abort at any time, do no harm.
    ///
    /// # Errors
    /// The stream ends with a [`SecretError`] that concerns more than one secret.
    pub fn rewrap_all<'l>(
        self,
        tenant: &TenantName,
        key_version: u64,
        task: RewrapMode<'l>,
    ) -> impl Stream<Item = Result<(SecretName, Result<RotationStatus, SecretError>), SecretError>>
    + use<'c, 'l> {
        let tenant = tenant.clone();
        let names = stream::try_unfold(self.names(&tenant), async |mut names| {
            let next = with_retries(async || names.next().await).await?;
            Ok(next.map(|name| (name, names)))
        });
        let standings = names.map_ok(move |name| {
            let path = SecretPath { tenant: tenant.clone(), name };
            async move {
                let standing =
                    with_retries(async || self.process_secret(&path, key_version, task).await);
                match standing.await {
                    Err(error) if error.affects_whole_tenant() => Err(error),
                    standing => Ok((path.name, standing)),
                }
            }
        });
        standings.try_buffer_unordered(CONCURRENCY)
    }

    async fn process_secret(
        &self,
        path: &SecretPath,
        key_version: u64,
        task: RewrapMode<'_>,
    ) -> Result<RotationStatus, SecretError> {
        let mut seen = SeenVersions::new();
        let latest = self.rewrap_latest(path, key_version, task, &mut seen).await?;
        let mut standing = RotationStatus { latest, pending: Vec::new(), destroyed: 0 };
        let (versions, newest) = self.undestroyed_versions(path, &seen).await?;
        for version in versions {
            let need = match seen.get(&version) {
                Some(key) => Some(RequiredKeyVersion::Key(*key)),
                None => self.required_key_version(path, version, key_version).await?,
            };
            let number = version.number();
            let remaining = need.filter(|need| !need.is_satisfied_by(key_version));
            standing.pending.extend(
                remaining.map(|need| PendingVersion { version: number, required_key: need }),
            );
        }
        if let RewrapMode::RewrapAndDestroy(lease) = task {
            // A version with a live successor or a deleted one, and never one that was written just
            // now.
            let is_obsolete = |remaining: &PendingVersion| {
                remaining.required_key == RequiredKeyVersion::Unknown
                    || (remaining.version < newest && latest != RewrapOutcome::Deleted)
            };
            let (obsolete, kept): (Vec<_>, Vec<_>) =
                standing.pending.into_iter().partition(is_obsolete);
            standing.pending = kept;
            if obsolete.is_empty() {
                return Ok(standing);
            }
            lease.confirm(self).await?;
            self.destroy_versions(path, &obsolete).await?;
            standing.destroyed = obsolete.len();
        }
        Ok(standing)
    }

    /// Returns the versions that were not destroyed, and the number of the latest. The metadata is
    /// not read if all versions that can exist were seen.
    async fn undestroyed_versions(
        &self,
        path: &SecretPath,
        seen: &SeenVersions,
    ) -> Result<(Vec<SecretVersion>, u64), SecretError> {
        match seen.last_key_value() {
            Some((newest, _)) if newest.number() == seen.len() as u64 => {
                Ok((seen.keys().copied().collect(), newest.number()))
            }
            _ => self.read_undestroyed_versions(path).await,
        }
    }

    /// Rewraps the latest version if it is outdated, and otherwise has Vault prove that it decrypts
    /// it. Adds each version that is read, with that of the key, to `seen`.
    async fn rewrap_latest(
        &self,
        path: &SecretPath,
        key_version: u64,
        task: RewrapMode<'_>,
        seen: &mut SeenVersions,
    ) -> Result<RewrapOutcome, SecretError> {
        let mut refused = None;
        for _ in 0..MAX_ATTEMPTS {
            let VersionLookup::Live(live) = self.look_up(path, None).await? else {
                return Ok(RewrapOutcome::Deleted);
            };
            let LiveVersion { version, record, .. } = live;
            let ciphertext = record?.into_ciphertext(&path.tenant)?;
            seen.insert(version, ciphertext.key_version());
            if matches!(task, RewrapMode::Inspect) {
                return self.inspect_latest(path, &ciphertext, key_version).await;
            }
            if ciphertext.key_version() > key_version {
                self.check_key_version(path, ciphertext.key_version()).await?;
                return Err(SecretError::UnstoredKeyVersion);
            }
            let rewrapped = match self.rewrap(path, &ciphertext, key_version).await {
                // Another process rewrapped the secret meanwhile, and then raised
                // min_decryption_version.
                Err(SecretError::Unreadable(RecordError::KeyVersionRetired))
                    if refused != Some(version) =>
                {
                    refused = Some(version);
                    continue;
                }
                rewrapped => rewrapped?,
            };
            if ciphertext.key_version() == key_version {
                return Ok(RewrapOutcome::UpToDate);
            }
            let record = StoredRecord::new(&path.tenant, rewrapped);
            match self.write_version(path, &record, SecretState::Live(version)).await {
                Ok((version, _)) => {
                    seen.insert(version, key_version);
                    return Ok(RewrapOutcome::Rewrapped);
                }
                Err(SecretError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(SecretError::Conflict)
    }

    async fn inspect_latest(
        &self,
        path: &SecretPath,
        ciphertext: &Ciphertext,
        key_version: u64,
    ) -> Result<RewrapOutcome, SecretError> {
        if ciphertext.key_version() < key_version {
            return Ok(RewrapOutcome::Outdated);
        }
        self.check_key_version(path, ciphertext.key_version()).await?;
        Ok(RewrapOutcome::UpToDate)
    }

    /// Checks that the key has this version. A key without the version of a ciphertext was
    /// recreated, or has lost the version.
    async fn check_key_version(
        &self,
        path: &SecretPath,
        key_version: u64,
    ) -> Result<(), SecretError> {
        let latest = self.key_versions(&path.tenant).await?.latest;
        if key_version > latest { Err(RecordError::KeyVersionMissing.into()) } else { Ok(()) }
    }

    /// Returns the version of the key that it takes to read this version of a secret; `None` if the
    /// version cannot be read any more.
    async fn required_key_version(
        &self,
        path: &SecretPath,
        version: SecretVersion,
        key_version: u64,
    ) -> Result<Option<RequiredKeyVersion>, SecretError> {
        Ok(match self.look_up(path, Some(version)).await? {
            VersionLookup::Live(LiveVersion { record, .. }) => {
                let needed = record?.into_ciphertext(&path.tenant)?.key_version();
                if needed > key_version {
                    self.check_key_version(path, needed).await?;
                }
                Some(RequiredKeyVersion::Key(needed))
            }
            VersionLookup::Missing(SecretError::Deleted(_)) => Some(RequiredKeyVersion::Unknown),
            VersionLookup::Missing(_) => None,
        })
    }
}
