//! The three listeners of the service, with their handlers.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper_util::service::TowerToHyperService;
use tokio_util::sync::CancellationToken;
use tower_http::add_extension::AddExtension;

use crate::{
    config::Settings,
    forwarded::Peer,
    server::{
        connection::HyperHandler,
        layers::with_common_layers,
        listener::{BindError, ConnectionLimits, Listener, ListenerGroup},
        start_line::StartLine,
        validate::ValidateHandler,
    },
    telemetry::{ListenerName, Metrics},
};

/// The drain timeout of the auth and api listeners: within the ten seconds that container runtimes
/// wait.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);

/// The drain timeout of the admin listener, which shuts down last.
const ADMIN_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The bound listeners.
pub(super) struct Listeners {
    auth: Listener,
    api: Listener,
    admin: Listener,
    metrics: Arc<Metrics>,
    groups: ServedListeners,
}

/// The listeners that are served.
pub(super) struct ServedListeners {
    public: ListenerGroup,
    admin: ListenerGroup,
}

impl Listeners {
    /// Binds the listeners to their addresses.
    ///
    /// # Errors
    /// [`BindError`] if an address cannot be used.
    pub(super) async fn bind(
        settings: &Settings,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, BindError> {
        let new_group = || ListenerGroup::new(Arc::clone(metrics));
        Ok(Self {
            auth: Listener::bind(&settings.listen).await?,
            api: Listener::bind(&settings.api_listen).await?,
            admin: Listener::bind(&settings.admin_listen).await?,
            metrics: Arc::clone(metrics),
            groups: ServedListeners { public: new_group(), admin: new_group() },
        })
    }

    /// Returns the line that is logged at the start.
    pub(super) fn start_line(&self, settings: &Settings) -> StartLine {
        StartLine::new(settings, [&self.auth, &self.api, &self.admin])
    }

    /// Returns a token that is cancelled when the shutdown of the public listeners begins.
    pub(super) fn shutdown_token(&self) -> CancellationToken {
        self.groups.public.shutdown_token()
    }

    /// Serves the listeners with these handlers.
    pub(super) fn serve(self, handlers: Handlers) -> ServedListeners {
        let limits = ConnectionLimits::from_open_file_limit();
        let ServedListeners { public, admin } = &self.groups;
        handlers.validate.serve(public, self.auth, limits.auth);
        let serve = |group: &ListenerGroup, name, listener, router, limit| {
            let router = with_common_layers(router, name, Arc::clone(&self.metrics));
            group.serve((name, listener), limit, new_handler(router));
        };
        serve(public, ListenerName::Api, self.api, handlers.api, limits.api);
        serve(admin, ListenerName::Admin, self.admin, handlers.admin, limits.admin);
        self.groups
    }
}

impl ServedListeners {
    /// Stops accepting connections and drains the listeners, the admin listener last.
    pub(super) async fn shut_down(self) {
        self.public.shutdown(DRAIN_TIMEOUT).await;
        self.admin.shutdown(ADMIN_DRAIN_TIMEOUT).await;
    }
}

/// The handlers of the listeners.
pub(super) struct Handlers {
    pub(super) validate: Arc<ValidateHandler>,
    pub(super) api: Router,
    pub(super) admin: Router,
}

/// Returns a function that creates the handler of a connection.
fn new_handler(router: Router) -> impl Fn(Peer) -> RouterHandler {
    move |peer| HyperHandler(TowerToHyperService::new(AddExtension::new(router.clone(), peer)))
}

/// The handler of a connection that axum serves. Requests have the peer as an extension.
type RouterHandler = HyperHandler<TowerToHyperService<AddExtension<Router, Peer>>>;
