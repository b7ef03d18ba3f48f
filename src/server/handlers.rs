//! The handlers of one configuration.

use std::sync::Arc;

use axum::Router;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    audit_feed::AuditFeed,
    auth::{Authorizer, FailureLimiter},
    config::{BrowserLoginSettings, OAuthSettings, Settings},
    login::LoginLimiter,
    oauth::Clients,
    public_documents::PublicDocuments,
    requirements::RequirementsCache,
    server::{
        admin::{self, AdminState, ConsoleRecords, ConsoleState},
        api::{self, ApiState, Capacity, LoginRoutes},
        denial_log::DenialLog,
        layers::with_common_layers,
        login::LoginState,
        metrics_source::MetricsSource,
        oauth::OAuthState,
        readiness::Readiness,
        replaceable::Replaceable,
        run_error::RunError,
        validate::ValidateHandler,
        vault_link::VaultLink,
    },
    telemetry::{DecisionLog, ListenerName, Metrics},
    token::{CredentialReader, CredentialSources, TokenCache},
    vault::{CheckCache, TrustRoots, VaultHealth, VaultLoginBackend, VaultRefreshStore},
};

/// The handlers of one configuration.
pub(super) struct Handlers {
    pub(super) validate: ValidateHandler,
    pub(super) api: Router,
    pub(super) admin: Router,
    pub(super) source: MetricsSource,
}

/// The handlers of the current configuration.
pub(super) struct CurrentHandlers {
    pub(super) validate: Arc<Replaceable<ValidateHandler>>,
    pub(super) api: Arc<Replaceable<Router>>,
    pub(super) admin: Arc<Replaceable<Router>>,
    pub(super) source: Arc<Replaceable<MetricsSource>>,
}

/// The state that all configurations of a running service share.
pub(super) struct SharedState {
    pub(super) metrics: Arc<Metrics>,
    pub(super) decision_log: Option<Arc<DecisionLog>>,
    pub(super) health: watch::Sender<VaultHealth>,
    pub(super) shutdown: CancellationToken,
    pub(super) console: Arc<ConsoleRecords>,
    capacity: Arc<Capacity>,
    denials: Arc<DenialLog>,
    login_limiter: Arc<LoginLimiter>,
}

/// The parts that handlers are created from, besides the settings.
pub(super) struct HandlerParts<'p> {
    pub(super) shared: &'p SharedState,
    pub(super) vault: &'p VaultLink,
    pub(super) cache: &'p Arc<TokenCache>,
    pub(super) feed: &'p Arc<AuditFeed>,
    pub(super) failure_limiter: &'p Arc<FailureLimiter>,
}

impl SharedState {
    pub(super) fn new(
        metrics: Arc<Metrics>,
        decision_log: Option<Arc<DecisionLog>>,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            metrics,
            decision_log,
            health: watch::Sender::new(VaultHealth::Unknown),
            shutdown,
            console: Arc::default(),
            capacity: Arc::default(),
            denials: Arc::default(),
            login_limiter: Arc::default(),
        }
    }
}

impl CurrentHandlers {
    pub(super) fn new(handlers: Handlers) -> Self {
        let Handlers { validate, api, admin, source } = handlers;
        Self {
            validate: Arc::new(Replaceable::new(validate)),
            api: Arc::new(Replaceable::new(api)),
            admin: Arc::new(Replaceable::new(admin)),
            source: Arc::new(Replaceable::new(source)),
        }
    }

    /// Makes these the handlers of all requests that begin from now on.
    pub(super) fn replace(&self, handlers: Handlers) {
        let Handlers { validate, api, admin, source } = handlers;
        self.validate.replace(validate);
        self.api.replace(api);
        self.admin.replace(admin);
        self.source.replace(source);
    }
}

impl Handlers {
    /// Creates the handlers of a configuration.
    ///
    /// # Errors
    /// [`RunError::PublicDocuments`]
    pub(super) fn new(settings: &Settings, parts: &HandlerParts<'_>) -> Result<Self, RunError> {
        let HandlerParts { shared, vault, cache, feed, failure_limiter } = *parts;
        let metrics = &shared.metrics;
        let validator = Arc::new(Authorizer {
            cache: Arc::clone(cache),
            root_tokens: settings.root_tokens,
            failure_limiter: Arc::clone(failure_limiter),
            // Longer than one request to Vault takes, and shorter than a proxy waits.
            timeout: settings.vault.timeout.mul_f64(1.25),
        });
        let api = ApiState {
            validator: Arc::clone(&validator),
            credentials: settings.credentials.without_keys(),
            trust: settings.trust.clone(),
            client: Arc::clone(&vault.client),
            mounts: settings.mounts.clone(),
            checks: CheckCache::default(),
            metrics: Arc::clone(metrics),
            traces: settings.telemetry.traces,
            capacity: Arc::clone(&shared.capacity),
        };
        let routes = login_routes(settings, &api, &shared.login_limiter)?;
        let source = MetricsSource {
            metrics: Arc::clone(metrics),
            readiness: Readiness {
                session: Arc::clone(&vault.session),
                health: shared.health.subscribe(),
                shutdown: shared.shutdown.clone(),
            },
            validator: Arc::clone(&validator),
            login: routes.login.clone(),
        };
        let validate = validate_handler(settings, validator, routes.login.as_deref(), shared);
        let console = ConsoleState {
            records: Arc::clone(&shared.console),
            source: source.clone(),
            subject_mount: settings.subject_mount.clone(),
        };
        let (feed, access) = (Arc::clone(feed), settings.admin_access.clone());
        let admin = admin::router(AdminState { source: source.clone(), feed }, console, access);
        let layered = |router, name| with_common_layers(router, name, Arc::clone(metrics));
        Ok(Self {
            validate,
            api: layered(api::router(api, routes), ListenerName::Api),
            admin: layered(admin, ListenerName::Admin),
            source,
        })
    }
}

fn validate_handler(
    settings: &Settings,
    validator: Arc<Authorizer>,
    login: Option<&LoginState>,
    shared: &SharedState,
) -> ValidateHandler {
    ValidateHandler {
        validator,
        requirements: RequirementsCache::default(),
        credentials: settings.credentials.clone(),
        login: login.map(|login| Arc::clone(&login.site)),
        resources: login.and_then(|login| login.resources.clone()),
        trust: settings.trust.clone(),
        traces: settings.telemetry.traces,
        metrics: Arc::clone(&shared.metrics),
        denials: Arc::clone(&shared.denials),
        decision_log: shared.decision_log.clone(),
        recent_denials: Arc::clone(&shared.console.denials),
    }
}

/// Returns the routes of the login pages and of the OAuth endpoints, if they are configured.
fn login_routes(
    settings: &Settings,
    api: &ApiState,
    limiter: &Arc<LoginLimiter>,
) -> Result<LoginRoutes, RunError> {
    let Some(BrowserLoginSettings { site, keys }) = settings.browser_login.clone() else {
        return Ok(LoginRoutes::default());
    };
    let (oauth, sources) = (settings.oauth.clone(), CredentialSources::session_only());
    let login = Arc::new(LoginState {
        site,
        sessions: CredentialReader::with_keys(sources, Arc::clone(&keys)),
        keys,
        backend: Arc::new(VaultLoginBackend::new(Arc::clone(&api.client))),
        validator: Arc::clone(&api.validator),
        trust: api.trust.clone(),
        limiter: Arc::clone(limiter),
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
