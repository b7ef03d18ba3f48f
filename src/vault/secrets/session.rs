use crate::{
    policy::Mounts,
    secrets::SecretError,
    vault::{CheckCache, Client, SecretsClient, VaultSession},
};

/// The tenants' secrets, accessed with the token of a session. The token may change from call to
/// call.
#[derive(Clone, Copy)]
pub struct SessionSecrets<'s> {
    session: &'s VaultSession,
    mounts: &'s Mounts,
    checks: &'s CheckCache,
}

impl<'s> SessionSecrets<'s> {
    /// Returns the secrets in these mounts, which skip checks that are in this cache.
    #[must_use]
    pub fn new(session: &'s VaultSession, mounts: &'s Mounts, checks: &'s CheckCache) -> Self {
        Self { session, mounts, checks }
    }

    /// Runs an action on the secrets with the session's present token. A token that Vault rejects
    /// is discarded.
    ///
    /// # Errors
    /// Those of the action. [`SecretError::Unavailable`] if the session has no token.
    pub async fn with<T>(
        &self,
        action: impl AsyncFnOnce(SecretsClient<'_>) -> Result<T, SecretError>,
    ) -> Result<T, SecretError> {
        let own = self.session.token().await?;
        let secrets = SecretsClient::new(self.session.client(), self.mounts, &own.token);
        let outcome = action(secrets.with_check_cache(self.checks)).await;
        if let Err(SecretError::TokenRejected) = outcome {
            self.session.invalidate(&own);
        }
        outcome
    }

    pub(super) fn client(&self) -> &'s Client {
        self.session.client()
    }
}
