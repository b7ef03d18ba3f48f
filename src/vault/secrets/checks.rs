//! A cache of checks of Vault's engines that passed recently.

use std::time::Duration;

use moka::future::Cache;

use crate::{secrets::SecretError, tenants::TenantName};

/// The time for which a passed check is cached.
const TTL: Duration = Duration::from_secs(30);

/// The maximum number of cached checks. Each takes some hundred bytes.
const CAPACITY: u64 = 10_000;

/// Facts about Vault's engines that hold for every caller: keys and mounts, not permissions. A fact
/// is cached for 30 seconds after it was verified. A check that fails is not cached.
pub struct CheckCache(Cache<EngineFact, ()>);

/// A fact about Vault's engines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum EngineFact {
    /// The tenant's key is derived and not convergent.
    KeyUsable(TenantName),
    /// The mount of the secrets is KV version 2.
    KvVersion2,
    /// The server has no `detailed-metadata` endpoint.
    NoDetailedMetadata,
}

impl CheckCache {
    pub(super) async fn contains(&self, fact: &EngineFact) -> bool {
        self.0.get(fact).await.is_some()
    }

    pub(super) async fn insert(&self, fact: EngineFact) {
        self.0.insert(fact, ()).await;
    }

    pub(super) async fn invalidate(&self, fact: &EngineFact) {
        self.0.invalidate(fact).await;
    }

    /// Runs a check unless it is cached, and caches it if it passes.
    pub(super) async fn ensure(
        &self,
        fact: EngineFact,
        check: impl AsyncFnOnce() -> Result<(), SecretError>,
    ) -> Result<(), SecretError> {
        if !self.contains(&fact).await {
            check().await?;
            self.insert(fact).await;
        }
        Ok(())
    }
}

impl Default for CheckCache {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(TTL).build())
    }
}
