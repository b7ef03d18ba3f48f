use jiff::Timestamp;

use super::{AuditEntry, DENIALS, Evictions, StaleTokens};
use crate::{
    telemetry::{AuditEntryOutcome, KeyRotationOutcome, Metrics},
    tenants::tenant_from_key,
    wall_clock,
};

/// The content of a sequence of audit entries.
#[derive(Debug)]
pub(in crate::server) struct FeedReport {
    /// The tokens that the entries make stale.
    pub(in crate::server) evictions: Evictions,
    /// The number of entries that make no token stale.
    ignored: usize,
    /// The times of those that do, where they have one.
    evicting: Vec<Option<Timestamp>>,
    /// True if an entry could not be read, with which the report ends.
    is_unreadable: bool,
    rotations: Vec<KeyRotationOutcome>,
}

impl FeedReport {
    /// Creates the report of no entries.
    pub(super) fn new() -> Self {
        Self {
            evictions: Evictions::none(),
            ignored: 0,
            evicting: Vec::new(),
            is_unreadable: false,
            rotations: Vec::new(),
        }
    }

    /// Ends the report with an entry that cannot be read: all tokens are stale.
    pub(super) fn unreadable(mut self) -> Self {
        self.evictions = Evictions::All;
        self.is_unreadable = true;
        self
    }

    /// Adds an entry and the tokens that it makes stale.
    pub(super) fn add(&mut self, facts: &EntryFacts, stale: StaleTokens) {
        self.rotations.extend(facts.rotation);
        match stale {
            StaleTokens::None => self.ignored += 1,
            _ => self.evicting.push(facts.time),
        }
        self.evictions.add(stale);
    }

    /// Records the entries, whose tokens have been evicted by now.
    pub(in crate::server) fn record(&self, metrics: &Metrics) {
        for _ in 0..self.ignored {
            metrics.record_audit_entry(AuditEntryOutcome::Ignored);
        }
        let now = wall_clock::now();
        for time in &self.evicting {
            metrics.record_audit_entry(AuditEntryOutcome::Evicted);
            // Unknown if the clock of Vault's machine is ahead.
            let delay = time.and_then(|time| now.duration_since(time).try_into().ok());
            if let Some(delay) = delay {
                metrics.record_revocation_delay(delay);
            }
        }
        if self.is_unreadable {
            metrics.record_audit_entry(AuditEntryOutcome::Unreadable);
        }
        for rotation in &self.rotations {
            metrics.record_rotation(*rotation);
        }
    }
}

/// The measured values of an entry.
pub(super) struct EntryFacts {
    time: Option<Timestamp>,
    rotation: Option<KeyRotationOutcome>,
}

impl EntryFacts {
    pub(super) fn of(entry: &AuditEntry<'_>) -> Self {
        let time = entry.time.as_deref().and_then(|time| time.parse().ok());
        Self { time, rotation: rotation(entry) }
    }
}

/// Returns the outcome if the entry is the response to a rotation of a tenant's key that the caller may
/// rotate.
fn rotation(entry: &AuditEntry<'_>) -> Option<KeyRotationOutcome> {
    let request = entry.request.as_ref().filter(|_| entry.kind == "response")?;
    let key = request.path_in_namespace().strip_suffix("/rotate")?;
    let (mount, name) = key.rsplit_once("/keys/")?;
    if mount.is_empty() || tenant_from_key(name).is_none() {
        return None;
    }
    match entry.error.as_deref().unwrap_or_default() {
        "" => Some(KeyRotationOutcome::Ok),
        error if DENIALS.contains(&error) => None,
        _ => Some(KeyRotationOutcome::Failed),
    }
}
