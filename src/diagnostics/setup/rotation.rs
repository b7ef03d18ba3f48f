//! Checks of the scheduled rotation of tenants' keys.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::access::{TokenOwner, inspect_failure};
use crate::{
    diagnostics::finding::{Finding, skipped},
    policy::Mounts,
    tenants::{KeyAge, RotationDue},
    vault::{
        InspectError, RotationIntervals, TenantSettings, TransitKey as Key, VaultSession,
        server_time,
    },
};

pub(super) const SETTINGS: &str = "rotate-every";
pub(super) const AGE: &str = "age of keys";
pub(super) const AUTO_ROTATE: &str = "Vault's rotation";

const CHECKS: [&str; 3] = [SETTINGS, AGE, AUTO_ROTATE];

/// The command that disables auto-rotation by Vault.
const DISABLE_AUTO_ROTATE: &str =
    "`bao write transit/keys/tenant-NAME/config auto_rotate_period=0`";

const DOCS: &str = "docs/secrets-commands.md describes how to run it daily";

/// Checks the tenants' intervals, the ages of their keys, and auto-rotation by Vault. `keys` is
/// `None` if they cannot be read.
pub(super) async fn check(
    session: &VaultSession,
    mounts: &Mounts,
    keys: Option<&BTreeMap<String, Key>>,
    owner: TokenOwner,
) -> Vec<Finding> {
    let intervals = match TenantSettings::new(session, mounts).rotation_intervals().await {
        Ok(intervals) => intervals,
        Err(error) => {
            let needed = format!("read and list on {}/…/tenant-settings", mounts.kv);
            let settings = inspect_failure(SETTINGS, &error, owner, &needed, "operator");
            let rest = skipped([AGE, AUTO_ROTATE], "the settings cannot be read");
            return [settings].into_iter().chain(rest).collect();
        }
    };
    let Some(keys) = keys else {
        return skipped(CHECKS, "the tenants' keys cannot be read").collect();
    };
    let failed = |check| move |error| inspect_failure(check, &error, owner, "", "operator");
    let now = server_time(session.client()).await;
    let age = now.map_err(|error| InspectError::Failed(error.detail.to_string()));
    let age = age.and_then(|now| check_ages(&intervals, keys, now));
    vec![
        check_settings(&intervals, keys),
        age.unwrap_or_else(failed(AGE)),
        check_auto_rotate(&intervals, keys).unwrap_or_else(failed(AUTO_ROTATE)),
    ]
}

fn check_settings(intervals: &RotationIntervals, keys: &BTreeMap<String, Key>) -> Finding {
    let unreadable: Vec<String> = intervals
        .iter()
        .filter_map(|(tenant, interval)| Some((tenant, interval.as_ref().err()?)))
        .map(|(tenant, why)| format!("{}: {why}", tenant.escape_debug()))
        .collect();
    if !unreadable.is_empty() {
        return Finding::failed(
            SETTINGS,
            format!("invalid settings: {}", unreadable.join("; ")),
            "`tenants set TENANT --rotate-every 90d` replaces them, `never` removes them",
        );
    }
    let keyless: Vec<&str> =
        intervals.keys().filter(|tenant| !keys.contains_key(*tenant)).map(String::as_str).collect();
    if !keyless.is_empty() {
        return Finding::warning(
            SETTINGS,
            format!("settings of tenants without a key: {}", keyless.join(", ")),
            "`tenants set TENANT --rotate-every never` removes them",
        );
    }
    let (scheduled, all) = (intervals.len(), keys.len());
    Finding::ok(SETTINGS, format!("{scheduled} of {all} tenants with --rotate-every"))
}

fn check_ages(
    intervals: &RotationIntervals,
    keys: &BTreeMap<String, Key>,
    now: Timestamp,
) -> Result<Finding, InspectError> {
    let (mut overdue, mut undated, mut due) = (Vec::new(), Vec::new(), 0);
    for (tenant, interval) in intervals {
        let (Ok(interval), Some(key)) = (interval, keys.get(tenant)) else { continue };
        let age = KeyAge::between(key.rotation()?.created_at, now);
        match (interval.compare(age), age) {
            (RotationDue::Overdue, Some(age)) => {
                overdue.push(format!("{tenant} ({age} old, every {interval})"));
            }
            (RotationDue::Unknown | RotationDue::Overdue, _) => undated.push(tenant.as_str()),
            (RotationDue::Due, _) => due += 1,
            (RotationDue::NotYet, _) => {}
        }
    }
    Ok(if !overdue.is_empty() {
        let remedy = format!("run `tenants rotate --due`; {DOCS}");
        Finding::failed(AGE, format!("overdue: {}", overdue.join(", ")), remedy)
    } else if !undated.is_empty() {
        Finding::failed(
            AGE,
            format!("dated in the future according to Vault's clock: {}", undated.join(", ")),
            "correct the clocks of Vault's nodes, then run `tenants rotate TENANT`",
        )
    } else if due > 0 {
        Finding::ok(AGE, format!("keys due for `tenants rotate --due`: {due}"))
    } else {
        Finding::ok(AGE, "no key is older than its interval")
    })
}

fn check_auto_rotate(
    intervals: &RotationIntervals,
    keys: &BTreeMap<String, Key>,
) -> Result<Finding, InspectError> {
    let (mut unscheduled, mut scheduled) = (Vec::new(), Vec::new());
    for (tenant, key) in keys {
        if let Some(period) = key.rotation()?.auto_rotate {
            let named = format!("{tenant} (every {})", humantime::format_duration(period));
            let list =
                if intervals.contains_key(tenant) { &mut scheduled } else { &mut unscheduled };
            list.push(named);
        }
    }
    Ok(if !unscheduled.is_empty() {
        Finding::warning(
            AUTO_ROTATE,
            format!(
                "auto_rotate_period gives these keys new versions, and nothing rewraps the secrets: \
                 {}",
                unscheduled.join(", ")
            ),
            format!(
                "`tenants set NAME --rotate-every 90d` instead, and {DISABLE_AUTO_ROTATE}; {DOCS}"
            ),
        )
    } else if !scheduled.is_empty() {
        Finding::warning(
            AUTO_ROTATE,
            format!(
                "auto_rotate_period gives these keys new versions in addition to `rotate --due`, \
                 which rewraps the secrets, and ignores its lease: {}",
                scheduled.join(", ")
            ),
            DISABLE_AUTO_ROTATE,
        )
    } else {
        Finding::ok(AUTO_ROTATE, "no key has auto_rotate_period")
    })
}
