//! The api listener, which is reachable by clients through the proxy: the secrets of the caller's
//! tenant.
//!
//! A caller is authenticated as at `/validate`, and Vault is then called with the caller's own
//! token. An invalid request is rejected before either, without a call to Vault.

mod about;
mod accept;
mod body;
mod caller;
mod capacity;
mod docs;
mod error;
mod error_responses;
mod fair_semaphore;
mod lingering_body;
mod list;
mod logged_request;
mod observe;
mod openapi;
mod paths;
mod payload;
mod precondition;
mod query;
mod reclaimable_body;
mod response;
mod secrets;
mod state;
mod versions;
mod whoami;

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    middleware::from_fn_with_state,
    routing::{MethodRouter, any, get, post},
};
use tower_service::Service;

use self::versions::SecretEndpoint;
pub(in crate::server) use self::{capacity::Capacity, state::ApiState};
use crate::server::{
    layers::{method_not_allowed, with_fallbacks},
    login::{self, LoginState},
    oauth::{self, OAuthState},
};

/// The routes of the login pages and of the OAuth endpoints, if there are any.
#[derive(Default)]
pub(in crate::server) struct LoginRoutes {
    pub(in crate::server) login: Option<Arc<LoginState>>,
    pub(in crate::server) oauth: Option<OAuthState>,
}

/// Returns all routes. A test compares those of the API with the `OpenAPI` document.
pub(super) fn router(state: ApiState, others: LoginRoutes) -> Router {
    let state = Arc::new(state);
    let login = others.login.map_or_else(Router::new, login::router);
    let oauth = others.oauth.map_or_else(Router::new, oauth::router);
    let routes = login
        .merge(oauth)
        .route("/", get(about::about))
        .route(paths::WHOAMI, get(whoami::whoami))
        .route(paths::SECRETS, get(list::list))
        .route(paths::SECRET, secret_routes(&state))
        .route(paths::OPENAPI, get(openapi::serve))
        .route(paths::DOCS, get(docs::page))
        .route(paths::DOCS_STYLE, get(docs::style));
    with_fallbacks(routes)
        .layer(from_fn_with_state(Arc::clone(&state), observe::observe))
        .with_state(state)
}

/// Returns the routes of a secret and of the endpoints below it. The router's wildcard matches the
/// several segments of a name only at the end of a path, so the rest is matched here.
fn secret_routes(state: &Arc<ApiState>) -> MethodRouter<Arc<ApiState>> {
    let secret = get(secrets::read)
        .put(secrets::write)
        .patch(secrets::patch)
        .delete(secrets::delete)
        .fallback(method_not_allowed)
        .with_state(Arc::clone(state));
    let versions =
        get(versions::list).fallback(versions::reject_method).with_state(Arc::clone(state));
    let undelete =
        post(versions::undelete).fallback(versions::reject_method).with_state(Arc::clone(state));
    any(move |request: Request| {
        let mut route: MethodRouter = match SecretEndpoint::from_path(request.uri().path()) {
            SecretEndpoint::Secret => secret,
            SecretEndpoint::Versions => versions,
            SecretEndpoint::Undelete => undelete,
        };
        // A method router is always ready.
        route.call(request)
    })
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http_body_util::BodyExt;

    use super::{about::about, docs, openapi};

    /// Returns the address of the response's body in memory.
    async fn body_address(response: impl IntoResponse) -> *const u8 {
        let frame = response.into_response().into_body().frame().await;
        let data = frame.expect("a frame").expect("no error").into_data();
        data.expect("data").as_ptr()
    }

    #[tokio::test]
    async fn responses_share_a_static_document() {
        assert_eq!(body_address(about().await).await, body_address(about().await).await);
        let openapi = (openapi::serve().await, openapi::serve().await);
        assert_eq!(body_address(openapi.0).await, body_address(openapi.1).await);
        let page = (docs::page().await, docs::page().await);
        assert_eq!(body_address(page.0).await, body_address(page.1).await);
        let style = (docs::style().await, docs::style().await);
        assert_eq!(body_address(style.0).await, body_address(style.1).await);
    }
}
