use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;

use super::{
    Metrics,
    histogram::Histogram,
    labels::{Counters, Gauges, OptionalGauge, set_optional},
    registry::Registries,
};
use crate::{
    telemetry::metrics::labels::gauge_value,
    token::{EvictionCause, EvictionCounts},
    wall_clock,
};

/// The outcome of reading one entry of Vault's audit feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditEntryOutcome {
    /// It makes cached tokens stale.
    Evicted,
    /// It concerns no cached token.
    Ignored,
    /// It cannot be read, so that all tokens were evicted.
    Unreadable,
}

impl AuditEntryOutcome {
    const ALL: [Self; 3] = [Self::Evicted, Self::Ignored, Self::Unreadable];

    fn label(self) -> [(&'static str, &'static str); 1] {
        let outcome = match self {
            Self::Evicted => "evicted",
            Self::Ignored => "ignored",
            Self::Unreadable => "unreadable",
        };
        [("outcome", outcome)]
    }
}

/// The state of the audit feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFeedState {
    /// Its entries arrive without a gap.
    Complete,
    /// Its entries do not arrive.
    Silent,
}

/// The metrics of the token cache and of what makes its entries stale.
pub(super) struct CacheMetrics {
    live: Gauge,
    refused: Gauge,
    evictions: Counters<1>,
    audit_entries: Counters<1>,
    last_audit_entry: OptionalGauge,
    audit_feed_up: OptionalGauge,
    revocation_delay: Histogram,
}

impl CacheMetrics {
    pub(super) fn register(registries: &mut Registries) -> Self {
        let entries = Gauges::default();
        let metrics = Self {
            live: entries.get_or_create_owned(&[("kind", "live")]),
            refused: entries.get_or_create_owned(&[("kind", "refused")]),
            evictions: Counters::default(),
            audit_entries: Counters::default(),
            last_audit_entry: OptionalGauge::default(),
            audit_feed_up: OptionalGauge::default(),
            revocation_delay: Histogram::default(),
        };
        for outcome in AuditEntryOutcome::ALL {
            drop(metrics.audit_entries.get_or_create(&outcome.label()));
        }
        registries.renamed(("cache_entries", "cache_tokens"), "Tokens in the cache", &entries);
        let help = "Valid tokens removed from the cache";
        registries.own("cache_evictions", help, &metrics.evictions);
        let help = "Entries of Vault's audit feed";
        registries.own("audit_entries", help, &metrics.audit_entries);
        let help = "Time at which the last entry of the audit feed arrived";
        registries.own("audit_last_entry_timestamp_seconds", help, &metrics.last_audit_entry);
        let help = "1 while the audit feed is complete, 0 while it is silent";
        registries.own("audit_feed_up", help, &metrics.audit_feed_up);
        let help = "Time from an audit entry that evicts tokens until they are evicted";
        registries.own("revocation_delay_seconds", help, &metrics.revocation_delay);
        metrics
    }

    /// Sets what is read when the metrics are encoded: the numbers of live and of refused tokens, and
    /// how many valid ones were removed so far.
    pub(super) fn set(&self, (live, refused): (u64, u64), evictions: EvictionCounts) {
        self.live.set(gauge_value(live));
        self.refused.set(gauge_value(refused));
        for cause in EvictionCause::ALL {
            let counter = self.evictions.get_or_create_owned(&[("cause", cause.as_str())]);
            let total = evictions.of(cause);
            counter.inner().store(total, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

impl Metrics {
    /// Counts an entry of Vault's audit feed that has arrived.
    pub fn record_audit_entry(&self, outcome: AuditEntryOutcome) {
        self.cache.audit_entries.get_or_create(&outcome.label()).inc();
        set_optional(&self.cache.last_audit_entry, Some(wall_clock::now().as_second()));
    }

    /// Sets the state of the audit feed; `None` if nothing relies on it.
    pub fn set_audit_feed(&self, state: Option<AuditFeedState>) {
        let up = state.map(|state| i64::from(state == AuditFeedState::Complete));
        set_optional(&self.cache.audit_feed_up, up);
    }

    /// Records the time from the one in an audit entry, by Vault's clock, until its tokens were evicted.
    pub fn record_revocation_delay(&self, delay: Duration) {
        self.cache.revocation_delay.observe(delay);
    }
}
