//! The running service: its parts, and the ones that a reload of the configuration replaces.

use std::{sync::Arc, time::Duration};

use tokio::time::interval;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::{
    auth::FailureLimiter,
    config::{Settings, SettingsSnapshot},
    sealed::KeyRing,
    server::{
        background::{BackgroundTasks, ExitedTasks},
        feed_link::FeedLink,
        handlers::{CurrentHandlers, HandlerParts, Handlers, SharedState},
        metrics_source::{MetricsExportTask, MetricsSource},
        policy_drift,
        replaceable::Replaceable,
        run_error::RunError,
        vault_link::VaultLink,
    },
    telemetry::run_log_reports,
    token::{TokenBackend, TokenCache},
    vault::{Client, Requester, VaultTokenBackend},
};

/// The interval at which expired cache entries and failures are removed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// The running service.
pub(super) struct Service {
    pub(super) current: CurrentHandlers,
    pub(super) shared: SharedState,
    pub(super) vault: VaultLink,
    pub(super) cache: Arc<TokenCache>,
    pub(super) feed: FeedLink,
    pub(super) failure_limiter: Arc<FailureLimiter>,
    /// The settings that the service runs with.
    pub(super) snapshot: SettingsSnapshot,
    /// The keys of sessions; `None` without browser logins.
    pub(super) keys: Option<Arc<KeyRing>>,
    pub(super) policy_drift: Option<AbortOnDropHandle<()>>,
    /// The tasks that revoke the tokens of replaced sessions.
    pub(super) retirements: TaskTracker,
    pub(super) tasks: BackgroundTasks,
    export: Option<MetricsExportTask>,
    _lasting_tasks: Vec<AbortOnDropHandle<()>>,
}

impl Service {
    /// Creates the handlers and starts the background tasks.
    ///
    /// # Errors
    /// [`RunError::PublicDocuments`]
    pub(super) fn start(
        settings: &Settings,
        client: Client,
        shared: SharedState,
    ) -> Result<(Self, ExitedTasks), RunError> {
        let (tasks, exited) = BackgroundTasks::new();
        let mut vault = VaultLink::start(client, &settings.vault, &settings.login, &tasks);
        vault.watch_health(shared.health.clone(), &tasks);
        let cache = Arc::new(TokenCache::new(settings.cache, token_backend(&vault, settings)));
        let feed = FeedLink::start(settings, &cache, &vault.session, &shared.metrics)?;
        let failure_limiter = Arc::new(FailureLimiter::new(settings.failure_limit));
        let parts = HandlerParts {
            shared: &shared,
            vault: &vault,
            cache: &cache,
            feed: &feed.feed,
            failure_limiter: &failure_limiter,
        };
        let current = CurrentHandlers::new(Handlers::new(settings, &parts)?);
        let drift = settings.policy_drift.clone();
        let policy_drift = policy_drift::spawn(drift, &vault.session, &shared.metrics);
        let export = MetricsExportTask::start(settings.metrics_export.clone(), &current.source);
        let history = shared.console.record_history(Arc::clone(&current.source));
        let lasting_tasks = vec![
            tasks.spawn("the sweep of the token cache", sweep(Arc::clone(&current.source))),
            tasks.spawn("the report of omitted log lines", run_log_reports()),
            tasks.spawn("the history of the console", history),
        ];
        let service = Self {
            current,
            shared,
            vault,
            cache,
            feed,
            failure_limiter,
            snapshot: settings.snapshot.clone(),
            keys: sealing_keys(settings),
            policy_drift,
            retirements: TaskTracker::new(),
            tasks,
            export,
            _lasting_tasks: lasting_tasks,
        };
        Ok((service, exited))
    }

    /// Revokes the service's own token, and exports the metrics a last time. The listeners are shut down
    /// already.
    pub(super) async fn close(&mut self) {
        self.retirements.close();
        let last_export = async {
            if let Some(export) = self.export.take() {
                export.finish().await;
            }
        };
        let (closed, (), ()) =
            tokio::join!(self.vault.session.close(), last_export, self.retirements.wait());
        if let Err(error) = closed {
            tracing::warn!("{error}");
        }
    }
}

/// Returns the backend of the token cache.
pub(super) fn token_backend(vault: &VaultLink, settings: &Settings) -> Arc<dyn TokenBackend> {
    let (session, mount) = (Arc::clone(&vault.session), settings.subject_mount.clone());
    Arc::new(VaultTokenBackend::new(session, Requester::Service, mount))
}

/// Returns the keys of sessions; `None` without browser logins.
pub(super) fn sealing_keys(settings: &Settings) -> Option<Arc<KeyRing>> {
    settings.browser_login.as_ref().map(|login| Arc::clone(&login.keys))
}

/// Removes expired cache entries and failures periodically, without end.
async fn sweep(source: Arc<Replaceable<MetricsSource>>) {
    let mut sweeps = interval(SWEEP_INTERVAL);
    loop {
        sweeps.tick().await;
        let source = source.current();
        source.validator.remove_expired().await;
    }
}
