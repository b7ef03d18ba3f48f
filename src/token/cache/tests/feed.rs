use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{TestBackend, accessor, active, get_or_fetch, info_with, settings};
use crate::token::{
    AuditHash, CacheSettings, CacheStatus, Change, Invalidation, LookupHashes, LookupResult,
    LookupSource, ResponseNode, TokenBackend, TokenCache, TokenUsage, Unavailable,
};

const HOUR: Duration = Duration::from_hours(1);

/// The lifetime without the feed.
const TTL: Duration = Duration::from_millis(100);

/// Returns a cache whose entries rely on the feed after [`TTL`].
fn cache_with_feed(
    result: fn() -> Result<LookupResult, Unavailable>,
) -> (Arc<TestBackend>, TokenCache) {
    let (backend, _) = TestBackend::new(result, 1000);
    let settings = CacheSettings { ttl_with_feed: HOUR, ..settings(TTL, TTL, Duration::ZERO) };
    let cache = TokenCache::new(settings, Arc::clone(&backend) as Arc<dyn TokenBackend>);
    (backend, cache)
}

async fn status(cache: &TokenCache) -> CacheStatus {
    get_or_fetch(cache).await.expect("a result").status
}

async fn wait_past_ttl() {
    tokio::time::sleep(TTL + Duration::from_millis(20)).await;
}

#[tokio::test]
async fn complete_feed_extends_lifetime() {
    let (backend, cache) = cache_with_feed(|| Ok(active()));
    cache.coverage().confirm(Instant::now());
    assert_eq!(status(&cache).await, CacheStatus::Miss);
    wait_past_ttl().await;
    assert_eq!(status(&cache).await, CacheStatus::Hit);
    assert_eq!(backend.lookups(), 1);
    cache.coverage().exclude_until(Instant::now());
    assert_eq!(status(&cache).await, CacheStatus::Miss);
}

#[tokio::test]
async fn silent_feed_extends_nothing() {
    let (_, cache) = cache_with_feed(|| Ok(active()));
    assert_eq!(status(&cache).await, CacheStatus::Miss);
    // Fetched before the feed was known to be complete.
    cache.coverage().confirm(Instant::now());
    wait_past_ttl().await;
    assert_eq!(status(&cache).await, CacheStatus::Miss);
}

#[tokio::test]
async fn response_of_a_standby_has_short_lifetime() {
    let (_, cache) = cache_with_feed(|| Ok(from_standby()));
    cache.coverage().confirm(Instant::now());
    assert_eq!(status(&cache).await, CacheStatus::Miss);
    wait_past_ttl().await;
    assert_eq!(status(&cache).await, CacheStatus::Miss);
}

#[tokio::test]
async fn token_with_parent_has_short_lifetime() {
    let with_parent = || {
        let mut info = info_with(TokenUsage::Unlimited, HOUR);
        info.has_parent = true;
        Ok(LookupResult::Active(Box::new(info)))
    };
    let (_, cache) = cache_with_feed(with_parent);
    cache.coverage().confirm(Instant::now());
    assert_eq!(status(&cache).await, CacheStatus::Miss);
    wait_past_ttl().await;
    assert_eq!(status(&cache).await, CacheStatus::Miss);
}

fn from_standby() -> LookupResult {
    let mut info = info_with(TokenUsage::Unlimited, HOUR);
    info.source = LookupSource { request_id: None, node: ResponseNode::Any };
    LookupResult::Active(Box::new(info))
}

#[tokio::test]
async fn standby_is_not_believed_after_a_change() {
    let (_, cache) = cache_with_feed(|| Ok(from_standby()));
    assert_eq!(status(&cache).await, CacheStatus::Miss);
    assert_eq!(cache.invalidate(&accessor("another")), 0);
    assert_eq!(status(&cache).await, CacheStatus::Hit);
    assert_eq!(cache.invalidate(&accessor("accessor")), 1);
    assert!(get_or_fetch(&cache).await.is_err());
}

/// Returns the hash whose first digits are these.
fn hash(first: &str) -> AuditHash {
    AuditHash::parse(&format!("hmac-sha256:{first}{}", "0".repeat(62))).expect("a hash")
}

#[tokio::test]
async fn hashes_tell_tokens_apart() {
    for entry_first in [true, false] {
        let (_, cache) = cache_with_feed(|| Ok(active()));
        let hashes = LookupHashes { token: hash("0a"), accessor: hash("0b") };
        // From the first entry on, responses are joined with entries.
        cache.add_audit_hashes("another", LookupHashes { token: hash("0e"), accessor: hash("0f") });
        if entry_first {
            cache.add_audit_hashes("request", hashes);
        }
        assert_eq!(status(&cache).await, CacheStatus::Miss);
        if !entry_first {
            cache.add_audit_hashes("request", hashes);
        }
        let evicted = |change| cache.invalidate(&Invalidation::from_iter([change]));
        assert_eq!(evicted(Change::TokenHash(hash("0b"))), 0);
        assert_eq!(evicted(Change::AccessorHash(hash("0a"))), 0);
        assert_eq!(evicted(Change::AccessorHash(hash("0b"))), 1);
        assert_eq!(status(&cache).await, CacheStatus::Miss);
        assert_eq!(evicted(Change::TokenHash(hash("0c"))), 1, "unknown hashes may be any");
    }
}

#[tokio::test]
async fn changes_evict_tokens_that_they_concern() {
    let of_ana = || {
        let mut info = info_with(TokenUsage::Unlimited, HOUR);
        info.entity_id = Some("e1".into());
        info.entity_name = Some("Ana".into());
        info.subject = Some("ana".into());
        info.policies = vec!["crm".into()];
        Ok(LookupResult::Active(Box::new(info)))
    };
    let (_, cache) = cache_with_feed(of_ana);
    let text = str::to_owned;
    for (change, is_concerned) in [
        (Change::Entity(text("e1")), true),
        (Change::Entity(text("e2")), false),
        (Change::EntityName(text("aNA")), true),
        (Change::EntityName(text("anna")), false),
        (Change::AllEntities, true),
        (Change::TokensWithParent, false),
        // Without capabilities in the cache, a policy concerns nothing.
        (Change::Policy(text("crm")), false),
        (Change::AllTokens, true),
    ] {
        get_or_fetch(&cache).await.expect("a result");
        let evicted = cache.invalidate(&Invalidation::from_iter([change.clone()]));
        assert_eq!(evicted == 1, is_concerned, "{change:?}");
    }
}
