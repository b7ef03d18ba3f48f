use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    cli::output::TextStyle,
    tenants::{KeyAge, KeyDates, RotationDue, RotationSchedule},
};

/// The note on keys that Vault itself rotates.
pub(super) const AUTO_ROTATE_NOTE: &str = "Vault adds a version to a key with auto_rotate_period at that interval, and never rewraps the \
     secrets; `tenants rotate --due` does, for tenants with --rotate-every";

/// Returns the age of the key; empty if there is none.
pub(super) fn age_cell(schedule: &RotationSchedule, style: &TextStyle) -> String {
    match schedule.key {
        None => String::new(),
        Some(KeyDates { age: Some(age), .. }) => age.to_string(),
        Some(KeyDates { age: None, .. }) => style.error("in the future"),
    }
}

/// Returns the interval, and that of Vault's own rotation.
pub(super) fn interval_cell(schedule: &RotationSchedule, style: &TextStyle) -> String {
    let interval = match &schedule.interval {
        Ok(None) => String::new(),
        Ok(Some(interval)) => interval.to_string(),
        Err(_) => style.error("unreadable"),
    };
    let auto = schedule.auto_rotate();
    let auto = auto.map(|auto| format!("Vault: {}", humantime::format_duration(auto)));
    match auto {
        None => interval,
        Some(auto) if interval.is_empty() => style.warning(&auto),
        Some(auto) => format!("{interval}, {auto}"),
    }
}

/// Returns whether the rotation is due; empty if it is not.
pub(super) fn due_cell(schedule: &RotationSchedule, style: &TextStyle) -> String {
    match schedule.due() {
        None | Some(RotationDue::NotYet) => String::new(),
        Some(due @ RotationDue::Due) => style.warning(due.as_str()),
        Some(due @ (RotationDue::Overdue | RotationDue::Unknown)) => style.error(due.as_str()),
    }
}

/// Returns the schedule in one line.
pub(super) fn schedule_text(schedule: &RotationSchedule, style: &TextStyle) -> String {
    let interval = match &schedule.interval {
        Ok(None) => "on request only".to_owned(),
        Ok(Some(interval)) => format!("every {interval}"),
        Err(error) => style.error(error),
    };
    let due = match schedule.due() {
        None => String::new(),
        Some(RotationDue::NotYet) => ", not due yet".to_owned(),
        Some(RotationDue::Unknown) => format!(", {}", style.error("its date is in the future")),
        Some(_) => format!(", {}", due_cell(schedule, style)),
    };
    let auto = schedule.auto_rotate().map(|auto| {
        let auto = humantime::format_duration(auto);
        style.warning(&format!("; Vault rotates it every {auto}, and never rewraps"))
    });
    format!("{interval}{due}{}", auto.unwrap_or_default())
}

/// Returns the schedule as JSON.
pub(super) fn schedule_json(schedule: &RotationSchedule) -> Value {
    let age = schedule.key.and_then(|key| key.age);
    json!({
        "every": schedule.known_interval().map(|interval| interval.to_string()),
        "unreadable": schedule.interval.as_ref().err(),
        "age_seconds": age.map(KeyAge::as_secs),
        "due": schedule.due().map(RotationDue::as_str),
        "auto_rotate_period": schedule.auto_rotate().map(|auto: Duration| auto.as_secs()),
    })
}
