use std::time::Duration;

use jiff::Timestamp;

use super::{KeyAge, RotationDue, RotationInterval, TenantKey};

/// The automatic rotation of a tenant's key, at one moment.
#[derive(Clone, Debug)]
pub struct RotationSchedule {
    /// The interval; `None` if the key is rotated on request only. An error says why the tenant's
    /// settings cannot be read.
    pub interval: Result<Option<RotationInterval>, String>,
    /// The dates of the key; `None` if the tenant has no key.
    pub key: Option<KeyDates>,
}

/// The dates of a key, compared with Vault's clock.
#[derive(Clone, Copy, Debug)]
pub struct KeyDates {
    /// The age of the latest version; `None` if its date is in the future.
    pub age: Option<KeyAge>,
    /// The interval at which Vault itself adds a version (`auto_rotate_period`).
    pub auto_rotate: Option<Duration>,
}

impl RotationSchedule {
    /// Compares a key with its interval, at the time `now` of Vault's clock.
    #[must_use]
    pub fn new(
        interval: Result<Option<RotationInterval>, String>,
        key: Option<&TenantKey>,
        now: Timestamp,
    ) -> Self {
        let dates = |key: &TenantKey| KeyDates {
            age: KeyAge::between(key.rotation.created_at, now),
            auto_rotate: key.rotation.auto_rotate,
        };
        Self { interval, key: key.map(dates) }
    }

    /// Returns the tenant's interval; `None` if it has none, or its settings cannot be read.
    #[must_use]
    pub fn known_interval(&self) -> Option<RotationInterval> {
        self.interval.as_ref().ok().copied().flatten()
    }

    /// Returns whether the rotation is due; `None` without a key or an interval.
    #[must_use]
    pub fn due(&self) -> Option<RotationDue> {
        Some(self.known_interval()?.compare(self.key?.age))
    }

    /// Returns the interval at which Vault itself adds versions to the key, if it does.
    #[must_use]
    pub fn auto_rotate(&self) -> Option<Duration> {
        self.key?.auto_rotate
    }
}
