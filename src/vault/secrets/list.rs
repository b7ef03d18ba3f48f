//! Pages of a tenant's list.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    checks::Check,
    walk::{Entry, Source, Walk},
};
use crate::{
    secrets::{Current, ListPage, Listed, SecretError, SecretName, SecretPath},
    tenants::TenantName,
    vault::{clock::VaultClock, secrets::Secrets},
};

/// The largest number of names in a page.
pub const MAX_PAGE: usize = 1000;

/// The number of secrets that are looked up at once.
const LOOKUPS: usize = 8;

/// The names of a page, before it is known of each whether it is deleted.
pub struct NamesPage<'c> {
    secrets: Secrets<'c>,
    tenant: TenantName,
    entries: Vec<Entry>,
    next: Option<SecretName>,
}

impl<'c> Secrets<'c> {
    /// The names of a page of a tenant's list: up to `limit` names, at most [`MAX_PAGE`], from
    /// behind the name `after` on. OpenBao answers with their versions at once.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not list them, or Vault does not answer.
    pub async fn names_page(
        self,
        tenant: &TenantName,
        after: Option<&SecretName>,
        limit: usize,
    ) -> Result<NamesPage<'c>, SecretError> {
        let limit = limit.clamp(1, MAX_PAGE);
        // One more shows whether this is the end.
        let mut walk = Walk::new(self, tenant, self.list_source().await, limit + 1);
        if let Some(name) = after {
            walk = walk.after(name);
        }
        let mut entries = Vec::new();
        let mut next = None;
        while let Some(entry) = walk.next().await? {
            if entries.len() == limit {
                next = entries.last().map(|last: &Entry| last.name.clone());
                break;
            }
            entries.push(entry);
            walk.limit_page(limit + 1 - entries.len());
        }
        Ok(NamesPage { secrets: self, tenant: tenant.clone(), entries, next })
    }

    /// The endpoint that lists are read from: the one with details, unless the server was found to have
    /// none.
    async fn list_source(&self) -> Source {
        match self.checks {
            Some(checks) if checks.has_passed(&Check::NoDetails).await => Source::Keys,
            _ => Source::Details,
        }
    }

    /// A page of a tenant's list, as [`Secrets::names_page`] and [`NamesPage::look_up`] give it.
    ///
    /// # Errors
    /// As theirs.
    pub async fn page(
        self,
        tenant: &TenantName,
        after: Option<&SecretName>,
        limit: usize,
    ) -> Result<ListPage, SecretError> {
        self.names_page(tenant, after, limit).await?.look_up().await
    }
}

impl NamesPage<'_> {
    /// The number of secrets that Vault has to be asked about one by one.
    #[must_use]
    pub fn lookups(&self) -> usize {
        self.entries.iter().filter(|entry| entry.metadata.is_none()).count()
    }

    /// The page with the latest version of each. Names that have none any more are left out.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not know, or Vault does not answer.
    pub async fn look_up(self) -> Result<ListPage, SecretError> {
        let Self { secrets, tenant, entries, next } = self;
        let clock = VaultClock::new(secrets.client);
        let listed = stream::iter(entries).map(async |Entry { name, metadata }| {
            let path = SecretPath { tenant: tenant.clone(), name };
            let metadata = match metadata {
                Some(metadata) => Some(metadata),
                None => secrets.metadata(&path).await?,
            };
            let current = match metadata {
                Some(metadata) => metadata.current(&clock).await?,
                None => Current::Absent,
            };
            Ok::<_, SecretError>(Listed { name: path.name, current })
        });
        let secrets = listed
            .buffered(LOOKUPS)
            .try_filter(|listed| std::future::ready(listed.current != Current::Absent));
        Ok(ListPage { secrets: secrets.try_collect().await?, next })
    }
}
