use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tokio::task::yield_now;

use super::{TIMEOUT, TestBackend, active, get_or_fetch};
use crate::token::{
    CacheStatus, Credential, LookupResult, TokenBackend, TokenCache, TokenLookup, Unavailable,
    UnavailableReason,
};

#[tokio::test]
async fn stale_grace_covers_every_unavailability() {
    static CAUSE: AtomicUsize = AtomicUsize::new(0);
    let result = || match CAUSE.load(SeqCst) {
        0 => Ok(active()),
        1 => Err(Unavailable::new(UnavailableReason::Overloaded, "too many")),
        2 => Err(Unavailable::new(UnavailableReason::Throttled, "too many")),
        3 => Err(Unavailable::new(UnavailableReason::NotReady, "not yet")),
        4 => Err(Unavailable::new(UnavailableReason::NoValidResponse, "unavailable")),
        _ => Ok(LookupResult::Invalid),
    };
    let (backend, _) = TestBackend::new(result, 100);
    let (ttl, stale_grace) = (Duration::from_millis(300), Duration::from_mins(1));
    let settings = super::settings(ttl, ttl, stale_grace);
    let cache = TokenCache::new(settings, Arc::clone(&backend) as Arc<dyn TokenBackend>);
    assert_eq!(get_or_fetch(&cache).await.expect("a result").status, CacheStatus::Miss);
    CAUSE.store(1, SeqCst);
    let credential = Credential::from_text("s.token").expect("well formed");
    while cache.get(cache.key(&credential), &credential, Instant::now()).is_some() {
        yield_now().await;
    }
    for cause in 1..=4 {
        CAUSE.store(cause, SeqCst);
        assert_eq!(
            get_or_fetch(&cache).await.expect("a result").status,
            CacheStatus::Stale,
            "{cause}"
        );
    }
    CAUSE.store(5, SeqCst);
    assert!(get_or_fetch(&cache).await.expect("a result").entry.is_none());
    CAUSE.store(4, SeqCst);
    tokio::time::sleep(ttl).await;
    assert!(get_or_fetch(&cache).await.is_err(), "no stale result after a rejection");
}

/// Returns a cache with stale tokens in front of a backend that no longer responds.
async fn stale_and_unresponsive(tokens: usize) -> (Arc<TestBackend>, Arc<TokenCache>, Vec<String>) {
    let (backend, _) = TestBackend::new(|| Ok(active()), tokens);
    let (ttl, stale_grace) = (Duration::from_millis(100), Duration::from_mins(1));
    let settings = super::settings(ttl, ttl, stale_grace);
    let cache = Arc::new(TokenCache::new(settings, Arc::clone(&backend) as Arc<dyn TokenBackend>));
    let tokens: Vec<_> = (0..tokens).map(|number| format!("s.{number}")).collect();
    for token in &tokens {
        assert_eq!(lookup_token(&cache, token).await.expect("a result").status, CacheStatus::Miss);
    }
    tokio::time::sleep(ttl).await;
    (backend, cache, tokens)
}

async fn lookup_token(cache: &TokenCache, token: &str) -> Result<TokenLookup, Unavailable> {
    let credential = Credential::from_text(token).expect("well formed");
    cache.get_or_fetch(cache.key(&credential), credential.token().expect("a token")).await
}

#[tokio::test]
async fn stale_is_immediate_after_one_timeout() {
    let (backend, cache, tokens) = stale_and_unresponsive(20).await;
    let start = Instant::now();
    assert_eq!(lookup_token(&cache, &tokens[0]).await.expect("grace").status, CacheStatus::Stale);
    assert!(start.elapsed() >= TIMEOUT, "the first waits");
    let (opened, lookups) = (Instant::now(), backend.lookups());
    for token in &tokens {
        assert_eq!(lookup_token(&cache, token).await.expect("grace").status, CacheStatus::Stale);
    }
    assert!(opened.elapsed() < TIMEOUT / 2, "the others do not wait");
    assert_eq!(backend.lookups(), lookups, "Vault is not called for them");
    backend.permits.add_permits(1000);
    while lookup_token(&cache, &tokens[1]).await.expect("a result").status != CacheStatus::Miss {
        yield_now().await;
    }
}

#[tokio::test]
async fn breaker_closes_without_requests() {
    let (backend, cache, tokens) = stale_and_unresponsive(1).await;
    assert_eq!(lookup_token(&cache, &tokens[0]).await.expect("grace").status, CacheStatus::Stale);
    assert!(cache.inner.breaker.is_open());
    backend.permits.add_permits(1000);
    while cache.inner.breaker.is_open() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(lookup_token(&cache, &tokens[0]).await.expect("a result").status, CacheStatus::Miss);
}

#[tokio::test]
async fn waiting_callers_get_stale_when_breaker_opens() {
    let (_, cache, tokens) = stale_and_unresponsive(2).await;
    let start = Instant::now();
    let (early, late) = tokio::join!(lookup_token(&cache, &tokens[0]), async {
        tokio::time::sleep(TIMEOUT / 2).await;
        lookup_token(&cache, &tokens[1]).await
    });
    for lookup in [early, late] {
        assert_eq!(lookup.expect("grace").status, CacheStatus::Stale);
    }
    assert!(start.elapsed() < TIMEOUT + TIMEOUT / 4, "{:?}", start.elapsed());
}
