//! The log of outages: one line when an outage begins, one for each further reason, and one when it
//! ends. Requests that an outage affects are counted, and have no lines of their own.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::{error, info, warn};

use super::printable;
use crate::{
    auth::Refusal,
    token::{Unavailable, UnavailableReason},
};

/// The time without an affected request after which an outage is over that only requests have
/// shown.
const QUIET: Duration = Duration::from_secs(3);

/// The maximum length of a detail, in bytes.
const MAX_DETAIL: usize = 512;

static VAULT: OutageLog = OutageLog::new();
static OVERLOAD: OutageLog = OutageLog::new();

/// A part of the service that observes a dependency all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observer {
    /// The health check.
    HealthCheck,
    /// The session with Vault, with the service's own token.
    Session,
    /// The writer of the decision log.
    DecisionLogWriter,
}

/// Records that a request was refused because Vault is unavailable, or the service is overloaded.
pub fn record_unavailable(unavailable: &Unavailable) {
    let Unavailable { reason, detail } = unavailable;
    let code = code(*reason);
    match reason {
        UnavailableReason::Overloaded => OVERLOAD.update(|outage, now| {
            if outage.record_request(code, now) == FirstOccurrence::OfOutage {
                warn!(code, detail = &*printable(detail, MAX_DETAIL), "the service is overloaded");
            }
        }),
        _ => VAULT.update(|outage, now| {
            log_vault_failure(outage.record_request(code, now), code, detail);
        }),
    }
}

/// Records that an observer finds Vault unavailable.
pub fn record_vault_failure(observer: Observer, reason: UnavailableReason, detail: &str) {
    let code = code(reason);
    VAULT.update(|outage, now| {
        log_vault_failure(outage.record_failure(observer, code, now), code, detail);
    });
}

/// Records that the service cannot log in to Vault for a reason that an operator has to remove.
pub fn record_login_failure(kind: &'static str, detail: &str) {
    VAULT.update(|outage, now| {
        let first = outage.record_failure(Observer::Session, kind, now);
        // Requests are refused with this code, for this reason.
        outage.add_reason(code(UnavailableReason::NotReady), now);
        if first != FirstOccurrence::None {
            error!(kind, error = &*printable(detail, 2 * MAX_DETAIL), "cannot log in to vault");
        }
    });
}

/// Records that an observer finds Vault available.
pub fn record_vault_recovery(observer: Observer) {
    VAULT.update(|outage, now| {
        outage.record_recovery(observer, now);
        log_vault_recovery(outage.end(now).as_ref());
    });
}

/// Logs the outages that are over.
pub(super) fn report_ended_outages() {
    VAULT.update(|outage, now| log_vault_recovery(outage.end(now).as_ref()));
    OVERLOAD.update(|outage, now| {
        if let Some(EndedOutage { requests, duration }) = outage.end(now) {
            let duration_ms = millis(duration);
            info!(requests, duration_ms, "the service is no longer overloaded");
        }
    });
}

fn log_vault_failure(first: FirstOccurrence, code: &'static str, detail: &str) {
    let detail = printable(detail, MAX_DETAIL);
    match first {
        FirstOccurrence::OfOutage => warn!(code, detail = &*detail, "vault is unavailable"),
        FirstOccurrence::OfReason => warn!(code, detail = &*detail, "vault is still unavailable"),
        FirstOccurrence::None => {}
    }
}

fn log_vault_recovery(ended: Option<&EndedOutage>) {
    if let Some(&EndedOutage { requests, duration }) = ended {
        info!(requests, duration_ms = millis(duration), "vault is up");
    }
}

fn code(reason: UnavailableReason) -> &'static str {
    Refusal::from(Unavailable::new(reason, "")).problem_spec().code
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

struct OutageLog(Mutex<Outage>);

impl OutageLog {
    const fn new() -> Self {
        Self(Mutex::new(Outage::new()))
    }

    /// Changes the state and logs the change, so that lines are in the order of the changes.
    fn update(&self, change: impl FnOnce(&mut Outage, Instant)) {
        let mut outage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut outage, Instant::now());
    }
}

/// The state of an outage.
pub(super) struct Outage {
    /// True for each observer that finds its dependency unavailable.
    failing: [bool; 3],
    current: Option<CurrentOutage>,
}

struct CurrentOutage {
    began: Instant,
    /// The time of the last failure, or of the recovery.
    last: Instant,
    /// The time of the last affected request.
    last_request: Option<Instant>,
    requests: u64,
    reasons: Vec<&'static str>,
}

/// The novelty of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstOccurrence {
    /// The outage begins.
    OfOutage,
    /// The outage has another reason.
    OfReason,
    /// No first occurrence.
    None,
}

/// An outage that is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EndedOutage {
    /// The number of affected requests.
    pub(super) requests: u64,
    /// The time from the first failure to the last one, or to the recovery.
    pub(super) duration: Duration,
}

impl Outage {
    pub(super) const fn new() -> Self {
        Self { failing: [false; 3], current: None }
    }

    /// Records an affected request.
    pub(super) fn record_request(&mut self, reason: &'static str, now: Instant) -> FirstOccurrence {
        let first = self.add_reason(reason, now);
        if let Some(current) = &mut self.current {
            current.requests += 1;
            current.last_request = Some(now);
        }
        first
    }

    pub(super) fn record_failure(
        &mut self,
        observer: Observer,
        reason: &'static str,
        now: Instant,
    ) -> FirstOccurrence {
        self.failing[observer as usize] = true;
        self.add_reason(reason, now)
    }

    pub(super) fn record_recovery(&mut self, observer: Observer, now: Instant) {
        let was_failing = std::mem::take(&mut self.failing[observer as usize]);
        if let Some(current) = self.current.as_mut().filter(|_| was_failing) {
            current.last = now;
        }
    }

    fn add_reason(&mut self, reason: &'static str, now: Instant) -> FirstOccurrence {
        let Some(current) = &mut self.current else {
            let reasons = vec![reason];
            self.current = Some(CurrentOutage {
                began: now,
                last: now,
                last_request: None,
                requests: 0,
                reasons,
            });
            return FirstOccurrence::OfOutage;
        };
        current.last = now;
        if current.reasons.contains(&reason) {
            return FirstOccurrence::None;
        }
        current.reasons.push(reason);
        FirstOccurrence::OfReason
    }

    /// Ends the outage if it is over.
    pub(super) fn end(&mut self, now: Instant) -> Option<EndedOutage> {
        let current = self.current.as_ref()?;
        let is_quiet = |last| now.saturating_duration_since(last) >= QUIET;
        let is_over = self.failing == [false; 3] && current.last_request.is_none_or(is_quiet);
        let ended = self.current.take_if(|_| is_over)?;
        Some(EndedOutage { requests: ended.requests, duration: ended.last - ended.began })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{EndedOutage, FirstOccurrence, Observer, Outage};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn outage_begins_and_ends_once() {
        let (mut outage, start) = (Outage::new(), Instant::now());
        let health = Observer::HealthCheck;
        assert_eq!(outage.record_request("vault_unavailable", start), FirstOccurrence::OfOutage);
        for second in 1..60 {
            let now = start + SECOND * second;
            let failed = outage.record_failure(health, "vault_unavailable", now);
            assert_eq!(failed, FirstOccurrence::None);
            assert_eq!(outage.record_request("vault_unavailable", now), FirstOccurrence::None);
            assert_eq!(outage.end(now + SECOND * 30), None, "it is still failing");
        }
        let sealed = outage.record_failure(health, "vault_sealed", start + SECOND * 60);
        assert_eq!(sealed, FirstOccurrence::OfReason);
        outage.record_recovery(health, start + SECOND * 61);
        assert_eq!(outage.end(start + SECOND * 61), None, "requests may still fail");
        let ended = EndedOutage { requests: 60, duration: SECOND * 61 };
        assert_eq!(outage.end(start + SECOND * 63), Some(ended));
        assert_eq!(outage.end(start + SECOND * 64), None);
        outage.record_recovery(health, start + SECOND * 65);
        assert_eq!(outage.end(start + SECOND * 65), None);
    }

    #[test]
    fn outage_without_requests_ends_at_once() {
        let (mut outage, start) = (Outage::new(), Instant::now());
        outage.record_failure(Observer::HealthCheck, "vault_sealed", start);
        outage.record_failure(Observer::Session, "vault_sealed", start);
        outage.record_recovery(Observer::HealthCheck, start + SECOND);
        assert_eq!(outage.end(start + SECOND * 9), None, "the session has not recovered");
        outage.record_recovery(Observer::Session, start + SECOND * 2);
        let ended = EndedOutage { requests: 0, duration: SECOND * 2 };
        assert_eq!(outage.end(start + SECOND * 2), Some(ended));
    }

    #[test]
    fn isolated_failures_end_when_quiet() {
        let (mut outage, start) = (Outage::new(), Instant::now());
        outage.record_request("overloaded", start);
        outage.record_request("overloaded", start + SECOND * 2);
        assert_eq!(outage.end(start + SECOND * 4), None);
        let ended = EndedOutage { requests: 2, duration: SECOND * 2 };
        assert_eq!(outage.end(start + SECOND * 5), Some(ended));
    }
}
