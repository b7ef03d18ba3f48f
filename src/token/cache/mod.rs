mod breaker;
mod entry;
mod flights;
mod granted;
mod questions;
mod recent;
mod shared;
#[cfg(test)]
mod tests;
mod waiting;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::Instrument;

pub use entry::{CacheStatus, Entry, Known, KnownGrants};

use crate::{
    capabilities::Capabilities,
    token::{
        Authority, Credential, Spent, Token, TokenKey, TokenKeys, Unavailable,
        cache::{
            granted::Age,
            shared::Shared,
            waiting::{broken, in_flight},
        },
    },
};

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
        if entry.is_due(now) && !self.shared.breaker.is_open() && entry.begin_recheck() {
            let recheck = Arc::clone(&self.shared).recheck(key, Token::from(credential));
            tokio::spawn(recheck.in_current_span());
        }
        Some(entry)
    }

    /// What is known of a credential that is not remembered as live: a refusal that is
    /// remembered, or what Vault says now. Concurrent callers with one credential share one
    /// question to Vault, and each of them waits for its own time.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault gave no word and no grace applies.
    pub async fn ask(&self, key: TokenKey, token: Token) -> Result<Known, Unavailable> {
        if self.shared.is_refused(key).await {
            return Ok(Known { entry: None, status: CacheStatus::Hit });
        }
        self.shared.ask(key, token).await
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
        self.ask(key, Token::from(credential)).await
    }

    /// Whether Vault accepted this token within the last 24 hours, as far as that is remembered.
    #[must_use]
    pub fn was_valid(&self, key: TokenKey) -> bool {
        self.shared.was_valid(key)
    }

    /// What Vault grants the token of this entry on this path, from memory. As [`Self::recall`],
    /// it is asked for again behind the caller's back. A stale answer serves only with an entry
    /// that is served stale, as `status` tells.
    #[must_use]
    pub fn recall_capabilities(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        (entry, status): (&Arc<Entry>, CacheStatus),
        path: &str,
    ) -> Option<Capabilities> {
        let recalled = self.shared.recall_grant(entry, path, Instant::now())?;
        match recalled.age {
            Age::Due => self.recheck_grant(key, credential, entry, path),
            Age::Stale if status != CacheStatus::Stale => return None,
            Age::Fresh | Age::Stale => {}
        }
        Some(recalled.capabilities)
    }

    fn recheck_grant(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        entry: &Arc<Entry>,
        path: &str,
    ) {
        if self.shared.breaker.is_open() {
            return;
        }
        let (shared, entry) = (Arc::clone(&self.shared), Arc::clone(entry));
        let (token, paths) = (Token::from(credential), vec![path.to_owned()]);
        // The answer is in the cache; if there is none, the present one stays until its time.
        let recheck = async move { drop(shared.ask_paths(key, &entry, token, paths).await) };
        tokio::spawn(recheck.in_current_span());
    }

    /// The same on these paths, in their order, from Vault. Remembered as long as a token is.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault gave no word and no grace applies.
    pub async fn ask_capabilities(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        entry: &Arc<Entry>,
        paths: Vec<String>,
    ) -> Result<KnownGrants, Unavailable> {
        self.shared.ask_grants(key, Arc::clone(entry), Token::from(credential), paths).await
    }

    /// Counts a use of a token that has a limited number of them.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault gave no word; whether it counted the use is then not known.
    pub async fn spend(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
    ) -> Result<Spent, Unavailable> {
        let (shared, token) = (Arc::clone(&self.shared), Token::from(credential));
        in_flight(async move { shared.spend(key, token).await })
            .await
            .unwrap_or_else(|| Err(broken()))
    }

    /// Forgets the tokens whose facts match, and says how many those were.
    pub fn evict(&self, matches: impl Fn(&Entry) -> bool) -> usize {
        self.shared.evict(matches)
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.shared.clear();
    }

    /// Removes what can serve no more from memory.
    pub async fn remove_expired(&self) {
        self.shared.remove_expired().await;
    }

    /// How many live and how many refused tokens are held.
    pub async fn sizes(&self) -> (u64, u64) {
        self.shared.sizes().await
    }
}
