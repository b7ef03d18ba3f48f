use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{TestBackend, active, get_or_fetch, spawn_lookup};
use crate::token::{
    CacheSettings, CacheStatus, Credential, EvictionCause, LookupResult, ResponseNode,
    TokenBackend, TokenCache, TokenInfo,
    cache::{TokenEntry, entry::FetchStamp, lifetime::Lifetimes, millis::Millis},
};

const SECOND: Duration = Duration::from_secs(1);

fn settings(ttl: Duration, stale_grace: Duration) -> CacheSettings {
    super::settings(ttl, ttl, stale_grace)
}

/// Returns the ages in whole seconds up to which an entry is not refreshed, is fresh, and is usable.
fn ages(entry: &TokenEntry, lifetimes: &Lifetimes) -> [Option<u64>; 3] {
    let first = |is_over: &dyn Fn(Millis, Instant) -> bool| {
        (0..2000).find(|seconds| {
            let age = Duration::from_secs(*seconds);
            is_over(Millis::of(age), entry.fetched_at + age)
        })
    };
    [
        first(&|age, now| entry.is_refresh_due(age, now, lifetimes)),
        first(&|age, now| !entry.is_fresh(age, now, lifetimes)),
        first(&|_, now| !entry.is_usable(now, lifetimes)),
    ]
}

#[test]
fn shorter_lifetimes_hold_for_cached_entries() {
    let stamp = FetchStamp { fetched_at: Instant::now(), id: 0, generation: 0 };
    let lifetimes = Lifetimes::new(&settings(100 * SECOND, 900 * SECOND));
    let entry = TokenEntry::new(TokenInfo::foreign_namespace(), stamp, &lifetimes);
    assert_eq!(ages(&entry, &lifetimes), [Some(75), Some(100), Some(1000)]);
    for (ttl, grace, expected) in [
        (40, 20, [Some(30), Some(40), Some(60)]),
        (200, 2000, [Some(75), Some(100), Some(1000)]),
        (0, 0, [Some(0), Some(0), Some(0)]),
    ] {
        lifetimes.apply(&settings(ttl * SECOND, grace * SECOND));
        assert_eq!(ages(&entry, &lifetimes), expected, "{ttl} {grace}");
    }
}

#[test]
fn shorter_lifetime_with_feed_holds_for_entries() {
    let with_feed = |seconds: u32| CacheSettings {
        ttl_with_feed: seconds * SECOND,
        ..settings(40 * SECOND, Duration::ZERO)
    };
    let lifetimes = Lifetimes::new(&with_feed(1000));
    let fetched_at = Instant::now();
    // The feed is complete at all of these ages.
    for age in (0..2000).step_by(5) {
        lifetimes.coverage().confirm(fetched_at + Duration::from_secs(age));
    }
    let stamp = FetchStamp { fetched_at, id: 0, generation: 0 };
    let mut info = TokenInfo::foreign_namespace();
    info.source.node = ResponseNode::Active;
    let entry = TokenEntry::new(info, stamp, &lifetimes);
    assert_eq!(ages(&entry, &lifetimes), [Some(750), Some(1000), Some(1000)]);
    lifetimes.apply(&with_feed(500));
    assert_eq!(ages(&entry, &lifetimes)[1], Some(500));
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
