use std::{error::Error, fmt, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::service::TowerToHyperService;
use tokio::{sync::watch, task::JoinHandle};
use tower_http::add_extension::AddExtension;

use crate::{
    auth::{Authorizer, FailureLimiter},
    config::{BrowserLoginSettings, ListenAddress, OAuthSettings, Settings},
    forwarded::Peer,
    login::LoginLimiter,
    oauth::Clients,
    public_documents::PublicDocuments,
    requirements::RequirementsCache,
    server::{
        admin::{self, AdminState},
        api::{self, ApiState, Capacity, LoginRoutes},
        connection::HyperHandler,
        layers,
        listener::{BindError, ConnectionLimits, Listener, ListenerGroup},
        login::LoginState,
        oauth::OAuthState,
        readiness::Readiness,
        validate::ValidateHandler,
    },
    telemetry::Metrics,
    token::{CredentialReader, CredentialSources, TokenCache},
    vault::{
        CheckCache, Client, ClientSettingsError, Requester, TrustRoots, VaultHealth,
        VaultLoginBackend, VaultRefreshStore, VaultSession, VaultTokenBackend, watch_health,
    },
};

/// The drain timeout of the auth and api listeners: within the ten seconds that container runtimes
/// wait.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);

/// The drain timeout of the admin listener, which shuts down last.
const ADMIN_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

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
    /// A background task has exited, which never happens in normal operation.
    TaskExited(&'static str),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Vault(error) => error.fmt(f),
            Self::PublicDocuments(reason) => f.write_str(reason),
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

/// Runs the service until `stop` completes and the requests in flight have their responses.
///
/// # Errors
/// [`RunError`] if it cannot start. An unavailable Vault is no error: the service reports it in
/// its responses, and keeps retrying.
pub async fn run(settings: Settings, stop: impl Future<Output = ()>) -> Result<(), RunError> {
    let metrics = Arc::new(Metrics::default());
    let client = Arc::new(Client::new(&settings.vault, Arc::clone(&metrics))?);
    let auth_listener = listen("auth", &settings.listen).await?;
    let api_listener = listen("api", &settings.api_listen).await?;
    let admin_listener = listen("admin", &settings.admin_listen).await?;

    let session = Arc::new(VaultSession::new(Arc::clone(&client), settings.login));
    let (health_sender, health) = watch::channel(VaultHealth::Unknown);
    let backend =
        VaultTokenBackend::new(Arc::clone(&session), Requester::Service, settings.subject_mount);
    let cache = Arc::new(TokenCache::new(settings.cache, Arc::new(backend)));
    let public_listeners = ListenerGroup::new(Arc::clone(&metrics));
    let admin_listeners = ListenerGroup::new(Arc::clone(&metrics));
    let shutdown = public_listeners.shutdown_token();
    let readiness = Readiness { session: Arc::clone(&session), health, shutdown };
    let admin = AdminState { readiness, metrics: Arc::clone(&metrics), cache: Arc::clone(&cache) };
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
    let routes = login_routes(settings.browser_login, settings.oauth, &api)?;
    let login = routes.login.as_deref();
    let health = watch_health(client, health_sender);
    let exited = spawn_background_tasks(spawn_session(&session), health, Arc::clone(&validator));
    let validate = Arc::new(ValidateHandler {
        validator,
        requirements: RequirementsCache::default(),
        credentials: settings.credentials,
        login: login.map(|login| Arc::clone(&login.site)),
        resources: login.and_then(|login| login.resources.clone()),
        trust: settings.trust,
        traces: settings.telemetry.traces,
        metrics: Arc::clone(&metrics),
    });

    let limits = ConnectionLimits::from_open_file_limit();
    validate.serve(&public_listeners, auth_listener, limits.auth);
    let api = layers::with_common_layers(api::router(api, routes), Arc::clone(&metrics));
    public_listeners.serve(api_listener, limits.api, new_handler(api));
    let admin = layers::with_common_layers(admin::router(admin, settings.admin_access), metrics);
    admin_listeners.serve(admin_listener, limits.admin, new_handler(admin));

    let outcome = tokio::select! {
        () = stop => Ok(()),
        task = exited => Err(RunError::TaskExited(task)),
    };
    shut_down([public_listeners, admin_listeners], &session).await;
    outcome
}

/// Returns a function that creates the handler of a connection.
fn new_handler(router: Router) -> impl Fn(Peer) -> RouterHandler {
    move |peer| HyperHandler(TowerToHyperService::new(AddExtension::new(router.clone(), peer)))
}

/// The handler of a connection that axum serves. Requests have the peer as an extension.
type RouterHandler = HyperHandler<TowerToHyperService<AddExtension<Router, Peer>>>;

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

/// Drains the listeners, the admin listener last, and revokes the service's own token.
async fn shut_down(
    [public_listeners, admin_listeners]: [ListenerGroup; 2],
    session: &VaultSession,
) {
    tracing::info!("stopping");
    public_listeners.shutdown(DRAIN_TIMEOUT).await;
    admin_listeners.shutdown(ADMIN_DRAIN_TIMEOUT).await;
    if let Err(error) = session.close().await {
        tracing::warn!("{error}");
    }
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
    async {
        tokio::select! {
            _ = session => "the task of the Vault session",
            _ = health => "the health check of Vault",
            _ = sweep => "the sweep of the token cache",
        }
    }
}

async fn listen(name: &str, address: &ListenAddress) -> Result<Listener, BindError> {
    let listener = Listener::bind(address).await?;
    tracing::info!(listener = name, address = listener.address(), "listening");
    Ok(listener)
}
