//! A caller that waits for Vault: alone or with others, no longer than its own time, and not at all
//! where Vault is known not to answer and a stale entry may serve.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};
use tracing::Instrument;

use crate::{
    capabilities::Capabilities,
    token::{
        CacheStatus, Cause, Token, TokenKey, Unavailable,
        cache::{
            Entry, Known, KnownGrants,
            flights::Flight,
            granted::Age,
            shared::{Outcome, Shared},
        },
    },
};

/// The pause between two probes of a Vault that does not answer.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

impl Shared {
    /// What is known of this token, by a lookup that is shared with all who ask meanwhile.
    pub(super) async fn ask(
        self: &Arc<Self>,
        key: TokenKey,
        token: Token,
    ) -> Result<Known, Unavailable> {
        let stale = || {
            self.usable(key).map(|entry| Known { entry: Some(entry), status: CacheStatus::Stale })
        };
        let looked_up = async {
            let known = |entry| Ok(Known { entry, status: CacheStatus::Miss });
            match self.look_up_with_others(key, token).await {
                Outcome::Live(entry) => known(Some(entry)),
                Outcome::Refused => known(None),
                Outcome::Unavailable(unavailable) => Err(unavailable),
            }
        };
        self.answer_or_stale(looked_up, stale).await
    }

    /// The answer of Vault, or what is remembered if Vault gives none: at once while the breaker is
    /// open.
    async fn answer_or_stale<T>(
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
            answer = self.in_time(answer) => answer.or_else(|error| stale().ok_or(error)),
            stale = opened => Ok(stale),
        }
    }

    /// A lookup that began before this caller came may have failed for want of time that this
    /// caller still has, or rest on an answer from before an eviction.
    async fn look_up_with_others(self: &Arc<Self>, key: TokenKey, token: Token) -> Outcome {
        let (arrived, generation) = (Instant::now(), self.generation());
        let join = || {
            let (shared, token) = (Arc::clone(self), token.clone());
            in_flight(async move {
                let lookup = shared.look_up_unless_known(key, token, generation);
                shared.lookups.join(key, lookup).await
            })
        };
        let is_outdated = |flight: &Flight<Outcome>| match &flight.answer {
            Outcome::Live(entry) => entry.generation < generation,
            Outcome::Unavailable(_) => flight.asked < arrived,
            Outcome::Refused => false,
        };
        let outcome = join_until_current(join, is_outdated).await;
        outcome.unwrap_or_else(|| Outcome::Unavailable(broken()))
    }

    /// Asks for a token that is still fresh. If Vault gives no word, that stays so until its time.
    pub(super) async fn recheck(self: Arc<Self>, key: TokenKey, token: Token) {
        // The outcome is in the cache.
        let _ = self
            .in_time(async {
                self.look_up(key, token).await;
                Ok(())
            })
            .await;
    }

    /// Closes the breaker as soon as Vault answers again, whether or not anybody asks.
    fn watch_for_an_answer(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            while shared.breaker.is_open() {
                sleep(PROBE_INTERVAL).await;
                let probe = timeout(shared.authority.timeout(), shared.authority.probe());
                if probe.await.is_ok_and(|answer| answer.is_ok()) {
                    shared.breaker.record_answer();
                }
            }
        });
    }

    /// What is granted on these paths, by a question that is shared with all who ask the same
    /// meanwhile.
    pub(super) async fn ask_grants(
        self: &Arc<Self>,
        key: TokenKey,
        entry: Arc<Entry>,
        token: Token,
        paths: Vec<String>,
    ) -> Result<KnownGrants, Unavailable> {
        let arrived = Instant::now();
        let join = || {
            let (shared, entry) = (Arc::clone(self), Arc::clone(&entry));
            let (token, paths) = (token.clone(), paths.clone());
            in_flight(async move {
                let question = (entry.number, paths.clone());
                let answer = shared.ask_paths_unless_known(key, &entry, token, paths);
                shared.grants.join(question, answer).await
            })
        };
        let is_outdated =
            |flight: &Flight<Result<_, _>>| flight.answer.is_err() && flight.asked < arrived;
        let answer =
            async { join_until_current(join, is_outdated).await.unwrap_or_else(|| Err(broken())) };
        let answer = async {
            answer.await.map(|granted| KnownGrants { granted, status: CacheStatus::Miss })
        };
        let stale = || {
            let granted = self.grants_from_memory(&entry, &paths, Age::Stale)?;
            Some(KnownGrants { granted: Some(granted), status: CacheStatus::Stale })
        };
        self.answer_or_stale(answer, stale).await
    }

    /// Another caller may have had the answer since this one looked.
    async fn ask_paths_unless_known(
        &self,
        key: TokenKey,
        entry: &Entry,
        token: Token,
        paths: Vec<String>,
    ) -> Result<Option<Arc<[Capabilities]>>, Unavailable> {
        match self.grants_from_memory(entry, &paths, Age::Due) {
            Some(known) => Ok(Some(known)),
            None => self.ask_paths(key, entry, token, paths).await,
        }
    }

    /// What is remembered of all of these paths, each answer no older than `oldest`.
    fn grants_from_memory(
        &self,
        entry: &Entry,
        paths: &[String],
        oldest: Age,
    ) -> Option<Arc<[Capabilities]>> {
        let now = Instant::now();
        let recall = |path: &String| {
            let recalled = self.recall_grant(entry, path, now)?;
            (recalled.age <= oldest).then_some(recalled.capabilities)
        };
        paths.iter().map(recall).collect()
    }

    /// The answer, if it comes within the time that one caller waits.
    async fn in_time<T>(
        self: &Arc<Self>,
        answer: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let asked = Instant::now();
        timeout(self.authority.timeout(), answer).await.unwrap_or_else(|_| {
            if self.breaker.record_timeout(asked) {
                self.watch_for_an_answer();
            }
            Err(Unavailable::new(Cause::Vault, "vault: no answer within VALIDATOR_VAULT_TIMEOUT"))
        })
    }
}

/// Runs this in a task of its own, so that a client that hangs up does not take the answer from the
/// others who wait for it. `None` if the task broke.
pub(super) fn in_flight<T: Send + 'static>(
    question: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Option<T>> {
    // In a box: it is large, and would be moved about as a whole.
    let answer = tokio::spawn(Box::pin(question.in_current_span()));
    async move { answer.await.ok() }
}

pub(super) fn broken() -> Unavailable {
    Unavailable::new(Cause::Vault, "the question broke off")
}

/// The answer of a shared call. One that is outdated, because it began before this caller came, is
/// not taken: the call is made once more, or joined if somebody else makes it already. `None` if
/// its task broke.
async fn join_until_current<A: Clone, F>(
    join: impl Fn() -> F,
    is_outdated: impl Fn(&Flight<A>) -> bool,
) -> Option<A>
where
    F: Future<Output = Option<Arc<Flight<A>>>>,
{
    let first = join().await?;
    if !is_outdated(&first) {
        return Some(first.answer.clone());
    }
    join().await.map(|second| second.answer.clone())
}
