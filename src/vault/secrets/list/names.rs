use futures_util::{Stream, stream};

use super::walk::{ListEndpoint, SecretWalk};
use crate::{
    secrets::{SecretError, SecretName},
    tenants::TenantName,
    vault::SecretsClient,
};

/// The number of names that are requested per page.
const PAGE_SIZE: usize = 500;

/// The names of a tenant's secrets, including deleted ones, in alphabetical order. Keys that are
/// not names of secrets are skipped.
pub struct SecretNames<'c>(SecretWalk<'c>);

impl<'c> SecretNames<'c> {
    pub(super) fn new(secrets: SecretsClient<'c>, tenant: &TenantName) -> Self {
        Self(SecretWalk::new(secrets, tenant, ListEndpoint::Metadata, PAGE_SIZE))
    }

    /// Returns the next name; `None` after the last.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not list the secrets, or Vault is unavailable.
    pub async fn next(&mut self) -> Result<Option<SecretName>, SecretError> {
        Ok(self.0.next().await?.map(|entry| entry.name))
    }

    /// Returns the names as a stream, which ends at the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<SecretName, SecretError>> {
        stream::try_unfold(self, async |mut names| {
            let next = names.next().await?;
            Ok(next.map(|name| (name, names)))
        })
    }
}
