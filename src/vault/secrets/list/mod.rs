//! Lists of a tenant's secrets.

mod names;
mod walk;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};

pub use self::names::SecretNames;
use self::walk::{ListEndpoint, SecretWalk, WalkEntry};
use super::{SecretsClient, checks::EngineFact};
use crate::{
    secrets::{ListPage, SecretError, SecretName, SecretPath, SecretState, SecretSummary},
    tenants::TenantName,
    vault::clock::VaultClock,
};

/// The maximum number of names in a page.
pub const MAX_PAGE_SIZE: usize = 1000;

/// The number of secrets whose metadata is read concurrently.
const CONCURRENCY: usize = 8;

/// The names of a page, some of which may be of secrets without a version.
pub struct NamesPage<'c> {
    secrets: SecretsClient<'c>,
    tenant: TenantName,
    entries: Vec<WalkEntry>,
    next: Option<SecretName>,
}

impl<'c> SecretsClient<'c> {
    /// Returns the names of a tenant's secrets one by one, including deleted ones.
    #[must_use]
    pub fn names(&self, tenant: &TenantName) -> SecretNames<'c> {
        SecretNames::new(*self, tenant)
    }

    /// Returns the number of a tenant's secrets, including deleted ones.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not list the secrets, or Vault is unavailable.
    pub async fn count(&self, tenant: &TenantName) -> Result<u64, SecretError> {
        let mut names = self.names(tenant);
        let mut count = 0;
        while names.next().await?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Streams a tenant's secrets with their latest versions, in the order of their names.
    pub fn list(
        self,
        tenant: &TenantName,
    ) -> impl Stream<Item = Result<SecretSummary, SecretError>> + use<'c> {
        let tenant = tenant.clone();
        let pages = stream::try_unfold(Some(None), move |from| {
            let tenant = tenant.clone();
            async move {
                let Some(after) = from else { return Ok(None) };
                let page = self.page(&tenant, Option::as_ref(&after), MAX_PAGE_SIZE).await?;
                let listed = stream::iter(page.secrets.into_iter().map(Ok));
                Ok::<_, SecretError>(Some((listed, page.next.map(Some))))
            }
        });
        pages.try_flatten()
    }

    /// Returns the names of a page of a tenant's list: up to `limit` names, at most [`MAX_PAGE_SIZE`],
    /// after the name `after`. OpenBao includes their versions in the same response.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not list the secrets, or Vault is unavailable.
    pub async fn names_page(
        self,
        tenant: &TenantName,
        after: Option<&SecretName>,
        limit: usize,
    ) -> Result<NamesPage<'c>, SecretError> {
        let limit = limit.clamp(1, MAX_PAGE_SIZE);
        // One more shows whether this is the last page.
        let mut walk = SecretWalk::new(self, tenant, self.list_endpoint().await, limit + 1);
        if let Some(name) = after {
            walk = walk.after(name);
        }
        let mut entries = Vec::new();
        let mut next = None;
        while let Some(entry) = walk.next().await? {
            if entries.len() == limit {
                next = entries.last().map(|last: &WalkEntry| last.name.clone());
                break;
            }
            entries.push(entry);
            walk.limit_page(limit + 1 - entries.len());
        }
        Ok(NamesPage { secrets: self, tenant: tenant.clone(), entries, next })
    }

    /// Returns a page of a tenant's list, as [`SecretsClient::names_page`] and [`NamesPage::fetch_versions`] do.
    ///
    /// # Errors
    /// As theirs.
    pub async fn page(
        self,
        tenant: &TenantName,
        after: Option<&SecretName>,
        limit: usize,
    ) -> Result<ListPage, SecretError> {
        self.names_page(tenant, after, limit).await?.fetch_versions().await
    }

    /// Returns `detailed-metadata`, unless the server is known not to have it.
    async fn list_endpoint(&self) -> ListEndpoint {
        match self.checks {
            Some(checks) if checks.contains(&EngineFact::NoDetailedMetadata).await => {
                ListEndpoint::Metadata
            }
            _ => ListEndpoint::DetailedMetadata,
        }
    }
}

impl NamesPage<'_> {
    /// Returns the number of secrets whose metadata has to be read one by one.
    #[must_use]
    pub fn pending_lookups(&self) -> usize {
        self.entries.iter().filter(|entry| entry.metadata.is_none()).count()
    }

    /// Returns the page with the latest version of each secret. Secrets without a version are
    /// omitted.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not read the metadata, or Vault is unavailable.
    pub async fn fetch_versions(self) -> Result<ListPage, SecretError> {
        let Self { secrets, tenant, entries, next } = self;
        let clock = VaultClock::new(secrets.client);
        let listed = stream::iter(entries).map(async |WalkEntry { name, metadata }| {
            let path = SecretPath { tenant: tenant.clone(), name };
            let metadata = match metadata {
                Some(metadata) => Some(metadata),
                None => secrets.metadata(&path).await?,
            };
            let current = match metadata {
                Some(metadata) => metadata.current(&clock).await?,
                None => SecretState::Absent,
            };
            Ok::<_, SecretError>(SecretSummary { name: path.name, state: current })
        });
        let secrets = listed
            .buffered(CONCURRENCY)
            .try_filter(|listed| std::future::ready(listed.state != SecretState::Absent));
        Ok(ListPage { secrets: secrets.try_collect().await?, next })
    }
}
