//! Bringing a tenant's secrets to the latest version of its key, without ever decrypting one.

use std::time::Duration;

use futures_util::{Stream, TryStreamExt, stream};
use tokio::time::sleep;

use super::kv::{Found, Live};
use crate::{
    secrets::{Current, Record, SecretError, SecretName, SecretPath, Unreadable, Version},
    tenants::{Need, Remaining, Renewal, Standing, TenantName},
    vault::{backoff::pauses, secrets::Secrets},
};

/// What is to be done about secrets that are behind the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Nothing; and only their latest versions are looked at.
    Glance,
    /// Nothing.
    Survey,
    /// Their latest versions are encrypted anew.
    Rewrap,
    /// The same, and then all that still needs an older version of the key is destroyed, and all
    /// that was deleted and may need it.
    RewrapAndDestroy,
}

/// How many secrets are worked on at once.
const AT_ONCE: usize = 8;

/// How often a secret that others keep writing to is tried.
const CONFLICTS: usize = 10;

/// The first pause after something that Vault was away for, which doubles, and how often it is tried
/// again.
const RETRIES: (Duration, u32) = (Duration::from_millis(250), 5);

impl<'c> Secrets<'c> {
    /// Goes through the tenant's secrets, and says of each how it stands to this version of the
    /// key, or why that is not known.
    ///
    /// All that is written is a ciphertext that Vault made of the one before it, and only if that
    /// is still the latest. So it does no harm to do this twice at once, beside writers, or to
    /// end it anywhere.
    ///
    /// # Errors
    /// The stream ends with a [`SecretError`] that concerns more than one secret.
    pub fn bring_to(
        self,
        tenant: &TenantName,
        key_version: u64,
        task: Task,
    ) -> impl Stream<Item = Result<(SecretName, Result<Standing, SecretError>), SecretError>> + use<'c>
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
        task: Task,
    ) -> Result<Standing, SecretError> {
        let mut seen = Vec::new();
        let latest = self.renew(path, key_version, task, &mut seen).await?;
        let mut standing = Standing { latest, remaining: Vec::new(), destroyed: 0 };
        if task == Task::Glance {
            return Ok(standing);
        }
        let (versions, newest) = self.versions(path).await?;
        for version in versions {
            let known = seen.iter().find(|(seen, _)| *seen == version).map(|(_, key)| *key);
            let need = match known {
                Some(key) => Some(Need::Key(key)),
                None => self.need(path, version).await?,
            };
            let number = version.number();
            let remaining = need.filter(|need| !need.is_met_by(key_version));
            standing.remaining.extend(remaining.map(|need| Remaining { version: number, need }));
        }
        if task == Task::RewrapAndDestroy && !standing.remaining.is_empty() {
            // What has a successor or was deleted, and never what somebody wrote just now.
            let expendable = |remaining: &Remaining| {
                remaining.need == Need::Unknown || remaining.version < newest
            };
            let (gone, kept): (Vec<_>, Vec<_>) =
                standing.remaining.into_iter().partition(expendable);
            self.destroy(path, &gone).await?;
            standing.remaining = kept;
            standing.destroyed = gone.len();
        }
        Ok(standing)
    }

    /// Encrypts the latest version anew if it is behind. What is seen on the way, each version with
    /// that of the key, is noted.
    async fn renew(
        &self,
        path: &SecretPath,
        key_version: u64,
        task: Task,
        seen: &mut Vec<(Version, u64)>,
    ) -> Result<Renewal, SecretError> {
        let mut refused = None;
        for _ in 0..CONFLICTS {
            let Found::Live(Live { version, record, .. }) = self.find(path, None).await? else {
                return Ok(Renewal::Gone);
            };
            let ciphertext = record?.into_ciphertext(&path.tenant)?;
            seen.push((version, ciphertext.key_version()));
            // Somebody else may have rotated the key since; but no key is older than its ciphertexts.
            let newer = ciphertext.key_version() > key_version;
            if newer && ciphertext.key_version() > self.key(&path.tenant).await?.latest {
                return Err(Unreadable::KeyGone.into());
            }
            if ciphertext.key_version() >= key_version {
                return Ok(Renewal::UpToDate);
            }
            if matches!(task, Task::Glance | Task::Survey) {
                return Ok(Renewal::Behind);
            }
            let renewed = match self.rewrap(path, &ciphertext).await {
                // Another rotation may have renewed it since, and retired the key's old version.
                Err(SecretError::Unreadable(Unreadable::KeyTooOld)) if refused != Some(version) => {
                    refused = Some(version);
                    continue;
                }
                renewed => renewed?,
            };
            let key = renewed.key_version();
            let record = Record::new(&path.tenant, renewed);
            match self.put(path, &record, Current::Live(version)).await {
                Ok((version, _)) => {
                    seen.push((version, key));
                    return Ok(Renewal::Rewrapped);
                }
                Err(SecretError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(SecretError::Conflict)
    }

    /// What it takes to read this version; `None` if nothing does any more.
    async fn need(&self, path: &SecretPath, version: Version) -> Result<Option<Need>, SecretError> {
        Ok(match self.find(path, Some(version)).await? {
            Found::Live(Live { record, .. }) => {
                Some(Need::Key(record?.into_ciphertext(&path.tenant)?.key_version()))
            }
            Found::Nothing(SecretError::Deleted(_)) => Some(Need::Unknown),
            Found::Nothing(_) => None,
        })
    }
}

/// Tries something again while Vault is away, a few times.
async fn patiently<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, SecretError>,
) -> Result<T, SecretError> {
    let (first_pause, retries) = RETRIES;
    for pause in pauses(first_pause, retries) {
        match attempt().await {
            Err(SecretError::Unavailable(_) | SecretError::Unsettled(_)) => sleep(pause).await,
            outcome => return outcome,
        }
    }
    attempt().await
}
