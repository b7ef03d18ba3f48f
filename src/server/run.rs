use std::{error::Error, fmt, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::service::TowerToHyperService;
use tokio::{sync::watch, task::JoinHandle};
use tower_http::add_extension::AddExtension;

use crate::{
    config::{Listen, Settings},
    decision::{Failures, Validator},
    requirement::KnownRequirements,
    server::{
        admin::{self, Admin},
        api::{self, Api, Capacity},
        auth::Auth,
        bind::{BindError, Listener},
        connection::Each,
        descriptors::ConnectionLimits,
        doors::Doors,
        outer,
        readiness::Readiness,
    },
    telemetry::Metrics,
    token::FactsCache,
    vault::{
        Asker, Client, Health, RecentChecks, Session, SettingsError, VaultAuthority, watch_health,
    },
};

/// How long requests under way are waited for when the service stops: within the ten seconds that
/// container runtimes give.
const DRAIN: Duration = Duration::from_secs(8);

/// How long the same takes for operators, who come last.
const DRAIN_ADMIN: Duration = Duration::from_secs(1);

/// Why the service could not start, or not go on.
#[derive(Debug)]
pub enum RunError {
    /// An address cannot be listened on.
    Bind(BindError),
    /// A certificate or a key cannot be used.
    Vault(SettingsError),
    /// A task that never ends has ended; there is no going on without it.
    Broken(&'static str),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Vault(error) => error.fmt(f),
            Self::Broken(task) => write!(f, "{task} broke; this is a fault of the program"),
        }
    }
}

impl Error for RunError {}

impl From<BindError> for RunError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

impl From<SettingsError> for RunError {
    fn from(error: SettingsError) -> Self {
        Self::Vault(error)
    }
}

/// Runs the service until `stop` completes and the requests under way are answered.
///
/// # Errors
/// [`RunError`] if it cannot start. Once it runs, it does not fail for want of Vault: it says so to
/// whoever asks, and goes on trying.
pub async fn run(settings: Settings, stop: impl Future<Output = ()>) -> Result<(), RunError> {
    let metrics = Arc::new(Metrics::default());
    let client = Arc::new(Client::new(&settings.vault, Arc::clone(&metrics))?);
    let auth_listener = listen("auth", &settings.listen).await?;
    let api_listener = listen("api", &settings.api_listen).await?;
    let admin_listener = listen("admin", &settings.admin_listen).await?;

    let session = Arc::new(Session::new(Arc::clone(&client), settings.login));
    let (health_sender, health) = watch::channel(Health::Unknown);
    let authority =
        VaultAuthority::new(Arc::clone(&session), Asker::Service, settings.subject_mount);
    let authority = Arc::new(authority);
    let cache = Arc::new(FactsCache::new(settings.cache, authority));
    let front = Doors::new(Arc::clone(&metrics));
    let back = Doors::new(Arc::clone(&metrics));
    let readiness = Readiness { session: Arc::clone(&session), health, stopping: front.closing() };
    let admin = Admin { readiness, metrics: Arc::clone(&metrics), cache: Arc::clone(&cache) };
    let validator = Arc::new(Validator {
        cache,
        root_tokens: settings.root_tokens,
        failures: Failures::new(settings.failure_limit),
        // More than one question to Vault takes, and less than a proxy waits.
        patience: settings.vault.timeout.mul_f64(1.25),
    });
    let api = Api {
        validator: Arc::clone(&validator),
        credentials: settings.credentials.clone(),
        trust: settings.trust.clone(),
        client: Arc::clone(&client),
        mounts: settings.mounts,
        checks: RecentChecks::default(),
        metrics: Arc::clone(&metrics),
        traces: settings.telemetry.traces,
        capacity: Capacity::default(),
    };
    let health = watch_health(client, health_sender);
    let broken = chores(keep(&session), health, Arc::clone(&validator));
    let auth = Arc::new(Auth {
        validator,
        requirements: KnownRequirements::default(),
        credentials: settings.credentials,
        trust: settings.trust,
        traces: settings.telemetry.traces,
        metrics: Arc::clone(&metrics),
    });

    let limits = ConnectionLimits::of_this_process();
    auth.open(&front, auth_listener, limits.auth);
    let routes = |router: Router| {
        let router = outer::guard(router, Arc::clone(&metrics));
        move |peer| Each(TowerToHyperService::new(AddExtension::new(router.clone(), peer)))
    };
    front.open(api_listener, limits.api, routes(api::router(api)));
    back.open(admin_listener, limits.admin, routes(admin::router(admin, settings.admin_access)));

    let outcome = tokio::select! {
        () = stop => Ok(()),
        task = broken => Err(RunError::Broken(task)),
    };
    shut_down([front, back], &session).await;
    outcome
}

/// Begins to look after the service's own token.
fn keep(session: &Arc<Session>) -> JoinHandle<()> {
    let session = Arc::clone(session);
    tokio::spawn(async move { session.keep().await })
}

/// Answers what is under way, and revokes the service's own token.
async fn shut_down([front, back]: [Doors; 2], session: &Session) {
    tracing::info!("stopping");
    front.close(DRAIN).await;
    back.close(DRAIN_ADMIN).await;
    if let Err(why) = session.close().await {
        tracing::warn!("{why}");
    }
    tracing::info!("stopped");
}

/// Begins what goes on beside the requests as long as the service runs. Says which of it ended, should it.
fn chores(
    session: JoinHandle<()>,
    health: impl Future<Output: Send> + Send + 'static,
    validator: Arc<Validator>,
) -> impl Future<Output = &'static str> {
    let health = tokio::spawn(health);
    let sweep = tokio::spawn(async move { validator.sweep().await });
    async {
        tokio::select! {
            _ = session => "the session with Vault",
            _ = health => "the watch over Vault's health",
            _ = sweep => "the sweep of the cache",
        }
    }
}

async fn listen(name: &str, listen: &Listen) -> Result<Listener, BindError> {
    let listener = Listener::bind(listen).await?;
    tracing::info!(listener = name, address = listener.address(), "listening");
    Ok(listener)
}
