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
    /// Returns the addresses, once the log has them, in either format.
    pub fn read(log: &str) -> Option<Self> {
        let started =
            log.lines().find(|line| line.contains("started") && line.contains("admin"))?;
        let json: Option<Value> = serde_json::from_str(started).ok();
        let address = |listener: &str| {
            if let Some(line) = &json {
                return line[listener].as_str().map(str::to_owned);
            }
            let field = format!("{listener}=");
            started.split(' ').find_map(|part| part.strip_prefix(&field)).map(str::to_owned)
        };
        Some(Self { auth: address("auth")?, api: address("api")?, admin: address("admin")? })
    }
}
