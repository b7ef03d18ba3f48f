use futures_util::{Stream, stream};

use super::walk::{Source, Walk};
use crate::{
    secrets::{SecretError, SecretName},
    tenants::TenantName,
    vault::secrets::Secrets,
};

/// The number of names that Vault is asked for at once.
const PAGE: usize = 500;

/// The names of a tenant's secrets, the deleted ones among them, in alphabetical order. Keys that
/// are no name of a secret are left out.
pub struct SecretNames<'c>(Walk<'c>);

impl<'c> SecretNames<'c> {
    pub(super) fn new(secrets: Secrets<'c>, tenant: &TenantName) -> Self {
        Self(Walk::new(secrets, tenant, Source::Keys, PAGE))
    }

    /// The next name; `None` after the last.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not list them, or Vault does not answer.
    pub async fn next(&mut self) -> Result<Option<SecretName>, SecretError> {
        Ok(self.0.next().await?.map(|entry| entry.name))
    }

    /// The names as a stream, which ends at the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<SecretName, SecretError>> {
        stream::try_unfold(self, async |mut names| {
            let next = names.next().await?;
            Ok(next.map(|name| (name, names)))
        })
    }
}
