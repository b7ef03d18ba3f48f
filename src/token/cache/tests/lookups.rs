use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tokio::task::yield_now;

use super::{TIMEOUT, TestBackend, accessor, active, active_with, get_or_fetch, spawn_lookup};
use crate::token::{
    CacheStatus, Credential, LookupResult, TokenBackend, TokenCache, TokenUsage, Unavailable,
    UnavailableReason,
};

#[tokio::test]
async fn disconnect_does_not_cancel_shared_lookup() {
    let (backend, cache) = TestBackend::new(|| Ok(active()), 0);
    let first = spawn_lookup(&cache);
    backend.wait_for_lookups(1).await;
    let second = spawn_lookup(&cache);
    first.abort();
    assert!(first.await.is_err(), "not aborted");
    backend.permits.add_permits(1);
    let lookup = second.await.expect("not aborted").expect("a result");
    assert!(lookup.entry.is_some());
    assert_eq!(backend.lookups(), 1);
}

#[tokio::test]
async fn eviction_discards_in_flight_lookup() {
    let (backend, cache) = TestBackend::new(|| Ok(active()), 0);
    let first = spawn_lookup(&cache);
    backend.wait_for_lookups(1).await;
    assert_eq!(cache.invalidate(&accessor("accessor")), 0);
    backend.permits.add_permits(2);
    assert!(first.await.expect("not aborted").expect("a result").entry.is_some());
    assert_eq!(get_or_fetch(&cache).await.expect("a result").status, CacheStatus::Miss);
    assert_eq!(get_or_fetch(&cache).await.expect("a result").status, CacheStatus::Hit);
    assert_eq!(backend.lookups(), 2);
}

#[tokio::test]
async fn other_eviction_keeps_in_flight_lookup() {
    let (backend, cache) = TestBackend::new(|| Ok(active()), 0);
    let first = spawn_lookup(&cache);
    backend.wait_for_lookups(1).await;
    for _ in 0..1000 {
        assert_eq!(cache.invalidate(&accessor("another")), 0);
    }
    backend.permits.add_permits(1);
    assert!(first.await.expect("not aborted").expect("a result").entry.is_some());
    assert_eq!(get_or_fetch(&cache).await.expect("a result").status, CacheStatus::Hit);
    assert_eq!(backend.lookups(), 1);
}

#[tokio::test]
async fn flood_of_evictions_discards_in_flight_lookup() {
    let (backend, cache) = TestBackend::new(|| Ok(active()), 0);
    let first = spawn_lookup(&cache);
    backend.wait_for_lookups(1).await;
    cache.invalidate(&accessor("accessor"));
    for _ in 0..5000 {
        cache.invalidate(&accessor("another"));
    }
    backend.permits.add_permits(2);
    assert!(first.await.expect("not aborted").expect("a result").entry.is_some());
    assert_eq!(get_or_fetch(&cache).await.expect("a result").status, CacheStatus::Miss);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_rejections_share_one_lookup() {
    for _ in 0..200 {
        let (backend, cache) = TestBackend::new(|| Ok(LookupResult::Invalid), 1000);
        let clients: Vec<_> = (0..20).map(|_| spawn_lookup(&cache)).collect();
        for client in clients {
            let lookup = client.await.expect("not aborted").expect("a result");
            assert!(lookup.entry.is_none());
        }
        assert_eq!(backend.lookups(), 1);
    }
}

#[tokio::test]
async fn limited_use_or_ending_token_is_not_cached() {
    let counted = || Ok(active_with(TokenUsage::Limited, Duration::from_hours(1)));
    let ending = || Ok(active_with(TokenUsage::Unlimited, Duration::from_secs(1)));
    for result in [counted, ending] {
        let (backend, cache) = TestBackend::new(result, 2);
        for _ in 0..2 {
            let lookup = get_or_fetch(&cache).await.expect("a result");
            assert!(lookup.entry.is_some() && lookup.status == CacheStatus::Miss);
        }
        assert_eq!(backend.lookups(), 2);
    }
}

/// Looks one token up for a second in a cache with a time to live of 400 ms. Returns the number of
/// lookups at the backend, and the status of each result.
async fn statuses_in_use(
    result: fn() -> Result<LookupResult, Unavailable>,
) -> (usize, Vec<CacheStatus>) {
    let (backend, _) = TestBackend::new(result, 1000);
    let ttl = Duration::from_millis(400);
    let settings = super::settings(ttl, ttl, ttl);
    let cache = TokenCache::new(settings, Arc::clone(&backend) as Arc<dyn TokenBackend>);
    let start = Instant::now();
    let mut answers = Vec::new();
    while start.elapsed() < Duration::from_secs(1) {
        answers.push(get_or_fetch(&cache).await.expect("a result").status);
        yield_now().await;
    }
    (backend.lookups(), answers)
}

#[tokio::test(flavor = "multi_thread")]
async fn token_in_use_is_refreshed_in_background() {
    let (lookups, answers) = statuses_in_use(|| Ok(active())).await;
    let waited = answers.iter().filter(|status| **status != CacheStatus::Hit).count();
    assert_eq!(waited, 1, "of {}", answers.len());
    assert!((3..=5).contains(&lookups), "{lookups} lookups");
}

#[tokio::test(flavor = "multi_thread")]
async fn background_refresh_rejection_evicts() {
    static FIRST: AtomicUsize = AtomicUsize::new(0);
    let once = || match FIRST.fetch_add(1, SeqCst) {
        0 => Ok(active()),
        _ => Ok(LookupResult::Invalid),
    };
    let (_, cache) = TestBackend::new(once, 1000);
    let credential = Credential::from_text("s.token").expect("well formed");
    let key = cache.key(&credential);
    assert!(get_or_fetch(&cache).await.expect("a result").entry.is_some());
    let inner = Arc::clone(&cache.inner);
    inner.refresh(key, credential.token().expect("a token")).await;
    assert!(get_or_fetch(&cache).await.expect("a result").entry.is_none());
}

/// Returns a cache that cached a rejection of an active token during a refresh; the refresh, which
/// completes last, returned the token as active.
async fn rejected_during_refresh(negative_ttl: Duration) -> (TokenCache, Credential<'static>) {
    let (backend, _) = TestBackend::new(|| Ok(active()), 1);
    let ttl = Duration::from_mins(1);
    let settings = super::settings(ttl, negative_ttl, ttl);
    let cache = TokenCache::new(settings, Arc::clone(&backend) as Arc<dyn TokenBackend>);
    let credential = Credential::from_text("s.token").expect("well formed");
    let key = cache.key(&credential);
    assert!(get_or_fetch(&cache).await.expect("a result").entry.is_some());
    let refresh = Arc::clone(&cache.inner).refresh(key, credential.token().expect("a token"));
    let refresh = tokio::spawn(refresh);
    backend.wait_for_lookups(2).await;
    cache.inner.insert_negative(key).await;
    backend.permits.add_permits(1);
    refresh.await.expect("no panic");
    (cache, credential)
}

#[tokio::test]
async fn late_success_does_not_undo_rejection() {
    let (cache, _) = rejected_during_refresh(Duration::from_mins(1)).await;
    assert!(get_or_fetch(&cache).await.expect("a result").entry.is_none());
}

#[tokio::test]
async fn late_success_is_dropped_without_negative_ttl() {
    let (cache, credential) = rejected_during_refresh(Duration::ZERO).await;
    assert!(cache.get(cache.key(&credential), &credential, Instant::now()).is_none());
}

#[tokio::test]
async fn late_joiner_has_its_own_timeout() {
    let (backend, cache) = TestBackend::new(|| Ok(active()), 0);
    let first = spawn_lookup(&cache);
    backend.wait_for_lookups(1).await;
    tokio::time::sleep(TIMEOUT * 3 / 4).await;
    let second = spawn_lookup(&cache);
    assert!(first.await.expect("no panic").is_err(), "the first timed out");
    assert!(!second.is_finished());
    backend.permits.add_permits(1);
    assert!(second.await.expect("no panic").expect("a result").entry.is_some());
    assert_eq!(backend.lookups(), 1);
}

#[tokio::test]
async fn earlier_failure_is_not_inherited() {
    static FIRST: AtomicUsize = AtomicUsize::new(0);
    let result = || match FIRST.fetch_add(1, SeqCst) {
        0 => Err(Unavailable::new(UnavailableReason::NoValidResponse, "unavailable")),
        _ => Ok(active()),
    };
    let (backend, cache) = TestBackend::new(result, 0);
    let first = spawn_lookup(&cache);
    backend.wait_for_lookups(1).await;
    let second = spawn_lookup(&cache);
    yield_now().await;
    backend.permits.add_permits(2);
    assert!(first.await.expect("no panic").is_err());
    assert!(second.await.expect("no panic").expect("a result").entry.is_some());
}

#[tokio::test]
async fn unavailability_is_not_cached() {
    let unavailable = || Err(Unavailable::new(UnavailableReason::NoValidResponse, "unavailable"));
    let (backend, cache) = TestBackend::new(unavailable, 2);
    assert!(get_or_fetch(&cache).await.is_err());
    assert!(get_or_fetch(&cache).await.is_err());
    assert_eq!(backend.lookups(), 2);
}
