use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Authorizer,
    login::LoginLimiter,
    server::{login::LoginState, readiness::Readiness, replaceable::Replaceable},
    telemetry::{Limiter, Metrics, MetricsExport, MetricsExporter, MetricsSnapshot},
};

/// The metrics with the parts of the service whose state they report.
#[derive(Clone)]
pub(super) struct MetricsSource {
    pub(super) metrics: Arc<Metrics>,
    pub(super) readiness: Readiness,
    pub(super) validator: Arc<Authorizer>,
    pub(super) login: Option<Arc<LoginState>>,
}

impl MetricsSource {
    /// Returns the present state.
    pub(super) async fn snapshot(&self) -> MetricsSnapshot {
        let Self { readiness, validator, login, .. } = self;
        let mut limited_addresses =
            vec![(Limiter::Validate, validator.failure_limiter.address_count().await)];
        if let Some(login) = login {
            limited_addresses.extend(address_counts(&login.limiter).await);
        }
        MetricsSnapshot {
            is_ready: readiness.check().is_ok(),
            cached_tokens: validator.cache.entry_counts().await,
            evictions: validator.cache.evictions(),
            vault_state: readiness.health.borrow().as_str(),
            token_remaining: readiness.session.token_remaining(),
            limited_addresses,
        }
    }
}

async fn address_counts(limiter: &LoginLimiter) -> [(Limiter, u64); 4] {
    let counts = limiter.address_counts().await;
    [
        (Limiter::Login, counts.logins),
        (Limiter::Authorize, counts.authorizations),
        (Limiter::Token, counts.token_requests),
        (Limiter::Registration, counts.registrations),
    ]
}

/// The task that exports the metrics.
pub(super) struct MetricsExportTask {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl MetricsExportTask {
    /// Starts the export if there is one. If it cannot be started, that is logged, and the service runs
    /// without it.
    pub(super) fn start(
        export: Option<MetricsExport>,
        source: &Arc<Replaceable<MetricsSource>>,
    ) -> Option<Self> {
        let (source, metrics) = (Arc::clone(source), Arc::clone(&source.current().metrics));
        let snapshot = async move || source.current().snapshot().await;
        let exporter = match MetricsExporter::new(export?, metrics, snapshot) {
            Ok(exporter) => exporter,
            Err(error) => {
                tracing::error!(error, "the export of metrics is disabled: it cannot be started");
                return None;
            }
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(exporter.run(stop.clone()));
        Some(Self { task, stop })
    }

    /// Exports a last time, and ends.
    pub(super) async fn finish(self) {
        self.stop.cancel();
        // Fails only after a panic of the task, which is logged.
        let _ = self.task.await;
    }
}
