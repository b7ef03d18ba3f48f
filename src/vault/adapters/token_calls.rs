use std::sync::Arc;

use crate::{
    capabilities::Capabilities,
    token::CallerToken,
    vault::{
        api::{
            entity::{self, TokenEntity},
            sys::capabilities::capabilities,
            token::{self, TokenLookupData},
        },
        client::{Client, Consistency, FailureKind, ResponseMeta, VaultError},
        session::ServiceToken,
    },
};

/// The requests about a caller's token, made with the service's own.
#[derive(Clone, Copy)]
pub(super) struct TokenCalls<'c> {
    pub(super) client: &'c Client,
    pub(super) own: &'c ServiceToken,
    pub(super) consistency: &'c Consistency,
}

impl TokenCalls<'_> {
    /// Looks up a token; `None` if Vault has no such token.
    pub(super) async fn look_up(
        &self,
        token: &CallerToken,
    ) -> Result<Option<(TokenLookupData, ResponseMeta)>, VaultError> {
        let lookup = token::lookup(self.client, &self.own.token, token, self.consistency).await;
        none_on(FailureKind::TokenNotFound, lookup)
    }

    /// Reads an entity; `None` if there is none with this id.
    pub(super) async fn read_entity(&self, id: &str) -> Result<Option<TokenEntity>, VaultError> {
        let entity = entity::read_by_id(self.client, &self.own.token, id, self.consistency).await;
        none_on(FailureKind::NotFound, entity)
    }

    /// Returns the capabilities of a token on each of these paths, in their order; `None` if Vault has no
    /// such token.
    pub(super) async fn capabilities_on(
        &self,
        token: &CallerToken,
        paths: &[String],
    ) -> Result<Option<Arc<[Capabilities]>>, VaultError> {
        let response =
            capabilities(self.client, &self.own.token, token, paths, self.consistency).await;
        let response = none_on(FailureKind::TokenNotFound, response)?;
        response.map(|response| response.on_each(paths)).transpose()
    }

    /// Returns true if Vault accepts a token whose lookup does not settle that. A deleted entity
    /// takes its tokens with it; one that was merged into another does not, and is not found by its
    /// old id. It also works for tokens of other namespaces.
    pub(super) async fn is_accepted(&self, token: &CallerToken) -> Result<bool, VaultError> {
        let any_path = ["sys/capabilities".to_owned()];
        Ok(self.capabilities_on(token, &any_path).await?.is_some())
    }
}

/// Returns the result, with `None` for this failure.
fn none_on<T>(
    expected: FailureKind,
    result: Result<T, VaultError>,
) -> Result<Option<T>, VaultError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == expected => Ok(None),
        Err(error) => Err(error),
    }
}
