mod lookups;
mod stale;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::yield_now};

use super::{CacheSettings, CacheStatus, FactsCache, TokenLookup};
use crate::token::{
    Answer, Authority, Credential, Expiry, Facts, Granted, LookupPriority, Spent, Standing, Token,
    TokenType, Unavailable, Usage, Verdict,
};

/// The time for which a caller waits for the backend.
const TIMEOUT: Duration = Duration::from_millis(500);

/// A backend that returns one result to every lookup for which there is a permit.
struct TestBackend {
    lookups: AtomicUsize,
    permits: Semaphore,
    result: fn() -> Result<Verdict, Unavailable>,
}

impl Authority for TestBackend {
    fn lookup(&self, _: Token, _: LookupPriority) -> Answer<'_, Verdict> {
        Box::pin(async {
            self.lookups.fetch_add(1, SeqCst);
            self.permits.acquire().await.expect("not closed").forget();
            (self.result)()
        })
    }

    fn capabilities(&self, _: Token, _: Vec<String>) -> Answer<'_, Granted> {
        unreachable!("no test fetches capabilities")
    }

    fn spend(&self, _: Token) -> Answer<'_, Spent> {
        unreachable!("no test consumes a use")
    }

    fn probe(&self) -> Answer<'_, ()> {
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
        result: fn() -> Result<Verdict, Unavailable>,
        permits: usize,
    ) -> (Arc<Self>, Arc<FactsCache>) {
        let (lookups, permits) = (AtomicUsize::new(0), Semaphore::new(permits));
        let backend = Arc::new(Self { lookups, permits, result });
        let minute = Duration::from_mins(1);
        let settings =
            CacheSettings { ttl: minute, negative_ttl: minute, stale_grace: minute, capacity: 100 };
        let cache = FactsCache::new(settings, Arc::clone(&backend) as Arc<dyn Authority>);
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

fn active_with(usage: Usage, ttl: Duration) -> Verdict {
    let expiry = Expiry::At {
        timestamp: "2999-01-01T00:00:00Z".parse().expect("a time"),
        deadline: Instant::now() + ttl,
    };
    Verdict::Live(Box::new(Facts {
        accessor: "accessor".into(),
        token_type: TokenType::Service,
        standing: Standing::Ordinary,
        entity_id: None,
        subject: None,
        tenant: None,
        policies: Vec::new(),
        expiry,
        usage,
        bound_cidrs: Vec::new(),
    }))
}

fn active() -> Verdict {
    active_with(Usage::Unlimited, Duration::from_hours(1))
}

async fn get_or_fetch(cache: &FactsCache) -> Result<TokenLookup, Unavailable> {
    let credential = Credential::from_text("s.token").expect("well formed");
    let key = cache.key(&credential);
    match cache.get(key, &credential) {
        Some(entry) => Ok(TokenLookup { entry: Some(entry), status: CacheStatus::Hit }),
        None => cache.ask(key, Token::from(&credential)).await,
    }
}

fn spawn_lookup(
    cache: &Arc<FactsCache>,
) -> tokio::task::JoinHandle<Result<TokenLookup, Unavailable>> {
    let cache = Arc::clone(cache);
    tokio::spawn(async move { get_or_fetch(&cache).await })
}
