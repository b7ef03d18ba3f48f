//! The three listeners of the service, with their handlers.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{Router, body::Body, routing::future::RouteFuture};
use hyper::{Request, Response, body::Incoming, service::Service};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Settings,
    forwarded::Peer,
    server::{
        connection::HyperHandler,
        handlers::CurrentHandlers,
        http1::Http1Connection,
        listener::{BindError, ConnectionLimits, Listener, ListenerGroup},
        replaceable::Replaceable,
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
    pub(super) fn serve(self, handlers: &CurrentHandlers) -> ServedListeners {
        let limits = ConnectionLimits::from_open_file_limit();
        let ServedListeners { public, admin } = &self.groups;
        serve_validate(public, self.auth, limits.auth, &handlers.validate);
        public.serve((ListenerName::Api, self.api), limits.api, new_handler(&handlers.api));
        admin.serve((ListenerName::Admin, self.admin), limits.admin, new_handler(&handlers.admin));
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

/// Serves the auth listener until its group shuts down, with at most `limit` open connections.
pub(super) fn serve_validate(
    group: &ListenerGroup,
    listener: Listener,
    limit: usize,
    handler: &Arc<Replaceable<ValidateHandler>>,
) {
    let handler = Arc::clone(handler);
    let listener = (ListenerName::Auth, listener);
    group.serve(listener, limit, move |peer| Http1Connection::new(Arc::clone(&handler), peer));
}

/// Returns a function that creates the handler of a connection.
fn new_handler(
    router: &Arc<Replaceable<Router>>,
) -> impl Fn(Peer) -> HyperHandler<RouterService> + use<> {
    let router = Arc::clone(router);
    move |peer| HyperHandler(RouterService { router: Arc::clone(&router), peer })
}

/// Serves the requests of a connection with the current router. They have the peer as an extension.
struct RouterService {
    router: Arc<Replaceable<Router>>,
    peer: Peer,
}

impl Service<Request<Incoming>> for RouterService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        // A router is always ready.
        tower_service::Service::call(&mut Router::clone(&self.router.current()), request)
    }
}
