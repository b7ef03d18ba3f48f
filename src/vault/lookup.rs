use std::{sync::Arc, time::Instant};

use secrecy::SecretString;
use tokio::time::timeout;
use vaultrs::api::{
    identity::entity::requests::ReadEntityByIdRequest, token::requests::LookupTokenRequest,
};

use crate::{
    token::{Cause, Lookup, LookupFuture, Standing, Token, Unavailable, Verdict},
    vault::{
        Client, Session,
        client::Operation,
        error::{Failure, VaultError},
        facts::{EntityData, TokenData},
        session::OwnToken,
    },
};

/// Looks tokens up with the service's own, then their entities.
///
/// A lookup by the service spends no use of the token and needs no policy of the caller. It tells
/// nothing of the entity, though: a token whose entity is disabled or deleted is found like any
/// other, and Vault refuses it everywhere else, which is why the entity is read as well.
pub struct VaultLookup {
    session: Arc<Session>,
}

impl VaultLookup {
    /// Looks up with this session's token.
    #[must_use]
    pub fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    async fn verdict(&self, token: &Token) -> Result<Verdict, Unavailable> {
        let own = self.session.token()?;
        match self.ask(&own, token).await {
            Err(error) if error.failure == Failure::OwnToken => {
                let own = self.session.replace(&own).await?;
                self.ask(&own, token).await.map_err(Unavailable::from)
            }
            Err(error) if error.failure == Failure::Reset => {
                self.ask(&own, token).await.map_err(Unavailable::from)
            }
            answer => answer.map_err(Unavailable::from),
        }
    }

    /// Asks, and keeps in mind that the own token is good for it.
    async fn ask(&self, own: &OwnToken, token: &Token) -> Result<Verdict, VaultError> {
        self.ask_with(own, token).await.inspect(|_| own.has_worked())
    }

    async fn ask_with(&self, own: &OwnToken, token: &Token) -> Result<Verdict, VaultError> {
        let client = self.session.client();
        let asked = Instant::now();
        let request = LookupTokenRequest { token: token.expose().to_owned() };
        let data: TokenData = match client.data(Operation::Lookup, &own.token, request).await {
            Ok(data) => data,
            Err(error) if error.failure == Failure::Refused => return Ok(Verdict::Invalid),
            Err(error) => return Err(error),
        };
        let standing = if own.is(token) {
            Standing::Own
        } else if own.has_accessor(data.accessor.as_deref()) {
            // An empty token would bring this about. None gets here; if one did, it is no caller.
            return Err(VaultError::malformed("the own token, which was not asked about"));
        } else {
            data.standing(client.namespace())
        };
        let a_caller = matches!(standing, Standing::Ordinary | Standing::Root);
        let entity = match data.entity_id.as_deref() {
            Some(id) if a_caller && !id.is_empty() => match entity(client, &own.token, id).await? {
                Some(entity) => Some(entity),
                None => return Ok(Verdict::Invalid),
            },
            _ => None,
        };
        let facts = data.into_facts(standing, entity.as_ref(), asked)?;
        Ok(Verdict::Live(Box::new(facts)))
    }
}

/// The entity of this id, unless it is disabled or deleted.
async fn entity(
    client: &Client,
    own: &SecretString,
    id: &str,
) -> Result<Option<EntityData>, VaultError> {
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(VaultError::malformed("an entity id that is none"));
    }
    let request = ReadEntityByIdRequest { id: id.to_owned() };
    match client.data::<EntityData>(Operation::Entity, own, request).await {
        Ok(entity) if entity.id != id => Err(VaultError::malformed("another entity")),
        Ok(entity) => Ok((!entity.disabled).then_some(entity)),
        Err(error) if error.failure == Failure::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Lookup for VaultLookup {
    fn lookup(&self, token: Token) -> LookupFuture<'_> {
        Box::pin(async move {
            let limit = self.session.client().timeout();
            timeout(limit, self.verdict(&token)).await.unwrap_or_else(|_| {
                Err(Unavailable::new(
                    Cause::Vault,
                    "vault: no answer within VALIDATOR_VAULT_TIMEOUT",
                ))
            })
        })
    }
}
