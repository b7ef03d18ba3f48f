//! What the service tells its operators: logs, metrics and traces. None of them may hold a token.

mod logs;
mod metrics;

pub use logs::{LogFormat, LogGuard, start_logs};
pub use metrics::{Metrics, Snapshot};
