mod feed;
mod lookups;
mod settings;
mod stale;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::yield_now};

use super::{CacheSettings, CacheStatus, TokenCache, TokenLookup};
use crate::token::{
    BackendFuture, CallerToken, CapabilitiesResult, Change, Credential, Invalidation,
    LookupConsistency, LookupMode, LookupResult, LookupSource, ResponseNode, TokenBackend,
    TokenExpiry, TokenInfo, TokenKind, TokenType, TokenUsage, Unavailable, UseOutcome,
};

/// The time for which a caller waits for the backend.
const TIMEOUT: Duration = Duration::from_millis(500);

/// A backend that returns one result to every lookup for which there is a permit.
struct TestBackend {
    lookups: AtomicUsize,
    permits: Semaphore,
    result: fn() -> Result<LookupResult, Unavailable>,
}

impl TokenBackend for TestBackend {
    fn lookup(&self, _: CallerToken, _: LookupMode) -> BackendFuture<'_, LookupResult> {
        Box::pin(async {
            self.lookups.fetch_add(1, SeqCst);
            self.permits.acquire().await.expect("not closed").forget();
            (self.result)()
        })
    }

    fn capabilities(
        &self,
        _: CallerToken,
        _: Vec<String>,
        _: LookupConsistency,
    ) -> BackendFuture<'_, CapabilitiesResult> {
        unreachable!("no test fetches capabilities")
    }

    fn consume_use(&self, _: CallerToken) -> BackendFuture<'_, UseOutcome> {
        unreachable!("no test consumes a use")
    }

    fn renew(&self, _: CallerToken) -> BackendFuture<'_, ()> {
        unreachable!("no test renews a session")
    }

    fn probe(&self) -> BackendFuture<'_, ()> {
        Box::pin(async {
            self.permits.acquire().await.expect("not closed").forget();
            Ok(())
        })
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }
}

impl TestBackend {
    /// Returns a backend with this many permits, and a cache in front of it.
    fn new(
        result: fn() -> Result<LookupResult, Unavailable>,
        permits: usize,
    ) -> (Arc<Self>, Arc<TokenCache>) {
        let (lookups, permits) = (AtomicUsize::new(0), Semaphore::new(permits));
        let backend = Arc::new(Self { lookups, permits, result });
        let minute = Duration::from_mins(1);
        let settings = settings(minute, minute, minute);
        let cache = TokenCache::new(settings, Arc::clone(&backend) as Arc<dyn TokenBackend>);
        (backend, Arc::new(cache))
    }

    fn lookups(&self) -> usize {
        self.lookups.load(SeqCst)
    }

    async fn wait_for_lookups(&self, times: usize) {
        while self.lookups() < times {
            yield_now().await;
        }
    }
}

/// The invalidation of the token with this accessor.
fn accessor(accessor: &str) -> Invalidation {
    Invalidation::from_iter([Change::Accessor(accessor.to_owned())])
}

fn settings(ttl: Duration, negative_ttl: Duration, stale_grace: Duration) -> CacheSettings {
    CacheSettings { ttl, ttl_with_feed: ttl, negative_ttl, stale_grace, capacity: 100 }
}

fn active_with(usage: TokenUsage, ttl: Duration) -> LookupResult {
    LookupResult::Active(Box::new(info_with(usage, ttl)))
}

/// Information from the active node about a token of its own, without an entity.
fn info_with(usage: TokenUsage, ttl: Duration) -> TokenInfo {
    let expiry = TokenExpiry::At {
        timestamp: "2999-01-01T00:00:00Z".parse().expect("a time"),
        deadline: Instant::now() + ttl,
    };
    TokenInfo {
        accessor: "accessor".into(),
        token_type: TokenType::Service,
        kind: TokenKind::Caller,
        entity_id: None,
        subject: None,
        tenant: None,
        policies: Vec::new(),
        expiry,
        renewable_lifetime: None,
        usage,
        bound_cidrs: Vec::new(),
        has_parent: false,
        entity_name: None,
        source: LookupSource { request_id: Some("request".into()), node: ResponseNode::Active },
    }
}

fn active() -> LookupResult {
    active_with(TokenUsage::Unlimited, Duration::from_hours(1))
}

async fn get_or_fetch(cache: &TokenCache) -> Result<TokenLookup, Unavailable> {
    let credential = Credential::from_text("s.token").expect("well formed");
    let key = cache.key(&credential);
    match cache.get(key, &credential, Instant::now()) {
        Some(entry) => Ok(TokenLookup { entry: Some(entry), status: CacheStatus::Hit }),
        None => cache.get_or_fetch(key, credential.token().expect("a token")).await,
    }
}

fn spawn_lookup(
    cache: &Arc<TokenCache>,
) -> tokio::task::JoinHandle<Result<TokenLookup, Unavailable>> {
    let cache = Arc::clone(cache);
    tokio::spawn(async move { get_or_fetch(&cache).await })
}
