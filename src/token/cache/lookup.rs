//! Lookups at Vault, and which of their results are cached.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use opentelemetry::trace::FutureExt as _;

use crate::token::{
    CallerToken, LookupConsistency, LookupHashes, LookupMode, LookupPriority, LookupResult,
    ResponseNode, TokenInfo, TokenKey, Unavailable, UnavailableReason,
    cache::{TokenEntry, entry::FetchStamp, inner::CacheInner, invalidation_log::Outdated},
};

/// The outcome of a lookup.
#[derive(Clone)]
pub(super) enum LookupOutcome {
    Valid(Arc<TokenEntry>),
    Rejected,
    Unavailable(Unavailable),
}

impl CacheInner {
    /// Looks a token up unless another caller's lookup has cached a result meanwhile.
    pub(super) async fn lookup_if_absent(
        &self,
        key: TokenKey,
        token: CallerToken,
    ) -> LookupOutcome {
        if self.is_rejected(key).await {
            return LookupOutcome::Rejected;
        }
        match self.get(key, Instant::now()) {
            Some((entry, _)) if self.is_current(&entry) => LookupOutcome::Valid(entry),
            _ => self.lookup(key, token).await,
        }
    }

    pub(super) async fn lookup(&self, key: TokenKey, token: CallerToken) -> LookupOutcome {
        let consistency = self.consistency();
        match self.lookup_at(key, token.clone(), consistency).await {
            // A change happened meanwhile.
            Err(Outdated) if consistency == LookupConsistency::NotOlderThanSeen => {
                let second = self.lookup_at(key, token, LookupConsistency::ActivePreferred).await;
                second.unwrap_or_else(|Outdated| LookupOutcome::Unavailable(Outdated.into()))
            }
            Err(Outdated) => LookupOutcome::Unavailable(Outdated.into()),
            Ok(outcome) => outcome,
        }
    }

    /// Looks a token up at the active node, and not together with other callers. Results that were cached for
    /// it before are not used again.
    pub(super) async fn lookup_current(&self, key: TokenKey, token: CallerToken) -> LookupOutcome {
        let _permit = self.limiter.acquire(key).await;
        self.remove(key);
        let outcome = self.lookup_at(key, token, LookupConsistency::ActivePreferred).await;
        match outcome {
            Ok(LookupOutcome::Valid(entry)) if entry.node == ResponseNode::Any => {
                LookupOutcome::Unavailable(Outdated.into())
            }
            Ok(outcome) => outcome,
            Err(Outdated) => LookupOutcome::Unavailable(Outdated.into()),
        }
    }

    async fn lookup_at(
        &self,
        key: TokenKey,
        token: CallerToken,
        consistency: LookupConsistency,
    ) -> Result<LookupOutcome, Outdated> {
        let before = self.valid.peek(&key);
        let stamp = self.stamp(before.as_deref());
        let priority = if before.is_some() || self.was_recently_valid(key) {
            LookupPriority::Known
        } else {
            LookupPriority::Unknown
        };
        match self.lookup_and_renew(token, LookupMode { priority, consistency }).await {
            Ok(LookupResult::Active(info)) => {
                self.breaker.record_response();
                let entry = self.entry(key, *info, stamp, before.as_deref())?;
                self.recent.add(key);
                self.insert_if_current(key, &entry).await;
                Ok(LookupOutcome::Valid(entry))
            }
            Ok(LookupResult::Invalid) => {
                self.breaker.record_response();
                self.insert_negative(key).await;
                Ok(LookupOutcome::Rejected)
            }
            Err(unavailable) => {
                self.record_error(&unavailable, stamp.fetched_at);
                Ok(LookupOutcome::Unavailable(unavailable))
            }
        }
    }

    fn stamp(&self, before: Option<&TokenEntry>) -> FetchStamp {
        FetchStamp {
            fetched_at: Instant::now(),
            id: before.map_or_else(|| self.new_id(), |entry| entry.id),
            generation: self.generation(),
        }
    }

    fn new_id(&self) -> u64 {
        self.entries.fetch_add(1, Ordering::Relaxed)
    }

    /// Creates the entry of a token that replaces the one from before.
    fn entry(
        &self,
        key: TokenKey,
        info: TokenInfo,
        mut stamp: FetchStamp,
        before: Option<&TokenEntry>,
    ) -> Result<Arc<TokenEntry>, Outdated> {
        if before.is_some_and(|before| !before.identity.policies().eq(info.policies())) {
            stamp.id = self.new_id();
        }
        let request_id = info.source.request_id.clone();
        let entry = Arc::new(TokenEntry::new(info, stamp, &self.lifetimes));
        if entry.node == ResponseNode::Any && !self.invalidations.is_settled(&entry) {
            return Err(Outdated);
        }
        if let Some(before) = before {
            entry.hashes.copy_from(&before.hashes);
        }
        if let Some(id) = request_id
            && let Some(hashes) = self.audit_hashes.add_response(&id, key)
        {
            entry.hashes.set(hashes);
        }
        Ok(entry)
    }

    /// Looks a token up. If it is a session that is about to expire, renews it in the background. The
    /// information is valid no longer than the credential with the token.
    async fn lookup_and_renew(
        &self,
        token: CallerToken,
        mode: LookupMode,
    ) -> Result<LookupResult, Unavailable> {
        let expiry = token.credential_expiry();
        let mut result = self.backend().lookup(token.clone(), mode).await?;
        if let LookupResult::Active(info) = &result
            && token.is_session()
            && self.renewals.begin(info).await
        {
            let backend = self.backend();
            let renewal = async move {
                if let Err(unavailable) = backend.renew(token).await {
                    tracing::debug!(%unavailable.detail, "a session was not renewed");
                }
            };
            tokio::spawn(renewal.with_current_context());
        }
        if let (LookupResult::Active(info), Some(expiry)) = (&mut result, expiry) {
            info.expiry = info.expiry.not_after(expiry);
        }
        Ok(result)
    }

    /// Records an error within the timeout as a response of Vault, unless Vault was not called.
    pub(super) fn record_error(&self, unavailable: &Unavailable, fetched_at: Instant) {
        let was_called = !matches!(
            unavailable.reason,
            UnavailableReason::Overloaded | UnavailableReason::NotReady
        );
        if was_called && fetched_at.elapsed() < self.backend().timeout() {
            self.breaker.record_response();
        }
    }

    /// Caches an entry unless an invalidation or a rejection concerns it that happened since its lookup
    /// began.
    ///
    /// An invalidation is logged before entries are removed. So either this entry is removed then, or the
    /// invalidation is seen here. A rejection that another call got meanwhile is newer.
    async fn insert_if_current(&self, key: TokenKey, entry: &Arc<TokenEntry>) {
        if !self.may_be_inserted(key, entry).await {
            self.remove(key);
            return;
        }
        let newer = self.valid.peek(&key).filter(|known| known.fetched_at > entry.fetched_at);
        if newer.is_none() {
            self.valid.insert(key, Arc::clone(entry));
        }
        if !self.may_be_inserted(key, entry).await {
            self.remove(key);
        }
    }

    /// Returns true if the entry is cacheable, and neither an invalidation nor a rejection concerns it since
    /// its lookup began.
    async fn may_be_inserted(&self, key: TokenKey, entry: &TokenEntry) -> bool {
        let rejected = self.rejected.get(&key).await.is_some_and(|since| since >= entry.fetched_at);
        entry.is_cacheable(&self.lifetimes) && self.is_current(entry) && !rejected
    }

    /// Returns true if no invalidation concerns the entry since its lookup began.
    pub(super) fn is_current(&self, entry: &TokenEntry) -> bool {
        self.invalidations.is_current(entry, entry.generation)
    }

    /// Returns the nodes that may respond: while changes arrive, a node that is behind the active one would
    /// respond with what was valid before them.
    pub(super) fn consistency(&self) -> LookupConsistency {
        if self.lifetimes.coverage().is_complete(Instant::now()) || self.invalidations.is_recent() {
            LookupConsistency::ActivePreferred
        } else {
            LookupConsistency::NotOlderThanSeen
        }
    }

    pub(super) fn add_audit_hashes(&self, request_id: &str, hashes: LookupHashes) {
        let key = self.audit_hashes.add_entry(request_id, hashes);
        if let Some(entry) = key.and_then(|key| self.valid.peek(&key)) {
            entry.hashes.set(hashes);
        }
    }
}
