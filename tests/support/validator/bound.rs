//! The addresses that the validator listens on, read from its log.

use serde_json::Value;

/// The addresses (`host:port`) of the three listeners, empty until they are known.
#[derive(Debug, Default, Clone)]
pub struct Bound {
    pub auth: String,
    pub api: String,
    pub admin: String,
}

impl Bound {
    /// Returns the addresses, once the log has all three.
    pub fn read(log: &str) -> Option<Self> {
        let lines: Vec<Value> =
            log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let address = |listener: &str| {
            lines.iter().map(|line| &line["fields"]).find_map(|fields| {
                (fields["message"] == "listening" && fields["listener"] == listener)
                    .then(|| fields["address"].as_str().map(str::to_owned))?
            })
        };
        Some(Self { auth: address("auth")?, api: address("api")?, admin: address("admin")? })
    }
}
