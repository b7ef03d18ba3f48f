use std::{collections::HashMap, sync::Arc, time::Instant};

use futures_util::future::BoxFuture;
use rustify_derive::Endpoint;
use secrecy::SecretString;
use tokio::{sync::Semaphore, time::timeout};
use vaultrs::api::{
    identity::entity::requests::ReadEntityByIdRequest,
    token::requests::{LookupTokenRequest, LookupTokenSelfRequest},
};

use crate::{
    token::{
        Answer, Authority, Capabilities, Cause, Facts, Granted, Spent, Standing, Token,
        Unavailable, Verdict,
    },
    vault::{
        Client, Session,
        client::Operation,
        error::{Failure, VaultError},
        facts::{EntityData, TokenData},
        session::OwnToken,
    },
};

/// How many questions may be under way at once. More would only wait in Vault's queue, and behind
/// them the callers of tokens that are well known.
const MAX_QUESTIONS: usize = 256;

/// Asks Vault about tokens, with the service's own.
///
/// A lookup by the service spends no use of the token and needs no policy of the caller. It tells
/// nothing of the entity, though: a token whose entity is disabled or deleted is found like any
/// other, and Vault refuses it everywhere else, which is why the entity is read as well.
pub struct VaultAuthority {
    session: Arc<Session>,
    asker: Asker,
    questions: Semaphore,
}

/// Whose token the questions are asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The service's, which is nobody's identity.
    Service,
    /// That of an operator, who may ask about it like about any other.
    Operator,
}

/// Asks what a token is granted on some paths; vaultrs has no such call.
#[derive(Endpoint)]
#[endpoint(path = "sys/capabilities", method = "POST")]
struct CapabilitiesRequest {
    token: String,
    paths: Vec<String>,
}

impl VaultAuthority {
    /// Asks with this session's token.
    #[must_use]
    pub fn new(session: Arc<Session>, asker: Asker) -> Self {
        Self { session, asker, questions: Semaphore::new(MAX_QUESTIONS) }
    }

    /// An answer within the time that one may take, unless too many are waited for already.
    async fn bounded<T>(
        &self,
        answer: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let Ok(_permit) = self.questions.try_acquire() else {
            return Err(Unavailable::new(
                Cause::Overloaded,
                "too many calls to vault are under way",
            ));
        };
        let limit = self.session.client().timeout();
        timeout(limit, answer).await.unwrap_or_else(|_| {
            Err(Unavailable::new(Cause::Vault, "vault: no answer within VALIDATOR_VAULT_TIMEOUT"))
        })
    }

    /// The answer to a question that may be asked twice: again if the connection broke, and with
    /// a new token if Vault refused the service's own.
    async fn repeatable<'q, T>(
        &self,
        question: impl Fn(Arc<OwnToken>) -> BoxFuture<'q, Result<T, VaultError>>,
    ) -> Result<T, Unavailable> {
        let own = self.session.token()?;
        let second = match question(Arc::clone(&own)).await {
            Err(error) if error.failure == Failure::OwnToken => self.session.replace(&own).await?,
            Err(error) if error.failure == Failure::Reset => own,
            answer => return answer.map_err(Unavailable::from),
        };
        question(second).await.map_err(Unavailable::from)
    }

    async fn look_up(&self, own: &OwnToken, token: &Token) -> Result<Verdict, VaultError> {
        let client = self.session.client();
        let asked = Instant::now();
        let data = match token_data(client, own, token).await {
            Ok(data) => data,
            Err(error) if error.failure == Failure::Refused => return Ok(Verdict::Invalid),
            Err(error) if error.failure == Failure::OwnPolicy => {
                return foreign(client, own, token, error).await;
            }
            Err(error) => return Err(error),
        };
        let asked_about_own = own.is(token);
        let standing = if asked_about_own && self.asker == Asker::Service {
            Standing::Own
        } else if !asked_about_own && own.has_accessor(data.accessor.as_deref()) {
            // An empty token would bring this about. None gets here; if one did, it is no caller.
            return Err(VaultError::malformed("the own token, which was not asked about"));
        } else {
            data.standing(client.namespace())
        };
        let a_caller = matches!(standing, Standing::Ordinary | Standing::Root);
        let id = data.entity_id.as_deref().filter(|id| a_caller && !id.is_empty());
        let entity = match id {
            None => None,
            Some(id) => match entity(client, &own.token, id).await? {
                Some(entity) if entity.disabled => return Ok(Verdict::Invalid),
                Some(entity) => Some(entity),
                None if self.is_merged(own, token).await? => None,
                None => return Ok(Verdict::Invalid),
            },
        };
        let facts = data.into_facts(standing, entity.as_ref(), asked)?;
        Ok(Verdict::Live(Box::new(facts)))
    }

    /// Whether a token whose entity is not there is still good. A deleted entity takes its tokens
    /// with it; one that was merged into another does not, and cannot be found by its old id.
    async fn is_merged(&self, own: &OwnToken, token: &Token) -> Result<bool, VaultError> {
        let any_path = ["sys/capabilities".to_owned()];
        let granted = self.ask_capabilities(own, token, &any_path).await?;
        Ok(matches!(granted, Granted::Capabilities(_)))
    }

    async fn ask_capabilities(
        &self,
        own: &OwnToken,
        token: &Token,
        paths: &[String],
    ) -> Result<Granted, VaultError> {
        let request =
            CapabilitiesRequest { token: token.expose().to_owned(), paths: paths.to_owned() };
        let client = self.session.client();
        let words: HashMap<String, Vec<String>> =
            match client.data(Operation::Capabilities, &own.token, request).await {
                Ok(words) => words,
                Err(error) if error.failure == Failure::Refused => return Ok(Granted::Invalid),
                Err(error) => return Err(error),
            };
        let on = |path: &String| {
            let words = words.get(path)?;
            Some(Capabilities::from_words(words.iter().map(String::as_str)))
        };
        paths
            .iter()
            .map(on)
            .collect::<Option<_>>()
            .map(Granted::Capabilities)
            .ok_or_else(|| VaultError::malformed("a path is missing"))
    }
}

async fn token_data(
    client: &Client,
    own: &OwnToken,
    token: &Token,
) -> Result<TokenData, VaultError> {
    let request = LookupTokenRequest { token: token.expose().to_owned() };
    client.data(Operation::Lookup, &own.token, request).await
}

/// Vault answers alike when the service may not look up tokens at all and when the token is of
/// another namespace, whose id stands behind its last dot. They differ in whether the service may
/// look up its own.
async fn foreign(
    client: &Client,
    own: &OwnToken,
    token: &Token,
    error: VaultError,
) -> Result<Verdict, VaultError> {
    let has_namespace = token.expose().split('.').count() > 2;
    if !has_namespace || token_data(client, own, &own.as_presented()).await.is_err() {
        return Err(error);
    }
    Ok(Verdict::Live(Box::new(Facts::of_another_namespace())))
}

/// The entity of this id, if there is one.
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
        Ok(entity) => Ok(Some(entity)),
        Err(error) if error.failure == Failure::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Uses a token once, by letting it look itself up. Vault counts the use before it looks at the
/// token's policies, so to be refused by those is to have been counted.
async fn use_once(client: &Client, token: &Token) -> Result<Spent, VaultError> {
    let request = LookupTokenSelfRequest::default();
    let used = client.data::<serde::de::IgnoredAny>(Operation::Spend, token.secret(), request);
    match used.await {
        Ok(_) => Ok(Spent::One),
        Err(error) if error.failure == Failure::OwnPolicy => Ok(Spent::One),
        Err(error) if error.failure == Failure::OwnToken => Ok(Spent::None),
        Err(error) => Err(error),
    }
}

impl Authority for VaultAuthority {
    fn lookup(&self, token: Token) -> Answer<'_, Verdict> {
        Box::pin(async move {
            let token = &token;
            let question = |own: Arc<OwnToken>| -> BoxFuture<'_, _> {
                Box::pin(async move { self.look_up(&own, token).await })
            };
            self.bounded(self.repeatable(question)).await
        })
    }

    fn capabilities(&self, token: Token, paths: Vec<String>) -> Answer<'_, Granted> {
        Box::pin(async move {
            let (token, paths) = (&token, &paths);
            let question = |own: Arc<OwnToken>| -> BoxFuture<'_, _> {
                Box::pin(async move { self.ask_capabilities(&own, token, paths).await })
            };
            self.bounded(self.repeatable(question)).await
        })
    }

    fn spend(&self, token: Token) -> Answer<'_, Spent> {
        Box::pin(async move {
            let used = async { Ok(use_once(self.session.client(), &token).await?) };
            self.bounded(used).await
        })
    }
}
