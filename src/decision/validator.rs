use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use crate::{
    decision::{Asked, Decision, Failures, Refusal, RootTokens, acl::AclQuestion},
    forwarded::{Forwarded, ForwardedError},
    requirement::Requirement,
    token::{
        CacheStatus, Capabilities, Cause, Credential, CredentialError, Entry, FactsCache, Identity,
        Known, Spent, Standing, TokenKey, Unavailable, Usage,
    },
};

/// Takes decisions. The order is the cheapest first, and nothing is told about a route to somebody
/// whose token is not known to be good.
pub struct Validator {
    /// The facts that decisions are made from.
    pub cache: Arc<FactsCache>,
    /// Whether root tokens may come in.
    pub root_tokens: RootTokens,
    /// What is held against client addresses.
    pub failures: Failures,
    /// The longest that a decision may take; a proxy would not wait much longer.
    pub patience: Duration,
}

/// By whom the use is counted that a request makes of a token with a limited number of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counting {
    /// By the validator, which has Vault count it.
    Here,
    /// By Vault, when the request goes on to it.
    ByVault,
}

/// Somebody whose token Vault knows.
pub(super) struct Caller<'c> {
    pub(super) credential: &'c Credential<'c>,
    pub(super) key: TokenKey,
    pub(super) entry: Arc<Entry>,
    /// When whoever waits for the decision gives up.
    pub(super) deadline: Instant,
}

/// What memory knows of requirements that the facts do not speak against.
enum FromMemory<'r> {
    Met,
    /// Vault has to be asked this.
    Unknown(AclQuestion<'r>),
}

impl Validator {
    /// The caller, if it may come in by what is remembered. `None` says nothing: then
    /// [`Validator::decide`] does.
    #[must_use]
    pub fn grant_from_memory(&self, asked: &Asked<'_>) -> Option<Arc<Entry>> {
        let credential = asked.credential.as_ref().ok()?;
        let entry = self.cache.recall(self.cache.key(credential), credential)?;
        self.admit(&entry, &asked.forwarded).ok()?;
        let met = self.meet_from_memory(&entry, asked).ok()?;
        matches!(met, FromMemory::Met).then_some(entry)
    }

    /// Whether the bearer of this credential may come in where these requirements stand.
    pub async fn decide(&self, asked: &Asked<'_>) -> Decision {
        self.decide_with(asked, Counting::Here).await
    }

    /// The same for a request that goes on to Vault with the caller's own token: Vault itself
    /// counts the uses of it.
    pub async fn recognise(&self, asked: &Asked<'_>) -> Decision {
        self.decide_with(asked, Counting::ByVault).await
    }

    /// What it means that Vault does not take a token which was let in: it has ended since, or
    /// may be used from other addresses than this service's, by which Vault judges it.
    pub async fn reconsider(&self, asked: &Asked<'_>) -> Refusal {
        let credential = match &asked.credential {
            Ok(credential) => credential,
            Err(error) => return Refusal::Credential(*error),
        };
        let known = self.cache.ask_anew(self.cache.key(credential), credential);
        match by(Instant::now() + self.patience, known).await {
            Ok(Known { entry: None, .. }) => Refusal::TokenInvalid,
            Ok(Known { entry: Some(entry), .. }) if !entry.bound_cidrs.is_empty() => {
                Refusal::AddressNotAllowed
            }
            Ok(_) => Refusal::AclDenied,
            Err(refusal) => refusal,
        }
    }

    async fn decide_with(&self, asked: &Asked<'_>, counting: Counting) -> Decision {
        let deadline = Instant::now() + self.patience;
        let refused = |refusal| Decision { outcome: Err(refusal), cache: None };
        let credential = match &asked.credential {
            Ok(credential) => credential,
            Err(error) => {
                let refusal = self.without_credential(*error, &asked.forwarded).await;
                return refused(refusal);
            }
        };
        let key = self.cache.key(credential);
        let known = match self.known(key, credential, &asked.forwarded, deadline).await {
            Ok(known) => known,
            Err(refusal) => return refused(refusal),
        };
        let outcome = match known.entry {
            Some(entry) => {
                self.judge(Caller { credential, key, entry, deadline }, asked, counting).await
            }
            None => Err(Refusal::TokenInvalid),
        };
        if matches!(outcome, Err(Refusal::TokenInvalid)) {
            self.failures.add(limited_address(&asked.forwarded)).await;
        }
        Decision { outcome, cache: Some(known.status) }
    }

    async fn without_credential(
        &self,
        error: CredentialError,
        forwarded: &Forwarded<'_>,
    ) -> Refusal {
        if error == CredentialError::Malformed {
            let client = limited_address(forwarded);
            if self.failures.are_too_many(client).await {
                return Refusal::TooManyFailures;
            }
            self.failures.add(client).await;
        }
        Refusal::Credential(error)
    }

    /// What is known of the token. One that is remembered as live is never held up by what others
    /// at its address do.
    async fn known(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        forwarded: &Forwarded<'_>,
        deadline: Instant,
    ) -> Result<Known, Refusal> {
        if let Some(entry) = self.cache.recall(key, credential) {
            return Ok(Known { entry: Some(entry), status: CacheStatus::Hit });
        }
        if self.failures.are_too_many(limited_address(forwarded)).await {
            return Err(Refusal::TooManyFailures);
        }
        by(deadline, self.cache.ask(key, credential)).await
    }

    async fn judge(
        &self,
        caller: Caller<'_>,
        asked: &Asked<'_>,
        counting: Counting,
    ) -> Result<Arc<Entry>, Refusal> {
        self.admit(&caller.entry, &asked.forwarded)?;
        let met = self.meet_all(&caller, asked).await;
        if (caller.entry.usage, counting) == (Usage::Counted, Counting::Here) {
            self.spend(&caller, &met).await?;
        }
        met.map(|()| caller.entry)
    }

    /// Counts the use that this request is, whether or not it comes in: Vault itself counts a
    /// request that it then denies. After the requirements, since with its last use a token ends,
    /// and nothing more could be asked about it.
    async fn spend(&self, caller: &Caller<'_>, met: &Result<(), Refusal>) -> Result<(), Refusal> {
        if matches!(met, Err(Refusal::TokenInvalid | Refusal::Unavailable(_))) {
            return Ok(());
        }
        match by(caller.deadline, self.cache.spend(caller.credential)).await? {
            Spent::One => Ok(()),
            Spent::None => Err(Refusal::TokenInvalid),
        }
    }

    /// Whether every requirement is met, those first that the facts alone decide.
    pub(super) async fn meet_all(
        &self,
        caller: &Caller<'_>,
        asked: &Asked<'_>,
    ) -> Result<(), Refusal> {
        let FromMemory::Unknown(question) = self.meet_from_memory(&caller.entry, asked)? else {
            return Ok(());
        };
        let granted = self.ask_granted(caller, &question).await?;
        if question.is_met_by(&granted) { Ok(()) } else { Err(Refusal::AclDenied) }
    }

    /// Whether every requirement is met, as far as it can be told without asking Vault.
    fn meet_from_memory<'a>(
        &self,
        entry: &Entry,
        asked: &Asked<'a>,
    ) -> Result<FromMemory<'a>, Refusal> {
        asked.requirements.iter().try_for_each(|requirement| meet(requirement, &entry.identity))?;
        let Some(question) = AclQuestion::new(asked.requirements.iter(), &asked.forwarded)? else {
            return Ok(FromMemory::Met);
        };
        match question.is_met_from_memory(|path| self.cache.recall_capabilities(entry, path)) {
            Some(true) => Ok(FromMemory::Met),
            Some(false) => Err(Refusal::AclDenied),
            None => Ok(FromMemory::Unknown(question)),
        }
    }

    /// Whether this is a token that may come in anywhere, from where it comes.
    pub(super) fn admit(&self, entry: &Entry, forwarded: &Forwarded<'_>) -> Result<(), Refusal> {
        match entry.standing {
            Standing::Ordinary => {}
            Standing::Root if self.root_tokens == RootTokens::Allowed => {}
            standing => return Err(Refusal::TokenNotAllowed(standing)),
        }
        if entry.bound_cidrs.is_empty() {
            return Ok(());
        }
        if entry.usage == Usage::Counted {
            return Err(Refusal::TokenUncountable);
        }
        let client = forwarded.client()?;
        let within = entry.bound_cidrs.iter().any(|network| network.contains(&client));
        if within { Ok(()) } else { Err(Refusal::AddressNotAllowed) }
    }

    /// What Vault grants the caller on the paths of this question, from Vault.
    pub(super) async fn ask_granted(
        &self,
        caller: &Caller<'_>,
        question: &AclQuestion<'_>,
    ) -> Result<Arc<[Capabilities]>, Refusal> {
        let Caller { credential, key, entry, deadline } = caller;
        let paths = question.paths.iter().map(ToString::to_string).collect();
        let answer = self.cache.ask_capabilities(*key, credential, entry, paths);
        by(*deadline, answer).await?.ok_or(Refusal::TokenInvalid)
    }
}

/// The address that failures count against; `None` if the proxy tells of none at all, which is up to
/// its configuration and not to a client.
fn limited_address(forwarded: &Forwarded<'_>) -> Option<IpAddr> {
    match forwarded.client() {
        Err(ForwardedError::Missing(_)) => None,
        _ => Some(forwarded.client_for_limits()),
    }
}

/// An answer of Vault, if it comes in time for the decision.
async fn by<T>(
    deadline: Instant,
    answer: impl Future<Output = Result<T, Unavailable>>,
) -> Result<T, Refusal> {
    let in_time = timeout_at(deadline, answer).await.unwrap_or_else(|_| {
        Err(Unavailable::new(Cause::Vault, "vault: the answers took too long"))
    });
    in_time.map_err(Refusal::Unavailable)
}

/// Whether the facts alone meet this requirement; what only Vault can tell comes later.
pub(super) fn meet(requirement: &Requirement, identity: &Identity) -> Result<(), Refusal> {
    let (met, refusal) = match requirement {
        Requirement::AnyPolicy(names) => {
            (names.iter().any(|name| identity.has_policy(name)), Refusal::PolicyRequired)
        }
        Requirement::Tenant(name) => (identity.is_of_tenant(name), Refusal::TenantMismatch),
        Requirement::Acl(_) | Requirement::AclUri(_) => return Ok(()),
    };
    if met { Ok(()) } else { Err(refusal) }
}
