use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::login_step::{malformed, token_error};
use crate::{
    login::LoginError,
    oauth::{RefreshState, RefreshStore},
    token::CallerToken,
    vault::{
        api::{
            cubbyhole::{self, StoredRefreshState},
            token::renew_self,
        },
        client::{Client, FailureKind},
    },
};

/// Keeps the state of refresh tokens in the storage that Vault has for each token.
pub struct VaultRefreshStore {
    client: Arc<Client>,
}

impl VaultRefreshStore {
    /// Creates a store that sends its requests with this client.
    #[must_use]
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    async fn read_state(&self, token: &CallerToken) -> Result<Option<RefreshState>, LoginError> {
        let stored = cubbyhole::read_refresh_state(&self.client, token.as_secret()).await;
        let Some(stored) = stored.map_err(token_error)? else { return Ok(None) };
        let since = Timestamp::from_millisecond(stored.since);
        let since = since.map_err(|_| malformed("a refresh state with an impossible time"))?;
        Ok(Some(RefreshState { generation: stored.generation, since }))
    }
}

impl RefreshStore for VaultRefreshStore {
    fn read<'a>(
        &'a self,
        token: &'a CallerToken,
    ) -> BoxFuture<'a, Result<Option<RefreshState>, LoginError>> {
        Box::pin(self.read_state(token))
    }

    fn write<'a>(
        &'a self,
        token: &'a CallerToken,
        state: RefreshState,
    ) -> BoxFuture<'a, Result<(), LoginError>> {
        Box::pin(async move {
            let RefreshState { generation, since } = state;
            let stored = StoredRefreshState { generation, since: since.as_millisecond() };
            let written = cubbyhole::write_refresh_state(&self.client, token.as_secret(), &stored);
            written.await.map_err(token_error)
        })
    }

    /// Vault responds with 400 for a token that is not renewable, or that has reached its maximum lifetime.
    fn renew<'a>(&'a self, token: &'a CallerToken) -> BoxFuture<'a, Result<(), LoginError>> {
        Box::pin(async move {
            match renew_self(&self.client, token.as_secret()).await {
                Err(error) if error.kind == FailureKind::BadRequest => Ok(()),
                renewed => renewed.map(drop).map_err(token_error),
            }
        })
    }
}
