//! What was found to be so a short while ago, and is not asked again.

use std::time::Duration;

use moka::future::Cache;

use crate::{secrets::SecretError, tenants::TenantName};

/// How long a check counts.
const TTL: Duration = Duration::from_secs(30);

/// The number of checks that are remembered. One takes some hundred bytes.
const CAPACITY: u64 = 10_000;

/// Facts about Vault's engines that hold for whoever asks: keys and mounts, not permissions. Each
/// is remembered for half a minute after it was seen. The contrary is not remembered.
pub struct RecentChecks(Cache<Check, ()>);

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Check {
    /// The tenant's key binds a ciphertext to its place.
    KeyFits(TenantName),
    /// The mount of the secrets is of version 2.
    Versioned,
    /// The server has no `detailed-metadata`.
    NoDetails,
}

impl RecentChecks {
    pub(super) async fn has_passed(&self, check: &Check) -> bool {
        self.0.get(check).await.is_some()
    }

    pub(super) async fn note(&self, check: Check) {
        self.0.insert(check, ()).await;
    }

    pub(super) async fn forget(&self, check: &Check) {
        self.0.invalidate(check).await;
    }

    /// Checks this unless it was checked a short while ago.
    pub(super) async fn ensure(
        &self,
        check: Check,
        ask: impl AsyncFnOnce() -> Result<(), SecretError>,
    ) -> Result<(), SecretError> {
        if !self.has_passed(&check).await {
            ask().await?;
            self.note(check).await;
        }
        Ok(())
    }
}

impl Default for RecentChecks {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(TTL).build())
    }
}
