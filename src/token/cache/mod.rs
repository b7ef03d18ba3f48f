mod entry;
mod flights;
mod granted;
mod shared;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::interval;
use tracing::Instrument;

pub use entry::{CacheStatus, Entry, Known};

use crate::token::{
    Authority, Capabilities, Cause, Credential, Spent, Token, TokenKey, TokenKeys, Unavailable,
    cache::shared::Shared,
};

/// How often room is made of what can serve no more.
const SWEEP: Duration = Duration::from_secs(10);

/// How long what Vault said is relied on, and how much of it is held.
#[derive(Clone, Copy, Debug)]
pub struct CacheSettings {
    /// The longest that facts are fresh.
    pub ttl: Duration,
    /// How long a refusal is repeated without asking again.
    pub negative_ttl: Duration,
    /// How long after going stale facts may serve while Vault is out of reach. Zero: not at all.
    pub stale_grace: Duration,
    /// How many live tokens, refused tokens, and answers about paths are held at the most, each.
    pub capacity: u64,
}

/// Facts about tokens, asked for once and remembered no longer than Vault's word holds.
///
/// Decisions are never kept here: whoever reads an entry judges the request anew.
pub struct FactsCache {
    keys: TokenKeys,
    shared: Arc<Shared>,
}

impl FactsCache {
    /// An empty cache in front of this authority.
    #[must_use]
    pub fn new(settings: CacheSettings, authority: Arc<dyn Authority>) -> Self {
        let shared = Arc::new(Shared::new(settings, authority));
        Self { keys: TokenKeys::random(), shared }
    }

    /// What this credential goes by here.
    #[must_use]
    pub fn key(&self, credential: &Credential<'_>) -> TokenKey {
        self.keys.key(credential)
    }

    /// The facts of a live token from memory, while they are fresh. Towards the end of that time
    /// Vault is asked again behind the caller's back, so that a token in use never waits for it.
    pub fn recall(&self, key: TokenKey, credential: &Credential<'_>) -> Option<Arc<Entry>> {
        let now = Instant::now();
        let entry = self.shared.recall(key, now)?;
        if entry.is_due(now) {
            let recheck = Arc::clone(&self.shared).recheck(key, Token::from(credential));
            tokio::spawn(recheck.in_current_span());
        }
        Some(entry)
    }

    /// What is known of a credential that is not remembered as live: a refusal that is
    /// remembered, or what Vault says now. Concurrent callers with one credential share one
    /// question to Vault.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault gave no word and no grace applies.
    pub async fn ask(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
    ) -> Result<Known, Unavailable> {
        if self.shared.is_refused(key).await {
            return Ok(Known { entry: None, status: CacheStatus::Hit });
        }
        let flight = Arc::clone(&self.shared).ask(key, Token::from(credential));
        in_flight(flight).await
    }

    /// What Vault says now of a credential that it has just refused, whatever is remembered.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault gave no word.
    pub async fn ask_anew(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
    ) -> Result<Known, Unavailable> {
        self.shared.forget(key);
        self.ask(key, credential).await
    }

    /// What Vault grants the token of this entry on this path, from memory.
    #[must_use]
    pub fn recall_capabilities(&self, entry: &Entry, path: &str) -> Option<Capabilities> {
        self.shared.granted(entry, path)
    }

    /// The same on these paths, in their order, from Vault; `None` if Vault now refuses the token.
    /// Remembered as long as the entry is.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault gave no word.
    pub async fn ask_capabilities(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        entry: &Arc<Entry>,
        paths: Vec<String>,
    ) -> Result<Option<Arc<[Capabilities]>>, Unavailable> {
        let token = Token::from(credential);
        let shared = Arc::clone(&self.shared);
        in_flight(shared.ask_paths(key, Arc::clone(entry), token, paths)).await
    }

    /// Counts a use of a token that has a limited number of them.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault gave no word; whether it counted the use is then not known.
    pub async fn spend(&self, credential: &Credential<'_>) -> Result<Spent, Unavailable> {
        let shared = Arc::clone(&self.shared);
        let token = Token::from(credential);
        in_flight(async move { shared.spend(token).await }).await
    }

    /// Forgets the tokens whose facts match, and says how many those were.
    pub fn evict(&self, matches: impl Fn(&Entry) -> bool) -> usize {
        self.shared.evict(matches)
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.shared.clear();
    }

    /// Lets go of what can serve no more, now and then, for ever.
    pub async fn sweep(&self) {
        let mut time = interval(SWEEP);
        loop {
            time.tick().await;
            self.shared.drop_ended();
        }
    }

    /// How many live and how many refused tokens are held.
    pub async fn sizes(&self) -> (u64, u64) {
        self.shared.sizes().await
    }
}

/// Asks this in a task of its own, so that a client that hangs up does not take the answer from the
/// others who wait for it.
fn in_flight<T: Send + 'static>(
    question: impl Future<Output = Result<T, Unavailable>> + Send + 'static,
) -> impl Future<Output = Result<T, Unavailable>> {
    // In a box: it is large, and would be moved about as a whole.
    let answer = tokio::spawn(Box::pin(question.in_current_span()));
    let broken = || Err(Unavailable::new(Cause::Vault, "the question broke off"));
    async move { answer.await.unwrap_or_else(|_| broken()) }
}
