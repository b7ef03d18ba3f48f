//! Bringing a tenant's secrets to the latest version of its key, without ever decrypting one.

use std::collections::BTreeMap;

use futures_util::{Stream, TryStreamExt, stream};

use super::{
    kv::{Found, Live},
    lease::RotationLease,
    retry::patiently,
};
use crate::{
    secrets::{
        Ciphertext, Current, Record, SecretError, SecretName, SecretPath, Unreadable, Version,
    },
    tenants::{Need, Remaining, Renewal, Standing, TenantName},
    vault::secrets::Secrets,
};

/// What is to be done about secrets that are behind the key.
#[derive(Clone, Copy)]
pub enum Task<'l> {
    /// Nothing.
    Survey,
    /// Their latest versions are encrypted anew.
    Rewrap,
    /// The same, and then all that still needs an older version of the key is destroyed, and all
    /// that was deleted and may need it, while the lease is held. A live version is destroyed
    /// only if Vault has just read the latest of its secret with the new version of the key.
    RewrapAndDestroy(&'l RotationLease),
}

/// How many secrets are worked on at once.
const AT_ONCE: usize = 8;

/// How often a secret that others keep writing to is tried.
const CONFLICTS: usize = 10;

/// The versions of a secret that were seen, with the versions of the key that they need.
type Seen = BTreeMap<Version, u64>;

impl<'c> Secrets<'c> {
    /// Goes through the tenant's secrets, and says of each how it stands to this version of the
    /// key, or why that is not known. Unless it is a survey, the version has to be stored.
    ///
    /// All that is written is a ciphertext that Vault made of the one before it, and only if that
    /// is still the latest. So it does no harm to do this beside writers, or to end it anywhere.
    ///
    /// # Errors
    /// The stream ends with a [`SecretError`] that concerns more than one secret.
    pub fn bring_to<'l>(
        self,
        tenant: &TenantName,
        key_version: u64,
        task: Task<'l>,
    ) -> impl Stream<Item = Result<(SecretName, Result<Standing, SecretError>), SecretError>> + use<'c, 'l>
    {
        let tenant = tenant.clone();
        let names = stream::try_unfold(self.names(&tenant), async |mut names| {
            let next = patiently(async || names.next().await).await?;
            Ok(next.map(|name| (name, names)))
        });
        let standings = names.map_ok(move |name| {
            let path = SecretPath { tenant: tenant.clone(), name };
            async move {
                let standing = patiently(async || self.standing(&path, key_version, task).await);
                match standing.await {
                    Err(error) if error.is_of_all() => Err(error),
                    standing => Ok((path.name, standing)),
                }
            }
        });
        standings.try_buffer_unordered(AT_ONCE)
    }

    async fn standing(
        &self,
        path: &SecretPath,
        key_version: u64,
        task: Task<'_>,
    ) -> Result<Standing, SecretError> {
        let mut seen = Seen::new();
        let latest = self.renew(path, key_version, task, &mut seen).await?;
        let mut standing = Standing { latest, remaining: Vec::new(), destroyed: 0 };
        let (versions, newest) = self.versions_beside(path, &seen).await?;
        for version in versions {
            let need = match seen.get(&version) {
                Some(key) => Some(Need::Key(*key)),
                None => self.need(path, version, key_version).await?,
            };
            let number = version.number();
            let remaining = need.filter(|need| !need.is_met_by(key_version));
            standing.remaining.extend(remaining.map(|need| Remaining { version: number, need }));
        }
        if let Task::RewrapAndDestroy(lease) = task {
            // What has a live successor or was deleted, and never what somebody wrote just now.
            let expendable = |remaining: &Remaining| {
                remaining.need == Need::Unknown
                    || (remaining.version < newest && latest != Renewal::Gone)
            };
            let (gone, kept): (Vec<_>, Vec<_>) =
                standing.remaining.into_iter().partition(expendable);
            standing.remaining = kept;
            if gone.is_empty() {
                return Ok(standing);
            }
            lease.confirm(self).await?;
            self.destroy(path, &gone).await?;
            standing.destroyed = gone.len();
        }
        Ok(standing)
    }

    /// The versions that were not destroyed, and the number of the latest. Vault is not asked if all
    /// that there can be were seen.
    async fn versions_beside(
        &self,
        path: &SecretPath,
        seen: &Seen,
    ) -> Result<(Vec<Version>, u64), SecretError> {
        match seen.last_key_value() {
            Some((newest, _)) if newest.number() == seen.len() as u64 => {
                Ok((seen.keys().copied().collect(), newest.number()))
            }
            _ => self.versions(path).await,
        }
    }

    /// Encrypts the latest version anew if it is behind, and otherwise has Vault show that it reads
    /// it. What is seen on the way, each version with that of the key, is noted.
    async fn renew(
        &self,
        path: &SecretPath,
        key_version: u64,
        task: Task<'_>,
        seen: &mut Seen,
    ) -> Result<Renewal, SecretError> {
        let mut refused = None;
        for _ in 0..CONFLICTS {
            let Found::Live(Live { version, record, .. }) = self.find(path, None).await? else {
                return Ok(Renewal::Gone);
            };
            let ciphertext = record?.into_ciphertext(&path.tenant)?;
            seen.insert(version, ciphertext.key_version());
            if matches!(task, Task::Survey) {
                return self.survey(path, &ciphertext, key_version).await;
            }
            if ciphertext.key_version() > key_version {
                self.check_exists(path, ciphertext.key_version()).await?;
                return Err(SecretError::KeyAhead);
            }
            let renewed = match self.rewrap(path, &ciphertext, key_version).await {
                // A key version that was retired meanwhile, after somebody else renewed the secret.
                Err(SecretError::Unreadable(Unreadable::KeyTooOld)) if refused != Some(version) => {
                    refused = Some(version);
                    continue;
                }
                renewed => renewed?,
            };
            if ciphertext.key_version() == key_version {
                return Ok(Renewal::UpToDate);
            }
            let record = Record::new(&path.tenant, renewed);
            match self.put(path, &record, Current::Live(version)).await {
                Ok((version, _)) => {
                    seen.insert(version, key_version);
                    return Ok(Renewal::Rewrapped);
                }
                Err(SecretError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(SecretError::Conflict)
    }

    async fn survey(
        &self,
        path: &SecretPath,
        ciphertext: &Ciphertext,
        key_version: u64,
    ) -> Result<Renewal, SecretError> {
        if ciphertext.key_version() < key_version {
            return Ok(Renewal::Behind);
        }
        self.check_exists(path, ciphertext.key_version()).await?;
        Ok(Renewal::UpToDate)
    }

    /// Makes sure that the key has this version: no key is older than its ciphertexts.
    async fn check_exists(&self, path: &SecretPath, key_version: u64) -> Result<(), SecretError> {
        let latest = self.key(&path.tenant).await?.latest;
        if key_version > latest { Err(Unreadable::KeyGone.into()) } else { Ok(()) }
    }

    /// What it takes to read this version; `None` if nothing does any more.
    async fn need(
        &self,
        path: &SecretPath,
        version: Version,
        key_version: u64,
    ) -> Result<Option<Need>, SecretError> {
        Ok(match self.find(path, Some(version)).await? {
            Found::Live(Live { record, .. }) => {
                let needed = record?.into_ciphertext(&path.tenant)?.key_version();
                if needed > key_version {
                    self.check_exists(path, needed).await?;
                }
                Some(Need::Key(needed))
            }
            Found::Nothing(SecretError::Deleted(_)) => Some(Need::Unknown),
            Found::Nothing(_) => None,
        })
    }
}
