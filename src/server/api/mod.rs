//! The listener that everybody may reach, through the proxy: the secrets of the caller's tenant.
//!
//! A caller is recognised as at `/validate`, and then Vault is asked with the caller's own token.
//! Before either, the request itself is looked at: what cannot be meant is refused without a word
//! to Vault.

mod accept;
mod answer;
mod attend;
mod body;
mod caller;
mod capacity;
mod docs;
mod document;
mod error;
mod fair_semaphore;
mod lingering;
mod list;
mod openapi;
mod precondition;
mod query;
mod rounds;
mod secrets;
mod unsent;
mod versions;
mod whoami;

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::from_fn_with_state,
    response::IntoResponse,
    routing::{MethodRouter, any, get, post},
};
use bytes::Bytes;
use http::{Response, header::CONTENT_TYPE};
use serde_json::json;
use tower_service::Service;

pub(in crate::server) use self::capacity::Capacity;
use self::versions::Operation;
use crate::{
    decision::Validator,
    forwarded::Trust,
    policies::Mounts,
    server::outer::{complete, method_not_allowed},
    telemetry::{Metrics, Traces},
    token::Sources,
    vault::{Client, RecentChecks},
};

/// Answers whoever has a token.
pub(super) struct Api {
    pub(super) validator: Arc<Validator>,
    pub(super) credentials: Sources,
    pub(super) trust: Trust,
    pub(super) client: Arc<Client>,
    pub(super) mounts: Mounts,
    pub(super) checks: RecentChecks,
    pub(super) metrics: Arc<Metrics>,
    pub(super) traces: Traces,
    pub(super) capacity: Capacity,
}

/// All routes. `openapi` lists the same; a test compares.
pub(super) fn router(api: Api) -> Router {
    let api = Arc::new(api);
    let routes = Router::new()
        .route("/", get(about))
        .route("/v1/whoami", get(whoami::whoami))
        .route("/v1/tenants/{tenant}/secrets", get(list::list))
        .route("/v1/tenants/{tenant}/secrets/{*name}", of_secret(&api))
        .route(openapi::DOCUMENT, get(openapi::serve))
        .route(docs::PAGE, get(docs::page))
        .route(docs::STYLE, get(docs::style));
    complete(routes).layer(from_fn_with_state(Arc::clone(&api), attend::attend)).with_state(api)
}

/// The routes to a secret, to its versions, and to what brings one back. A name has several parts, and
/// the router takes nothing behind those.
fn of_secret(api: &Arc<Api>) -> MethodRouter<Arc<Api>> {
    let secret = get(secrets::read)
        .put(secrets::write)
        .patch(secrets::patch)
        .delete(secrets::delete)
        .fallback(method_not_allowed)
        .with_state(Arc::clone(api));
    let versions = get(versions::list).fallback(versions::reserved).with_state(Arc::clone(api));
    let undelete =
        post(versions::undelete).fallback(versions::reserved).with_state(Arc::clone(api));
    any(move |request: Request| {
        let mut route: MethodRouter = match Operation::of(request.uri().path()) {
            Operation::Secret => secret,
            Operation::Versions => versions,
            Operation::Undelete => undelete,
        };
        // It is always ready.
        route.call(request)
    })
}

/// Name this service and its documentation
#[utoipa::path(get, path = "/", operation_id = "about", security(()), responses(
    (status = 200, description = "The name and version of this service, and links", body = Value,
        example = json!({
            "name": "vault-auth-validator",
            "version": "0.1.0",
            "links": {"docs": "/docs", "openapi": "/openapi.json", "whoami": "/v1/whoami"},
        })),
))]
async fn about() -> Response<Body> {
    static JSON: LazyLock<Bytes> = LazyLock::new(|| {
        let about = json!({
            "name": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "links": {
                "docs": docs::PAGE,
                "openapi": openapi::DOCUMENT,
                "whoami": "/v1/whoami",
            },
        });
        about.to_string().into()
    });
    ([(CONTENT_TYPE, answer::JSON)], JSON.clone()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http_body_util::BodyExt;

    use super::{about, docs, openapi};

    /// Where in memory the body of this response is.
    async fn place(response: impl IntoResponse) -> *const u8 {
        let frame = response.into_response().into_body().frame().await;
        let data = frame.expect("a frame").expect("it is there").into_data();
        data.expect("data").as_ptr()
    }

    #[tokio::test]
    async fn responses_share_a_static_document() {
        assert_eq!(place(about().await).await, place(about().await).await);
        assert_eq!(place(openapi::serve().await).await, place(openapi::serve().await).await);
        assert_eq!(place(docs::page().await).await, place(docs::page().await).await);
        assert_eq!(place(docs::style().await).await, place(docs::style().await).await);
    }
}
