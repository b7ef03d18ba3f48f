//! A cache that is filled without Vault, and requests as Caddy's `forward_auth` sends them.

#![allow(dead_code, reason = "several benchmarks include this module, and each uses a part of it")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use vault_auth_validator::{
    capabilities::Capabilities,
    tenants::TenantName,
    token::{
        BackendFuture, CacheSettings, CallerToken, CapabilitiesResult, Credential, LookupPriority,
        LookupResult, TokenBackend, TokenCache, TokenExpiry, TokenInfo, TokenKind, TokenType,
        TokenUsage, UseOutcome,
    },
};

/// The targets of the requests, each with a name.
pub const KINDS: [(&str, &str); 3] = [
    ("no requirement", "/validate"),
    ("tenant and policy", "/validate?tenant=acme&policy=crm-agent"),
    ("acl", "/validate?acl=route/crm"),
];

/// A lifetime that is longer than any benchmark.
const LONG: Duration = Duration::from_hours(24);

/// An authority that knows every token as a tenant's caller with read access to all paths.
struct AllowAllAuthority;

impl TokenBackend for AllowAllAuthority {
    fn lookup(&self, token: CallerToken, _: LookupPriority) -> BackendFuture<'_, LookupResult> {
        Box::pin(async move { Ok(LookupResult::Active(Box::new(facts(&token)))) })
    }

    fn capabilities(
        &self,
        _: CallerToken,
        paths: Vec<String>,
    ) -> BackendFuture<'_, CapabilitiesResult> {
        let granted = paths.iter().map(|_| Capabilities::READ).collect();
        Box::pin(async move { Ok(CapabilitiesResult::Capabilities(granted)) })
    }

    fn consume_use(&self, _: CallerToken) -> BackendFuture<'_, UseOutcome> {
        Box::pin(async { Ok(UseOutcome::Consumed) })
    }

    fn probe(&self) -> BackendFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn timeout(&self) -> Duration {
        LONG
    }
}

/// Returns token information with identifiers as long as OpenBao's: an accessor of 24 characters,
/// ids of 36.
fn facts(token: &CallerToken) -> TokenInfo {
    TokenInfo {
        accessor: token.expose()[2..].into(),
        token_type: TokenType::Service,
        kind: TokenKind::Caller,
        entity_id: Some("7d2e3179-f69b-450c-7179-ac8ee8bd8ca9".into()),
        subject: Some("1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d".into()),
        tenant: TenantName::parse("acme"),
        policies: ["crm-agent", "default", "tenant"].map(Into::into).into(),
        expiry: TokenExpiry::At {
            timestamp: "2999-01-01T00:00:00Z".parse().expect("a time"),
            deadline: Instant::now() + LONG,
        },
        usage: TokenUsage::Unlimited,
        bound_cidrs: Vec::new(),
    }
}

/// Returns the token with this number, from 1 on.
pub fn token(number: usize) -> String {
    format!("s.{number:024}")
}

/// Returns an empty cache with capacity for this number of tokens. Its shards have equal
/// capacities, but do not get exactly equal numbers of tokens.
pub fn empty_cache(tokens: usize) -> Arc<TokenCache> {
    let tokens = u64::try_from(tokens).expect("a count").max(100_000);
    let capacity = tokens + tokens / 50;
    let stale_grace = Duration::ZERO;
    let settings = CacheSettings { ttl: LONG, negative_ttl: LONG, stale_grace, capacity };
    Arc::new(TokenCache::new(settings, Arc::new(AllowAllAuthority)))
}

/// Adds the tokens from 1 to this number to the cache.
///
/// # Panics
/// If some tokens are not cached afterwards.
pub async fn fill(cache: Arc<TokenCache>, tokens: usize) {
    let ask = |number| {
        let cache = Arc::clone(&cache);
        async move {
            let token = token(number);
            let credential = Credential::from_text(&*token).expect("well formed");
            let key = cache.key(&credential);
            cache.get_or_fetch(key, CallerToken::from(&credential)).await.expect("an answer");
        }
    };
    stream::iter(1..=tokens).map(ask).buffer_unordered(64).collect::<()>().await;
    let (live, _) = cache.entry_counts().await;
    assert_eq!(usize::try_from(live), Ok(tokens), "all tokens are cached");
}

/// Returns the bytes of Caddy's request to `target` for the caller with this token.
pub fn request(target: &str, token: &str) -> Vec<u8> {
    let lines = [
        &format!("GET {target} HTTP/1.1"),
        "Host: 127.0.0.1:8080",
        "User-Agent: curl/8.14.1",
        "Accept-Encoding: gzip",
        &format!("Authorization: Bearer {token}"),
        "Via: 1.1 Caddy",
        "X-Forwarded-For: 192.0.2.7",
        "X-Forwarded-Host: acme.crm.example.com",
        "X-Forwarded-Method: GET",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Uri: /contacts?page=2",
        "\r\n",
    ];
    lines.join("\r\n").into_bytes()
}
