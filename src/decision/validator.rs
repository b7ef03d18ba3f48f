use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::time::{Instant, interval, timeout_at};
use tracing::Instrument;

use crate::{
    capabilities::Capabilities,
    decision::{
        Asked, Decision, Failures, Refusal, RootTokens,
        acl::AclQuestion,
        failures::{Attempt, LimitReached},
    },
    forwarded::{Forwarded, ForwardedError},
    requirement::Requirement,
    token::{
        CacheStatus, Cause, Credential, Entry, FactsCache, Identity, Known, KnownGrants, Spent,
        Standing, Token, TokenKey, Unavailable, Usage,
    },
};

/// How often what has expired is removed from memory.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

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
    /// Where the entry came from.
    pub(super) status: CacheStatus,
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
        let key = self.cache.key(credential);
        let entry = self.cache.recall(key, credential)?;
        self.admit(&entry, &asked.forwarded).ok()?;
        let met = self.meet_from_memory(key, credential, (&entry, CacheStatus::Hit), asked).ok()?;
        matches!(met, FromMemory::Met).then_some(entry)
    }

    /// Removes what has expired from memory at intervals, for ever.
    pub async fn sweep(&self) {
        let mut sweeps = interval(SWEEP_INTERVAL);
        loop {
            sweeps.tick().await;
            self.cache.remove_expired().await;
            self.failures.remove_expired().await;
        }
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
            Err(error) => return refused(Refusal::Credential(*error)),
        };
        let key = self.cache.key(credential);
        let known = match self.known(key, credential, &asked.forwarded, deadline).await {
            Ok(known) => known,
            Err(refusal) => return refused(refusal),
        };
        let Some(entry) = known.entry else {
            return Decision { outcome: Err(Refusal::TokenInvalid), cache: Some(known.status) };
        };
        let caller = Caller { credential, key, entry, status: known.status, deadline };
        match self.judge(caller, asked, counting).await {
            Ok((entry, status)) => Decision { outcome: Ok(entry), cache: Some(status) },
            Err(refusal) => Decision { outcome: Err(refusal), cache: Some(known.status) },
        }
    }

    /// What is known of the token. One that is remembered as live, or was valid lately, is never
    /// held up by what others at its address do.
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
        let attempt = self.attempt(key, forwarded);
        let attempt =
            timeout_at(deadline, attempt).await.unwrap_or_else(|_| Err(too_slow().into()))?;
        by(deadline, self.ask(key, credential, attempt)).await
    }

    /// Asks for this token in a task of its own, so that the attempt counts also if the client
    /// hangs up.
    async fn ask(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        attempt: Attempt,
    ) -> Result<Known, Unavailable> {
        let (cache, token) = (Arc::clone(&self.cache), Token::from(credential));
        let asked = async move {
            let known = cache.ask(key, token).await?;
            if known.entry.is_none() {
                attempt.fail(key);
            }
            Ok(known)
        };
        let asked = tokio::spawn(Box::pin(asked.in_current_span())).await;
        asked.unwrap_or_else(|_| Err(Unavailable::new(Cause::Vault, "the question broke off")))
    }

    async fn attempt(&self, key: TokenKey, forwarded: &Forwarded<'_>) -> Result<Attempt, Refusal> {
        if self.cache.was_valid(key) {
            return Ok(Attempt::unlimited());
        }
        let attempt = self.failures.attempt(limited_address(forwarded)).await;
        attempt.map_err(|LimitReached| Refusal::TooManyFailures)
    }

    /// The caller if it may come in, and where the answers came from that this rests on.
    async fn judge(
        &self,
        caller: Caller<'_>,
        asked: &Asked<'_>,
        counting: Counting,
    ) -> Result<(Arc<Entry>, CacheStatus), Refusal> {
        self.admit(&caller.entry, &asked.forwarded)?;
        let met = self.meet_all(&caller, asked).await;
        if (caller.entry.usage, counting) == (Usage::Counted, Counting::Here) {
            self.spend(&caller, met.as_ref().err()).await?;
        }
        met.map(|status| (caller.entry, status))
    }

    /// Counts the use that this request is, whether or not it comes in: Vault itself counts a
    /// request that it then denies. After the requirements, since with its last use a token ends,
    /// and nothing more could be asked about it.
    async fn spend(&self, caller: &Caller<'_>, refusal: Option<&Refusal>) -> Result<(), Refusal> {
        if matches!(refusal, Some(Refusal::TokenInvalid | Refusal::Unavailable(_))) {
            return Ok(());
        }
        match by(caller.deadline, self.cache.spend(caller.key, caller.credential)).await? {
            Spent::One => Ok(()),
            Spent::None => Err(Refusal::TokenInvalid),
        }
    }

    /// Where the answers came from by which every requirement is met. Those are judged first that
    /// the facts alone decide.
    pub(super) async fn meet_all(
        &self,
        caller: &Caller<'_>,
        asked: &Asked<'_>,
    ) -> Result<CacheStatus, Refusal> {
        let Caller { credential, key, entry, status, .. } = caller;
        let met = self.meet_from_memory(*key, credential, (entry, *status), asked)?;
        let FromMemory::Unknown(question) = met else { return Ok(*status) };
        let (granted, answered) = self.ask_granted(caller, &question).await?;
        let met = question.is_met_by(&granted);
        if met { Ok(answered.max(*status)) } else { Err(Refusal::AclDenied) }
    }

    /// Whether every requirement is met, as far as it can be told without asking Vault.
    fn meet_from_memory<'a>(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        entry: (&Arc<Entry>, CacheStatus),
        asked: &Asked<'a>,
    ) -> Result<FromMemory<'a>, Refusal> {
        let identity = &entry.0.identity;
        asked.requirements.iter().try_for_each(|requirement| meet(requirement, identity))?;
        let Some(question) = AclQuestion::new(asked.requirements.iter(), &asked.forwarded)? else {
            return Ok(FromMemory::Met);
        };
        let recall = |path: &str| self.cache.recall_capabilities(key, credential, entry, path);
        match question.is_met_from_memory(recall) {
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
    ) -> Result<(Arc<[Capabilities]>, CacheStatus), Refusal> {
        let Caller { credential, key, entry, deadline, .. } = caller;
        let paths = question.paths.iter().map(ToString::to_string).collect();
        let answer = self.cache.ask_capabilities(*key, credential, entry, paths);
        let KnownGrants { granted, status } = by(*deadline, answer).await?;
        Ok((granted.ok_or(Refusal::TokenInvalid)?, status))
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
    let in_time = timeout_at(deadline, answer).await;
    in_time.unwrap_or_else(|_| Err(too_slow())).map_err(Refusal::Unavailable)
}

fn too_slow() -> Unavailable {
    Unavailable::new(Cause::Vault, "vault: the answers took too long")
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
