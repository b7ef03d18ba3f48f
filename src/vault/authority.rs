use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::time::timeout;

use crate::{
    token::{
        Answer, Authority, Capabilities, Cause, Facts, Granted, LookupPriority, Spent, Standing,
        Token, Unavailable, Verdict,
    },
    vault::{
        Client, Session,
        api::{
            sys,
            token::{self, TokenLookup},
        },
        capacity::{Call, Capacity},
        error::{Failure, VaultError},
        facts::{Owner, Remaining},
        own_token::OwnToken,
        questions,
    },
};

/// Asks Vault about tokens, with the service's own.
///
/// A lookup by the service spends no use of the token and needs no policy of the caller. It tells
/// nothing of the entity, though: a token whose entity is disabled or deleted is found like any
/// other, and Vault refuses it everywhere else, which is why the entity is read as well.
pub struct VaultAuthority {
    session: Arc<Session>,
    asker: Asker,
    capacity: Capacity,
    /// The auth mount that people use, without `auth/` and without slashes at its ends.
    subject_mount: String,
}

/// Whose token the questions are asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The service's, which is nobody's identity.
    Service,
    /// That of an operator, who may ask about it like about any other.
    Operator,
}

impl VaultAuthority {
    /// Asks with this session's token. `subject_mount` is the auth mount that people use, without
    /// `auth/` and without slashes at its ends: subjects are told apart by it.
    #[must_use]
    pub fn new(session: Arc<Session>, asker: Asker, subject_mount: String) -> Self {
        Self { session, asker, subject_mount, capacity: Capacity::new() }
    }

    /// An answer within the time that a shared call may take, as soon as there is capacity for it.
    async fn bounded<T>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let limit = self.session.client().shared_timeout();
        let answer = async {
            let _permit = self.capacity.acquire(call).await.ok_or_else(|| {
                Unavailable::new(Cause::Overloaded, "too many calls to vault are under way")
            })?;
            answer.await
        };
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
        let own = self.session.token().await?;
        let error = match question(Arc::clone(&own)).await {
            Ok(answer) => {
                own.serve();
                return Ok(answer);
            }
            Err(error) => error,
        };
        let second = match (error.failure, self.asker) {
            (Failure::OwnToken, Asker::Service) => self.session.replace(&own).await?,
            (Failure::OwnPolicy, Asker::Service) => {
                self.session.doubt();
                return Err(error.into());
            }
            (Failure::Reset, _) => own,
            _ => return Err(error.into()),
        };
        question(second).await.map_err(Unavailable::from)
    }

    async fn look_up(&self, own: &OwnToken, token: &Token) -> Result<Verdict, VaultError> {
        let client = self.session.client();
        let asked = Instant::now();
        let data = match lookup(client, own, token).await {
            Ok(Some(data)) if !data.is_used_up() => data,
            Ok(_) => return Ok(Verdict::Invalid),
            Err(error) if error.failure == Failure::OwnPolicy => {
                return self.foreign(own, token, error).await;
            }
            Err(error) => return Err(error),
        };
        let standing = self.standing(own, token, &data)?;
        match data.remaining() {
            Remaining::Live => {}
            Remaining::Ending if self.is_accepted(own, token).await? => {}
            Remaining::Ending | Remaining::Ended => return Ok(Verdict::Invalid),
        }
        let Some(owner) = self.owner(own, token, &data, standing).await? else {
            return Ok(Verdict::Invalid);
        };
        let widens = matches!(&owner, Owner::Entity(entity) if entity.has_a_tenant_that_widens());
        let standing = if widens { Standing::Widening } else { standing };
        let facts = data.into_facts(standing, &owner, &self.subject_mount, asked)?;
        Ok(Verdict::Live(Box::new(facts)))
    }

    /// The entity behind a token; `None` if Vault refuses the token because of it.
    async fn owner(
        &self,
        own: &OwnToken,
        token: &Token,
        data: &TokenLookup,
        standing: Standing,
    ) -> Result<Option<Owner>, VaultError> {
        let Some(id) = data.entity_id.as_deref().filter(|id| !id.is_empty()) else {
            return Ok(Some(Owner::None));
        };
        if !matches!(standing, Standing::Ordinary | Standing::Root) {
            return Ok(Some(Owner::Unknown));
        }
        Ok(match questions::entity(self.session.client(), own, id).await? {
            Some(entity) if entity.disabled => None,
            Some(entity) => Some(Owner::Entity(entity)),
            None => self.is_accepted(own, token).await?.then_some(Owner::Unknown),
        })
    }

    fn standing(
        &self,
        own: &OwnToken,
        token: &Token,
        data: &TokenLookup,
    ) -> Result<Standing, VaultError> {
        let about_own = own.is(token);
        if !about_own && own.has_accessor(data.accessor.as_deref()) {
            // An empty token would bring this about. None gets here; if one did, it is no caller.
            return Err(VaultError::malformed("the own token, which was not asked about"));
        }
        let service = about_own || own.shares_entity(data.entity_id.as_deref());
        if service && self.asker == Asker::Service {
            return Ok(Standing::Own);
        }
        data.standing(self.session.client().namespace())
    }

    /// Whether Vault accepts a token of which a lookup does not tell enough. A deleted entity takes
    /// its tokens with it; one that was merged into another does not, and is not found by its old
    /// id. This is told of tokens of other namespaces too.
    async fn is_accepted(&self, own: &OwnToken, token: &Token) -> Result<bool, VaultError> {
        let any_path = ["sys/capabilities".to_owned()];
        let client = self.session.client();
        Ok(capabilities(client, own, token, &any_path).await?.is_some())
    }

    /// Vault fails on a token whose last use another request takes at that moment. It is gone then,
    /// which a lookup tells.
    async fn unless_used_up(&self, token: &Token, error: VaultError) -> Result<Spent, Unavailable> {
        if matches!(error.failure, Failure::Server | Failure::StorageConflict) {
            let own = self.session.token().await?;
            let data = lookup(self.session.client(), &own, token).await;
            if data.is_ok_and(|data| data.is_none_or(|data| data.is_used_up())) {
                return Ok(Spent::None);
            }
        }
        Err(error.into())
    }

    /// Vault answers alike when the service may not look up tokens at all, when the token is of
    /// another namespace, whose id stands behind its last dot, and when it was made up and only
    /// ends like one. Whether there is such a token shows in that Vault tells what it is granted,
    /// and whether the service may look up tokens in that it may its own.
    async fn foreign(
        &self,
        own: &OwnToken,
        token: &Token,
        error: VaultError,
    ) -> Result<Verdict, VaultError> {
        if !self.is_accepted(own, token).await? {
            return Ok(Verdict::Invalid);
        }
        let about_own = own.as_presented();
        let client = self.session.client();
        match lookup(client, own, &about_own).await {
            Ok(Some(_)) if token.expose().contains('.') => {
                Ok(Verdict::Live(Box::new(Facts::of_another_namespace())))
            }
            _ => Err(error),
        }
    }
}

/// The token's lookup; `None` if Vault has no such token.
async fn lookup(
    client: &Client,
    own: &OwnToken,
    token: &Token,
) -> Result<Option<TokenLookup>, VaultError> {
    none_on(Failure::Refused, token::lookup(client, &own.token, token).await)
}

/// What the token is granted on these paths, in their order; `None` if Vault has no such token.
async fn capabilities(
    client: &Client,
    own: &OwnToken,
    token: &Token,
    paths: &[String],
) -> Result<Option<Arc<[Capabilities]>>, VaultError> {
    let response = sys::capabilities(client, &own.token, token, paths).await;
    let response = none_on(Failure::Refused, response)?;
    response.map(|response| response.on_each(paths)).transpose()
}

/// The result, with `None` for this failure.
fn none_on<T>(expected: Failure, result: Result<T, VaultError>) -> Result<Option<T>, VaultError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.failure == expected => Ok(None),
        Err(error) => Err(error),
    }
}

impl Authority for VaultAuthority {
    fn lookup(&self, token: Token, priority: LookupPriority) -> Answer<'_, Verdict> {
        Box::pin(async move {
            let token = &token;
            let question = |own: Arc<OwnToken>| -> BoxFuture<'_, _> {
                Box::pin(async move { self.look_up(&own, token).await })
            };
            self.bounded(Call::Lookup(priority), self.repeatable(question)).await
        })
    }

    fn capabilities(&self, token: Token, paths: Vec<String>) -> Answer<'_, Granted> {
        Box::pin(async move {
            let (client, token, paths) = (self.session.client(), &token, &paths);
            let question = |own: Arc<OwnToken>| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let granted = capabilities(client, &own, token, paths).await?;
                    Ok(granted.map_or(Granted::Invalid, Granted::Capabilities))
                })
            };
            self.bounded(Call::Question, self.repeatable(question)).await
        })
    }

    fn spend(&self, token: Token) -> Answer<'_, Spent> {
        Box::pin(async move {
            let used = async {
                match token::consume_use(self.session.client(), &token).await {
                    Ok(spent) => Ok(spent),
                    Err(error) => self.unless_used_up(&token, error).await,
                }
            };
            self.bounded(Call::Question, used).await
        })
    }

    /// Looks up a token that nobody has, which takes the same way through Vault as any other.
    fn probe(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let own = self.session.token().await?;
            let nobodys = format!("s.{:032x}", rand::random::<u128>());
            let nobodys = Token::from(SecretString::from(nobodys));
            let client = self.session.client();
            lookup(client, &own, &nobodys).await.map(drop).map_err(Into::into)
        })
    }

    fn timeout(&self) -> Duration {
        self.session.client().timeout()
    }
}
