//! The log and the decision log.

mod decision_log;
mod decision_log_faults;
mod denials;
mod flood;
mod outages;
mod start;

use std::time::Duration;

use serde_json::Value;

use crate::support::{validator::Validator, wait::eventually};

/// The time within which a line is in the log.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The default level, which tests replace by `trace` elsewhere.
const INFO: (&str, &str) = ("VALIDATOR_LOG", "info");

/// Returns the lines of a log in JSON.
fn json_lines(log: &str) -> Vec<Value> {
    let line = |line: &str| {
        let parsed: Result<Value, _> = serde_json::from_str(line);
        parsed.unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    log.lines().map(line).collect()
}

/// Waits until the log in JSON has a line with this value in this field, and returns it.
async fn line_with(validator: &Validator, field: &str, value: &str) -> Value {
    eventually(TIMEOUT, &format!("a line with {field} {value}"), async || {
        let log = validator.log();
        // The last line may not be complete yet.
        let complete = &log[..=log.rfind('\n')?];
        json_lines(complete).into_iter().find(|line| line[field] == value)
    })
    .await
}
