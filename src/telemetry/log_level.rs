use std::sync::Arc;

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, reload};

use super::logs::log_filter;

/// Changes the log level while the service runs.
#[derive(Clone, Default)]
pub struct LogLevel(Vec<Arc<dyn Fn(LevelFilter) + Send + Sync>>);

impl LogLevel {
    /// Returns a filter whose level this changes, from now on.
    pub(super) fn new_filter<S: Subscriber>(
        &mut self,
        level: LevelFilter,
    ) -> reload::Layer<Targets, S> {
        let (filter, handle) = reload::Layer::new(log_filter(level));
        self.0.push(Arc::new(move |level| {
            // Fails only if the filter is not in use, since there was a subscriber already.
            let _ = handle.reload(log_filter(level));
        }));
        filter
    }

    /// Logs at this level from now on.
    pub fn set(&self, level: LevelFilter) {
        for set_level in &self.0 {
            set_level(level);
        }
    }
}
