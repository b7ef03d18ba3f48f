use std::{error::Error, fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    auth::{Authorizer, FailureLimiter},
    config::{BrowserLoginSettings, OAuthSettings, Settings},
    login::LoginLimiter,
    oauth::Clients,
    public_documents::PublicDocuments,
    requirements::RequirementsCache,
    server::{
        admin::{self, AdminState, ConsoleState},
        api::{self, ApiState, Capacity, LoginRoutes},
        denial_log::DenialLog,
        listener::BindError,
        listeners::{Handlers, Listeners, ServedListeners},
        login::LoginState,
        metrics_source::{MetricsExportTask, MetricsSource},
        oauth::OAuthState,
        policy_drift,
        readiness::Readiness,
        validate::ValidateHandler,
    },
    telemetry::{DecisionLog, DecisionLogError, Metrics, report_logs, run_log_reports},
    token::{CredentialReader, CredentialSources, TokenCache},
    vault::{
        CheckCache, Client, ClientSettingsError, Requester, TrustRoots, VaultHealth,
        VaultLoginBackend, VaultRefreshStore, VaultSession, VaultTokenBackend, watch_health,
    },
};

/// The maximum time for writing the queued records of the decision log at the end.
const DECISION_LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// An error that prevents the service from starting, or ends it.
#[derive(Debug)]
pub enum RunError {
    /// An address cannot be bound.
    Bind(BindError),
    /// A certificate or a key for the connection to Vault cannot be used.
    Vault(ClientSettingsError),
    /// The certificate authorities of the operating system cannot be read, which the metadata of OAuth
    /// clients is fetched with; the reason.
    PublicDocuments(String),
    /// The decision log cannot be opened.
    DecisionLog(DecisionLogError),
    /// A background task has exited, which never happens in normal operation.
    TaskExited(&'static str),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Vault(error) => error.fmt(f),
            Self::PublicDocuments(reason) => f.write_str(reason),
            Self::DecisionLog(error) => error.fmt(f),
            Self::TaskExited(task) => {
                write!(f, "{task} exited unexpectedly; please report this bug")
            }
        }
    }
}

impl Error for RunError {}

impl From<BindError> for RunError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

impl From<ClientSettingsError> for RunError {
    fn from(error: ClientSettingsError) -> Self {
        Self::Vault(error)
    }
}

impl From<DecisionLogError> for RunError {
    fn from(error: DecisionLogError) -> Self {
        Self::DecisionLog(error)
    }
}

/// Runs the service until `stop` completes and the requests in flight have their responses.
///
/// # Errors
/// [`RunError`] if it cannot start. An unavailable Vault is no error: the service reports it in
/// its responses, and keeps retrying.
pub async fn run(settings: Settings, stop: impl Future<Output = ()>) -> Result<(), RunError> {
    let metrics = Arc::new(Metrics::default());
    let client = Arc::new(Client::new(&settings.vault, Arc::clone(&metrics))?);
    let decision_log = start_decision_log(&settings)?;
    let listeners = Listeners::bind(&settings, &metrics).await?;
    let start_line = listeners.start_line(&settings);
    let shutdown = listeners.shutdown_token();
    let log = decision_log.clone();
    let service = Service::start(settings, client, (metrics, log), shutdown)?;
    let listeners = listeners.serve(service.handlers);
    start_line.log();

    let outcome = tokio::select! {
        () = stop => Ok(()),
        task = service.exited => Err(RunError::TaskExited(task)),
    };
    let log = decision_log.as_deref();
    shut_down(listeners, &service.session, service.export, log).await;
    outcome
}

/// The parts of the running service.
struct Service {
    handlers: Handlers,
    session: Arc<VaultSession>,
    export: Option<MetricsExportTask>,
    /// Resolves to the name of the first background task that exits.
    exited: BoxFuture<'static, &'static str>,
    _policy_drift: Option<AbortOnDropHandle<()>>,
}

impl Service {
    /// Creates the handlers and starts the background tasks.
    fn start(
        settings: Settings,
        client: Arc<Client>,
        (metrics, decision_log): (Arc<Metrics>, Option<Arc<DecisionLog>>),
        shutdown: CancellationToken,
    ) -> Result<Self, RunError> {
        let session = Arc::new(VaultSession::new(Arc::clone(&client), settings.login));
        let (health_sender, health) = watch::channel(VaultHealth::Unknown);
        let mount = settings.subject_mount.clone();
        let backend = VaultTokenBackend::new(Arc::clone(&session), Requester::Service, mount);
        let cache = Arc::new(TokenCache::new(settings.cache, Arc::new(backend)));
        let readiness = Readiness { session: Arc::clone(&session), health, shutdown };
        let validator = Arc::new(Authorizer {
            cache,
            root_tokens: settings.root_tokens,
            failure_limiter: FailureLimiter::new(settings.failure_limit),
            // Longer than one request to Vault takes, and shorter than a proxy waits.
            timeout: settings.vault.timeout.mul_f64(1.25),
        });
        let api = ApiState {
            validator: Arc::clone(&validator),
            credentials: settings.credentials.without_keys(),
            trust: settings.trust.clone(),
            client: Arc::clone(&client),
            mounts: settings.mounts,
            checks: CheckCache::default(),
            metrics: Arc::clone(&metrics),
            traces: settings.telemetry.traces,
            capacity: Capacity::default(),
        };
        let policy_drift = policy_drift::spawn(settings.policy_drift, &session, &metrics);
        let routes = login_routes(settings.browser_login, settings.oauth, &api)?;
        let source = MetricsSource {
            metrics: Arc::clone(&metrics),
            readiness,
            validator: Arc::clone(&validator),
            login: routes.login.clone(),
        };
        let export = MetricsExportTask::start(settings.metrics_export, &source);
        let console = ConsoleState::new(source.clone(), settings.subject_mount);
        let exited = spawn_background_tasks(
            spawn_session(&session),
            watch_health(client, health_sender),
            Arc::clone(&validator),
        );
        tokio::spawn(console.record_history());
        let login = routes.login.as_deref();
        let validate = ValidateHandler {
            validator,
            requirements: RequirementsCache::default(),
            credentials: settings.credentials,
            login: login.map(|login| Arc::clone(&login.site)),
            resources: login.and_then(|login| login.resources.clone()),
            trust: settings.trust,
            traces: settings.telemetry.traces,
            metrics,
            denials: DenialLog::default(),
            decision_log,
            recent_denials: Arc::clone(&console.denials),
        };
        let handlers = Handlers {
            validate: Arc::new(validate),
            api: api::router(api, routes),
            admin: admin::router(AdminState(source), console, settings.admin_access),
        };
        let exited = Box::pin(exited);
        Ok(Self { handlers, session, export, exited, _policy_drift: policy_drift })
    }
}

fn start_decision_log(settings: &Settings) -> Result<Option<Arc<DecisionLog>>, DecisionLogError> {
    let log = settings.decision_log.as_ref().map(DecisionLog::start).transpose()?;
    Ok(log.map(Arc::new))
}

/// Returns the routes of the login pages and of the OAuth endpoints, if they are configured.
fn login_routes(
    login: Option<BrowserLoginSettings>,
    oauth: Option<OAuthSettings>,
    api: &ApiState,
) -> Result<LoginRoutes, RunError> {
    let Some(BrowserLoginSettings { site, keys }) = login else {
        return Ok(LoginRoutes::default());
    };
    let sources = CredentialSources::session_only();
    let login = Arc::new(LoginState {
        site,
        sessions: CredentialReader::with_keys(sources, Arc::clone(&keys)),
        keys,
        backend: Arc::new(VaultLoginBackend::new(Arc::clone(&api.client))),
        validator: Arc::clone(&api.validator),
        trust: api.trust.clone(),
        limiter: LoginLimiter::default(),
        metrics: Arc::clone(&api.metrics),
        resources: oauth.as_ref().map(|oauth| Arc::clone(&oauth.resources)),
    });
    let oauth = oauth.map(|settings| oauth_state(settings, Arc::clone(&login), api)).transpose()?;
    Ok(LoginRoutes { login: Some(login), oauth })
}

fn oauth_state(
    settings: OAuthSettings,
    login: Arc<LoginState>,
    api: &ApiState,
) -> Result<OAuthState, RunError> {
    let documents = PublicDocuments::new(&TrustRoots::System, &settings.client_networks);
    let documents = documents.map_err(RunError::PublicDocuments)?;
    Ok(OAuthState {
        login,
        resources: settings.resources,
        clients: Clients::new(settings.clients, documents, settings.registration),
        refresh: Arc::new(VaultRefreshStore::new(Arc::clone(&api.client))),
    })
}

/// Spawns the task that logs in to Vault and renews the service's own token.
fn spawn_session(session: &Arc<VaultSession>) -> JoinHandle<()> {
    let session = Arc::clone(session);
    tokio::spawn(async move { session.run().await })
}

/// Drains the listeners, the admin listener last, revokes the service's own token, exports the metrics a
/// last time, and writes what is left to the logs.
async fn shut_down(
    listeners: ServedListeners,
    session: &VaultSession,
    export: Option<MetricsExportTask>,
    decision_log: Option<&DecisionLog>,
) {
    tracing::info!("stopping");
    listeners.shut_down().await;
    let last_export = async {
        if let Some(export) = export {
            export.finish().await;
        }
    };
    let (closed, ()) = tokio::join!(session.close(), last_export);
    if let Err(error) = closed {
        tracing::warn!("{error}");
    }
    if let Some(log) = decision_log {
        log.close(DECISION_LOG_TIMEOUT);
    }
    report_logs();
    tracing::info!("stopped");
}

/// Spawns the background tasks. The future resolves to the name of the first one that exits.
fn spawn_background_tasks(
    session: JoinHandle<()>,
    health: impl Future<Output: Send> + Send + 'static,
    validator: Arc<Authorizer>,
) -> impl Future<Output = &'static str> {
    let health = tokio::spawn(health);
    let sweep = tokio::spawn(async move { validator.run_eviction().await });
    let reports = tokio::spawn(run_log_reports());
    async {
        tokio::select! {
            _ = session => "the task of the Vault session",
            _ = health => "the health check of Vault",
            _ = sweep => "the sweep of the token cache",
            _ = reports => "the report of omitted log lines",
        }
    }
}
