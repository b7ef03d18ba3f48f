//! The console: an HTML page of the admin listener that shows the last hour, and explains decisions. This
//! module only renders; it knows neither requests nor Vault.
//!
//! The page is complete without its script. The script fetches the same page every few seconds and replaces
//! what has changed, so that values are escaped in one place, by the templates.

mod assets;
mod chart;
mod denials;
mod explanation;
mod format;
mod latency;
mod page;
mod reasons;
#[cfg(test)]
mod tests;
mod text;
mod vault;

pub use assets::content_security_policy;
pub use explanation::{ExplainProblem, ExplanationPage};
pub use page::{ConsoleData, ConsolePage, ReadinessState, ServiceTokenState};
