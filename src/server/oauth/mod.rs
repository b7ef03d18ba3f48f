//! The OAuth endpoints: the metadata of resources and of the authorization server, the authorization of
//! clients, and their tokens.

mod authorize;
mod consent;
mod grant;
mod metadata;
mod register;
mod request;
mod response;
mod revoke;
mod token;

use std::sync::Arc;

use axum::{
    Router,
    routing::{self, MethodRouter},
};
use http::{HeaderName, Method, header::WWW_AUTHENTICATE};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use crate::{
    login::pages::CONSENT_PATH,
    oauth::{
        AUTHORIZE_PATH, Clients, REGISTER_PATH, REVOKE_PATH, RefreshStore, Resources,
        SERVER_METADATA_PATH, TOKEN_PATH,
    },
    resource_uri::RESOURCE_METADATA_PATH,
    server::{layers::method_not_allowed, login::LoginState},
};

/// The state of the handlers.
pub(super) struct OAuthState {
    pub(super) login: Arc<LoginState>,
    pub(super) resources: Arc<Resources>,
    pub(super) clients: Clients,
    pub(super) refresh: Arc<dyn RefreshStore>,
}

/// Returns all routes.
pub(super) fn router<S: Clone + Send + Sync + 'static>(state: OAuthState) -> Router<S> {
    // Pages of any origin may be clients: these responses depend on nothing that a browser adds by itself.
    // The fallbacks are set before the layer, which responds to preflight requests.
    let only = |handler: MethodRouter<Arc<OAuthState>>| handler.fallback(method_not_allowed);
    let for_clients = Router::new()
        .route(RESOURCE_METADATA_PATH, only(routing::get(metadata::resource)))
        .route(&format!("{RESOURCE_METADATA_PATH}/"), only(routing::get(metadata::resource)))
        .route(
            &format!("{RESOURCE_METADATA_PATH}/{{*path}}"),
            only(routing::get(metadata::resource)),
        )
        .route(SERVER_METADATA_PATH, only(routing::get(metadata::server)))
        .route(TOKEN_PATH, only(routing::post(token::exchange)))
        .route(REVOKE_PATH, only(routing::post(revoke::revoke)))
        .route(REGISTER_PATH, only(routing::post(register::register)))
        .layer(cors());
    Router::new()
        .route(AUTHORIZE_PATH, routing::get(authorize::start))
        .route(CONSENT_PATH, routing::post(consent::answer))
        .merge(for_clients)
        .with_state(Arc::new(state))
}

fn cors() -> CorsLayer {
    const EXPOSED: [HeaderName; 1] = [WWW_AUTHENTICATE];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
}
