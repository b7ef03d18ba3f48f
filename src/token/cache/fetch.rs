//! Waiting for Vault: callers share calls, each waits for its own timeout at most, and none waits
//! while the circuit breaker is open and a stale entry may be served.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::trace::FutureExt as _;
use tokio::time::{sleep, timeout};

use crate::{
    capabilities::Capabilities,
    token::{
        CacheStatus, CallerToken, TokenKey, Unavailable, UnavailableReason,
        cache::{
            CapabilityLookup, TokenEntry, TokenLookup, capabilities::Freshness, inner::CacheInner,
            lookup::LookupOutcome, single_flight::FlightResult,
        },
    },
};

/// The pause between two probes of an unavailable Vault.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

impl CacheInner {
    /// Looks a token up at Vault. Concurrent callers share one lookup.
    pub(super) async fn lookup_or_stale(
        self: &Arc<Self>,
        key: TokenKey,
        token: CallerToken,
    ) -> Result<TokenLookup, Unavailable> {
        let stale = || {
            self.stale_fallback(key)
                .map(|entry| TokenLookup { entry: Some(entry), status: CacheStatus::Stale })
        };
        let looked_up = async {
            let known = |entry| Ok(TokenLookup { entry, status: CacheStatus::Miss });
            match self.shared_lookup(key, token).await {
                LookupOutcome::Valid(entry) => known(Some(entry)),
                LookupOutcome::Rejected => known(None),
                LookupOutcome::Unavailable(unavailable) => Err(unavailable),
            }
        };
        self.response_or_stale(looked_up, stale).await
    }

    /// Returns Vault's response, or the stale result if Vault is unavailable: immediately while the
    /// breaker is open.
    async fn response_or_stale<T>(
        self: &Arc<Self>,
        answer: impl Future<Output = Result<T, Unavailable>>,
        stale: impl Fn() -> Option<T>,
    ) -> Result<T, Unavailable> {
        if self.breaker.is_open()
            && let Some(stale) = stale()
        {
            return Ok(stale);
        }
        let opened = async {
            self.breaker.opened().await;
            match stale() {
                Some(stale) => stale,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = self.with_timeout(answer) => answer.or_else(|error| stale().ok_or(error)),
            stale = opened => Ok(stale),
        }
    }

    /// Joins the lookup in flight or makes one. A lookup that began before this call is not taken
    /// if it failed, since this caller has time left, or if an eviction happened since.
    async fn shared_lookup(self: &Arc<Self>, key: TokenKey, token: CallerToken) -> LookupOutcome {
        let (arrived_at, generation) = (Instant::now(), self.generation());
        let run = || {
            let (inner, token) = (Arc::clone(self), token.clone());
            spawn_detached(async move {
                let lookup = inner.lookup_if_absent(key, token);
                inner.lookups.run(key, lookup).await
            })
        };
        let is_outdated = |flight: &FlightResult<LookupOutcome>| match &flight.value {
            LookupOutcome::Valid(entry) => entry.generation < generation && !self.is_current(entry),
            LookupOutcome::Unavailable(_) => flight.started_at < arrived_at,
            LookupOutcome::Rejected => false,
        };
        let outcome = run_until_current(run, is_outdated).await;
        outcome.unwrap_or_else(|| LookupOutcome::Unavailable(task_failed()))
    }

    /// Refreshes an entry. If Vault is unavailable, the entry stays until it goes stale.
    pub(super) async fn refresh(self: Arc<Self>, key: TokenKey, token: CallerToken) {
        // The result is in the cache.
        let _ = self
            .with_timeout(async {
                self.lookup(key, token).await;
                Ok(())
            })
            .await;
    }

    /// Probes Vault until it responds, and then closes the breaker, even without requests.
    fn probe_until_reachable(self: &Arc<Self>) {
        let cache = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                sleep(PROBE_INTERVAL).await;
                // Ends with the cache, which may be replaced by another one.
                let Some(inner) = cache.upgrade() else { return };
                if !inner.breaker.is_open() {
                    return;
                }
                let backend = inner.backend();
                let probe = timeout(backend.timeout(), backend.probe());
                if probe.await.is_ok_and(|answer| answer.is_ok()) {
                    inner.breaker.record_response();
                }
            }
        });
    }

    /// Fetches the token's capabilities on these paths. Concurrent callers with the same paths
    /// share one call.
    pub(super) async fn shared_capabilities(
        self: &Arc<Self>,
        key: TokenKey,
        entry: Arc<TokenEntry>,
        token: CallerToken,
        paths: Vec<String>,
    ) -> Result<CapabilityLookup, Unavailable> {
        let arrived_at = Instant::now();
        let run = || {
            let (inner, entry) = (Arc::clone(self), Arc::clone(&entry));
            let (token, paths) = (token.clone(), paths.clone());
            spawn_detached(async move {
                let call = (entry.id, paths.clone());
                let answer = inner.capabilities_if_absent(key, &entry, token, paths);
                inner.capability_lookups.run(call, answer).await
            })
        };
        let is_outdated = |flight: &FlightResult<Result<_, _>>| {
            flight.value.is_err() && flight.started_at < arrived_at
        };
        let answer = async {
            run_until_current(run, is_outdated).await.unwrap_or_else(|| Err(task_failed()))
        };
        let answer = async {
            answer
                .await
                .map(|capabilities| CapabilityLookup { capabilities, status: CacheStatus::Miss })
        };
        let stale = || {
            let capabilities = self.cached_capabilities(&entry, &paths, Freshness::Stale)?;
            Some(CapabilityLookup { capabilities: Some(capabilities), status: CacheStatus::Stale })
        };
        self.response_or_stale(answer, stale).await
    }

    /// Fetches capabilities unless another caller's call has cached them meanwhile.
    async fn capabilities_if_absent(
        &self,
        key: TokenKey,
        entry: &TokenEntry,
        token: CallerToken,
        paths: Vec<String>,
    ) -> Result<Option<Arc<[Capabilities]>>, Unavailable> {
        match self.cached_capabilities(entry, &paths, Freshness::Due) {
            Some(known) => Ok(Some(known)),
            None => self.fetch_capabilities(key, entry, token, paths).await,
        }
    }

    /// Returns the cached capabilities if all of these paths have them, none less fresh than
    /// `oldest`.
    fn cached_capabilities(
        &self,
        entry: &TokenEntry,
        paths: &[String],
        oldest: Freshness,
    ) -> Option<Arc<[Capabilities]>> {
        let now = Instant::now();
        let get = |path: &String| {
            let hit = self.cached_capability(entry, path, now)?;
            (hit.freshness <= oldest).then_some(hit.capabilities)
        };
        paths.iter().map(get).collect()
    }

    /// Waits for a response for at most the timeout of one caller.
    async fn with_timeout<T>(
        self: &Arc<Self>,
        answer: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let started_at = Instant::now();
        timeout(self.backend().timeout(), answer).await.unwrap_or_else(|_| {
            if self.breaker.record_timeout(started_at) {
                self.probe_until_reachable();
            }
            Err(Unavailable::new(
                UnavailableReason::NoValidResponse,
                "vault: no response within VALIDATOR_VAULT_TIMEOUT",
            ))
        })
    }
}

/// Runs a call in a task of its own, so that a client that disconnects does not cancel it for the
/// other callers. Returns `None` if the task panicked.
pub(super) fn spawn_detached<T: Send + 'static>(
    call: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Option<T>> {
    // Boxed, since the future is large and would be copied.
    let answer = tokio::spawn(Box::pin(call.with_current_context()));
    async move { answer.await.ok() }
}

pub(super) fn task_failed() -> Unavailable {
    Unavailable::new(UnavailableReason::NoValidResponse, "the lookup task failed")
}

/// Returns the result of a shared call. An outdated result, of a call that began too early, is
/// discarded, and the call is made or joined once more. Returns `None` if the task panicked.
async fn run_until_current<A: Clone, F>(
    run: impl Fn() -> F,
    is_outdated: impl Fn(&FlightResult<A>) -> bool,
) -> Option<A>
where
    F: Future<Output = Option<Arc<FlightResult<A>>>>,
{
    let first = run().await?;
    if !is_outdated(&first) {
        return Some(first.value.clone());
    }
    run().await.map(|second| second.value.clone())
}
