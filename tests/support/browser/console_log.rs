//! The messages in Chromium's console: errors of scripts, and violations of a content security policy.

use serde_json::json;

use super::{Browser, command::DriverCommand};

impl Browser {
    /// Returns the errors and warnings since the last call.
    pub async fn console_messages(&self) -> Vec<String> {
        let entries = self.command(DriverCommand::post("se/log", json!({"type": "browser"}))).await;
        let entries = entries.as_array().cloned().unwrap_or_default();
        let is_fault = |level: &str| matches!(level, "SEVERE" | "WARNING");
        let faults = entries.iter().filter(|entry| entry["level"].as_str().is_some_and(is_fault));
        faults.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
