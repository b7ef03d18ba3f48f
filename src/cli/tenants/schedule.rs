//! A tenant's automatic rotation, as it is shown.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    cli::{operator::Operator, output::Style},
    policies::Mounts,
    tenants::{Age, Due, Key, RotationInterval, Tenant, TenantName},
    vault::{RotationIntervals, TenantSettings, Untold, server_time},
};

/// The automatic rotation of all tenants, at one moment.
pub(super) struct Schedules {
    intervals: Result<RotationIntervals, String>,
    now: Timestamp,
}

/// The automatic rotation of one tenant.
pub(super) struct Schedule {
    interval: Result<Option<RotationInterval>, String>,
    key: Option<Dates>,
}

/// The past and the future of a key.
#[derive(Clone, Copy)]
struct Dates {
    age: Option<Age>,
    auto_rotate: Option<Duration>,
}

/// The meaning of Vault's own rotation.
pub(super) const AUTO_ROTATE: &str = "Vault itself gives a key with auto_rotate_period a new version at that interval, and never \
     rewraps the secrets; `tenants rotate --due` does, for tenants with --rotate-every";

impl Schedules {
    /// Reads all settings.
    ///
    /// # Errors
    /// Vault's clock cannot be read. Settings that cannot be read are part of the result.
    pub(super) async fn read(operator: &Operator, mounts: &Mounts) -> Result<Self, String> {
        let now = now(operator).await?;
        let intervals = TenantSettings::new(&operator.session, mounts).rotation_intervals().await;
        Ok(Self { intervals: intervals.map_err(|error| unlisted(&error, mounts)), now })
    }

    /// That of this tenant, with this key.
    pub(super) fn of(&self, tenant: &TenantName, key: Option<&Key>) -> Schedule {
        let interval = match &self.intervals {
            Err(why) => Err(why.clone()),
            Ok(intervals) => intervals.get(tenant.as_str()).cloned().transpose(),
        };
        Schedule::new(interval, key, self.now)
    }

    /// Returns why no settings could be read, if so.
    pub(super) fn unread(self) -> Option<String> {
        self.intervals.err()
    }
}

/// The time by Vault's clock.
pub(super) async fn now(operator: &Operator) -> Result<Timestamp, String> {
    let now = server_time(operator.session.client()).await;
    now.map_err(|error| format!("Vault's clock cannot be read: {}", error.detail))
}

/// Why the settings of tenants could not be read, and what helps.
pub(super) fn unlisted(error: &Untold, Mounts { kv, .. }: &Mounts) -> String {
    let what = format!("cannot read {kv}/tenant-settings: {error}");
    match error {
        Untold::NotAllowed(_) => format!(
            "{what}; your token needs list on {kv}/metadata/tenant-settings and read on \
             {kv}/data/tenant-settings/+, as policies/operator.hcl and policies/key-rotator.hcl \
             have it"
        ),
        Untold::Failed(_) => what,
    }
}

impl Schedule {
    /// Reads that of a tenant.
    ///
    /// # Errors
    /// Vault's clock cannot be read. Settings that cannot be read are part of the result.
    pub(super) async fn read(
        operator: &Operator,
        mounts: &Mounts,
        tenant: &Tenant,
    ) -> Result<Self, String> {
        let now = now(operator).await?;
        let settings = TenantSettings::new(&operator.session, mounts);
        let interval = settings.rotation_interval(&tenant.name).await;
        let interval = interval.map_err(|trouble| trouble.to_string());
        Ok(Self::new(interval, tenant.key.as_ref(), now))
    }

    /// Compares a key with its interval, by Vault's clock.
    fn new(
        interval: Result<Option<RotationInterval>, String>,
        key: Option<&Key>,
        now: Timestamp,
    ) -> Self {
        let dates = |key: &Key| Dates {
            age: Age::between(key.rotation.created_at, now),
            auto_rotate: key.rotation.auto_rotate,
        };
        Self { interval, key: key.map(dates) }
    }

    fn due(&self) -> Option<Due> {
        let interval = self.interval.as_ref().ok().copied().flatten()?;
        Some(interval.compare(self.key?.age))
    }

    /// Whether Vault itself rotates the key.
    pub(super) fn is_rotated_by_vault(&self) -> bool {
        self.key.is_some_and(|key| key.auto_rotate.is_some())
    }

    /// The age of the key.
    pub(super) fn age(&self, style: &Style) -> String {
        match self.key {
            None => String::new(),
            Some(Dates { age: Some(age), .. }) => age.to_string(),
            Some(Dates { age: None, .. }) => style.bad("in the future"),
        }
    }

    /// The interval, and Vault's own.
    pub(super) fn every(&self, style: &Style) -> String {
        let own = match &self.interval {
            Ok(None) => String::new(),
            Ok(Some(interval)) => interval.to_string(),
            Err(_) => style.bad("unreadable"),
        };
        let auto = self.key.and_then(|key| key.auto_rotate);
        let auto = auto.map(|auto| format!("Vault: {}", humantime::format_duration(auto)));
        match auto {
            None => own,
            Some(auto) if own.is_empty() => style.doubtful(&auto),
            Some(auto) => format!("{own}, {auto}"),
        }
    }

    /// Whether it is due.
    pub(super) fn due_cell(&self, style: &Style) -> String {
        match self.due() {
            None | Some(Due::NotYet) => String::new(),
            Some(due @ Due::Due) => style.doubtful(due.word()),
            Some(due @ (Due::Overdue | Due::Unknown)) => style.bad(due.word()),
        }
    }

    /// All of it in a sentence.
    pub(super) fn as_text(&self, style: &Style) -> String {
        let every = match &self.interval {
            Ok(None) => "by hand only".to_owned(),
            Ok(Some(interval)) => format!("every {interval}"),
            Err(why) => style.bad(why),
        };
        let due = match self.due() {
            None => String::new(),
            Some(Due::NotYet) => ", not due yet".to_owned(),
            Some(Due::Unknown) => format!(", {}", style.bad("its date is in the future")),
            Some(_) => format!(", {}", self.due_cell(style)),
        };
        let auto = self.key.and_then(|key| key.auto_rotate);
        let auto = auto.map(|auto| {
            let auto = humantime::format_duration(auto);
            style.doubtful(&format!("; Vault rotates it every {auto}, and never rewraps"))
        });
        format!("{every}{due}{}", auto.unwrap_or_default())
    }

    /// All of it for programs.
    pub(super) fn as_json(&self) -> Value {
        let age = self.key.and_then(|key| key.age);
        let auto = self.key.and_then(|key| key.auto_rotate);
        json!({
            "every": self.interval.as_ref().ok().copied().flatten().map(|every| every.to_string()),
            "unreadable": self.interval.as_ref().err(),
            "age_seconds": age.map(Age::as_secs),
            "due": self.due().map(Due::word),
            "auto_rotate_period": auto.map(|auto| auto.as_secs()),
        })
    }
}
