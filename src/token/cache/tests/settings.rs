use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{TestBackend, active, get_or_fetch, spawn_lookup};
use crate::token::{
    CacheSettings, CacheStatus, Credential, EvictionCause, LookupResult, TokenBackend, TokenCache,
    TokenInfo,
    cache::{TokenEntry, entry::FetchStamp},
};

const SECOND: Duration = Duration::from_secs(1);

fn settings(ttl: Duration, stale_grace: Duration) -> CacheSettings {
    CacheSettings { ttl, negative_ttl: ttl, stale_grace, capacity: 100 }
}

/// Returns the ages in whole seconds up to which an entry is not refreshed, is fresh, and is usable.
fn lifetimes(entry: &TokenEntry) -> [Option<u64>; 3] {
    let first = |is_over: &dyn Fn(Duration) -> bool| {
        (0..2000).find(|seconds| is_over(Duration::from_secs(*seconds)))
    };
    [
        first(&|age| entry.needs_refresh(age)),
        first(&|age| !entry.is_fresh(age)),
        first(&|age| !entry.is_usable(entry.fetched_at + age)),
    ]
}

#[test]
fn entry_lifetimes_are_only_shortened() {
    let stamp = FetchStamp { fetched_at: Instant::now(), id: 0, generation: 0 };
    let long = settings(100 * SECOND, 900 * SECOND);
    let entry = TokenEntry::new(TokenInfo::foreign_namespace(), stamp, &long);
    assert_eq!(lifetimes(&entry), [Some(75), Some(100), Some(1000)]);
    entry.limit_lifetimes(&settings(40 * SECOND, 20 * SECOND));
    assert_eq!(lifetimes(&entry), [Some(30), Some(40), Some(60)]);
    entry.limit_lifetimes(&long);
    assert_eq!(lifetimes(&entry), [Some(30), Some(40), Some(60)]);
    entry.limit_lifetimes(&settings(Duration::ZERO, Duration::ZERO));
    assert_eq!(lifetimes(&entry), [Some(0), Some(0), Some(0)]);
}

#[tokio::test]
async fn shorter_lifetime_holds_for_lookup_in_flight() {
    let (backend, cache) = TestBackend::new(|| Ok(active()), 0);
    let lookup = spawn_lookup(&cache);
    backend.wait_for_lookups(1).await;
    cache.apply(settings(Duration::ZERO, Duration::ZERO));
    backend.permits.add_permits(2);
    lookup.await.expect("no panic").expect("a result");
    assert_eq!(get_or_fetch(&cache).await.expect("a result").status, CacheStatus::Miss);
    assert_eq!(backend.lookups(), 2);
}

#[tokio::test]
async fn shorter_negative_ttl_holds_for_rejections() {
    let (backend, cache) = TestBackend::new(|| Ok(LookupResult::Invalid), 2);
    assert!(get_or_fetch(&cache).await.expect("a result").entry.is_none());
    assert_eq!(get_or_fetch(&cache).await.expect("a result").status, CacheStatus::Hit);
    cache.apply(settings(Duration::ZERO, Duration::ZERO));
    assert_eq!(get_or_fetch(&cache).await.expect("a result").status, CacheStatus::Miss);
    assert_eq!(backend.lookups(), 2);
}

#[tokio::test]
async fn replaced_backend_is_not_called_again() {
    let (former, cache) = TestBackend::new(|| Ok(active()), 1);
    let (latter, _) = TestBackend::new(|| Ok(LookupResult::Invalid), 1);
    get_or_fetch(&cache).await.expect("a result");
    cache.replace_backend(Arc::clone(&latter) as Arc<dyn TokenBackend>);
    assert_eq!(get_or_fetch(&cache).await.expect("a result").status, CacheStatus::Hit);
    cache.clear();
    assert!(get_or_fetch(&cache).await.expect("a result").entry.is_none());
    assert_eq!((former.lookups(), latter.lookups()), (1, 1));
}

#[tokio::test]
async fn successor_begins_empty_and_knows_recent_tokens() {
    let (_, cache) = TestBackend::new(|| Ok(active()), 1);
    let (backend, _) = TestBackend::new(|| Ok(active()), 1);
    let credential = Credential::from_text("s.token").expect("well formed");
    get_or_fetch(&cache).await.expect("a result");
    let successor: TokenCache = cache.successor(settings(SECOND, SECOND), backend.clone());
    cache.clear();
    assert_eq!(successor.evictions().of(EvictionCause::Cleared), 1);
    assert!(successor.was_recently_valid(successor.key(&credential)));
    assert_eq!(get_or_fetch(&successor).await.expect("a result").status, CacheStatus::Miss);
    assert_eq!(backend.lookups(), 1);
}
