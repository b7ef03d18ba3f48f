//! The automatic rotation of tenants' keys.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    diagnosis::Finding,
    platform::{Viewer, untold},
};
use crate::{
    cli::output::counted,
    policies::Mounts,
    tenants::{Age, Due},
    vault::{Key, RotationIntervals, Session, TenantSettings, Untold, server_time},
};

pub(super) const SETTINGS: &str = "rotate-every";
pub(super) const AGE: &str = "age of keys";
pub(super) const AUTO_ROTATE: &str = "Vault's rotation";

/// The remedy that leaves rotations to this program.
const SWITCH_OFF: &str = "`bao write transit/keys/tenant-NAME/config auto_rotate_period=0`";

const WHERE: &str = "docs/secrets-commands.md says how to run it every day";

/// Looks at settings, ages, and Vault's own rotation. `keys` is `None` if they cannot be read.
pub(super) async fn examine(
    session: &Session,
    mounts: &Mounts,
    keys: Option<&BTreeMap<String, Key>>,
    viewer: Viewer,
) -> [Finding; 3] {
    let intervals = match TenantSettings::new(session, mounts).rotation_intervals().await {
        Ok(intervals) => intervals,
        Err(error) => {
            let needed = format!("read and list on {}/…/tenant-settings", mounts.kv);
            let skipped = |check| Finding::skipped(check, "the settings cannot be read", "");
            let settings = untold(SETTINGS, &error, viewer, &needed, "operator");
            return [settings, skipped(AGE), skipped(AUTO_ROTATE)];
        }
    };
    let Some(keys) = keys else {
        let skipped = |check| Finding::skipped(check, "the tenants' keys cannot be read", "");
        return [SETTINGS, AGE, AUTO_ROTATE].map(skipped);
    };
    let now = server_time(session.client()).await;
    let age = now.map_err(|error| Untold::Failed(error.detail.to_string()));
    let age = age.and_then(|now| examine_ages(&intervals, keys, now));
    let age = age.unwrap_or_else(|error| untold(AGE, &error, viewer, "", "operator"));
    let auto_rotate = examine_auto_rotate(&intervals, keys);
    let auto_rotate =
        auto_rotate.unwrap_or_else(|error| untold(AUTO_ROTATE, &error, viewer, "", "operator"));
    [examine_settings(&intervals, keys), age, auto_rotate]
}

fn examine_settings(intervals: &RotationIntervals, keys: &BTreeMap<String, Key>) -> Finding {
    let unreadable: Vec<String> = intervals
        .iter()
        .filter_map(|(tenant, interval)| Some((tenant, interval.as_ref().err()?)))
        .map(|(tenant, why)| format!("{}: {why}", tenant.escape_debug()))
        .collect();
    if !unreadable.is_empty() {
        return Finding::failed(
            SETTINGS,
            format!("cannot be read: {}", unreadable.join("; ")),
            "`tenants set TENANT --rotate-every 90d` replaces them, `never` removes them",
        );
    }
    let keyless: Vec<&str> =
        intervals.keys().filter(|tenant| !keys.contains_key(*tenant)).map(String::as_str).collect();
    if !keyless.is_empty() {
        return Finding::warning(
            SETTINGS,
            format!("of tenants without a key: {}", keyless.join(", ")),
            "`tenants set TENANT --rotate-every never` removes them",
        );
    }
    let tenants = counted(keys.len() as u64, "tenant");
    Finding::ok(SETTINGS, format!("{} of {tenants} with --rotate-every", intervals.len()))
}

fn examine_ages(
    intervals: &RotationIntervals,
    keys: &BTreeMap<String, Key>,
    now: Timestamp,
) -> Result<Finding, Untold> {
    let (mut overdue, mut undated, mut due) = (Vec::new(), Vec::new(), 0);
    for (tenant, interval) in intervals {
        let (Ok(interval), Some(key)) = (interval, keys.get(tenant)) else { continue };
        let age = Age::between(key.rotation()?.created_at, now);
        match (interval.compare(age), age) {
            (Due::Overdue, Some(age)) => {
                overdue.push(format!("{tenant} ({age} old, every {interval})"));
            }
            (Due::Unknown | Due::Overdue, _) => undated.push(tenant.as_str()),
            (Due::Due, _) => due += 1,
            (Due::NotYet, _) => {}
        }
    }
    Ok(if !overdue.is_empty() {
        let remedy = format!("run `tenants rotate --due`; {WHERE}");
        Finding::failed(AGE, format!("overdue: {}", overdue.join(", ")), remedy)
    } else if !undated.is_empty() {
        Finding::failed(
            AGE,
            format!("dated in the future by Vault's own clock: {}", undated.join(", ")),
            "set the clocks of Vault's nodes right, then `tenants rotate TENANT`",
        )
    } else if due > 0 {
        Finding::ok(AGE, format!("{} due for `tenants rotate --due`", counted(due, "key")))
    } else {
        Finding::ok(AGE, "no key is older than its interval")
    })
}

fn examine_auto_rotate(
    intervals: &RotationIntervals,
    keys: &BTreeMap<String, Key>,
) -> Result<Finding, Untold> {
    let (mut alone, mut with_ours) = (Vec::new(), Vec::new());
    for (tenant, key) in keys {
        if let Some(period) = key.rotation()?.auto_rotate {
            let named = format!("{tenant} (every {})", humantime::format_duration(period));
            let list = if intervals.contains_key(tenant) { &mut with_ours } else { &mut alone };
            list.push(named);
        }
    }
    Ok(if !alone.is_empty() {
        Finding::warning(
            AUTO_ROTATE,
            format!(
                "auto_rotate_period gives these keys new versions, and nothing rewraps the secrets: \
                 {}",
                alone.join(", ")
            ),
            format!("`tenants set NAME --rotate-every 90d` instead, and {SWITCH_OFF}; {WHERE}"),
        )
    } else if !with_ours.is_empty() {
        Finding::warning(
            AUTO_ROTATE,
            format!(
                "auto_rotate_period gives these keys new versions beside `rotate --due`, which \
                 rewraps the secrets, and heeds no lease: {}",
                with_ours.join(", ")
            ),
            SWITCH_OFF,
        )
    } else {
        Finding::ok(AUTO_ROTATE, "no key has auto_rotate_period")
    })
}
