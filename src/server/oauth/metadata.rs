//! The metadata documents. They depend on the configuration alone, and on no other server.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, StatusCode, header::CACHE_CONTROL};
use serde::Serialize;

use super::{OAuthState, request::ClientRequest, response::json_response};
use crate::{
    forwarded::{ForwardedRequest, Peer},
    oauth::{ResourceMetadata, ServerMetadata},
    server::problem,
};

/// Returns the metadata of the resource at this host and path.
pub(super) async fn resource(
    State(state): State<Arc<OAuthState>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    path: Option<Path<String>>,
) -> Response {
    let forwarded = ForwardedRequest::new((&headers).into(), peer, &state.login.trust);
    let origin = match forwarded.origin() {
        Ok(origin) => origin,
        Err(error) => {
            return problem::request_invalid(&error.to_string(), &headers).map(Body::from);
        }
    };
    let path =
        path.map(|Path(path)| format!("/{}", path.trim_end_matches('/'))).unwrap_or_default();
    let resource = state.resources.at(&origin, &path);
    let server =
        resource.and_then(|resource| state.login.site.origins.nearest_to(resource.uri.authority()));
    match (resource, server) {
        (Some(resource), Some(server)) => document(&ResourceMetadata::new(resource, server)),
        _ => problem::not_found(&headers).map(Body::from),
    }
}

/// Returns the metadata of the authorization server at this host.
pub(super) async fn server(request: ClientRequest) -> Response {
    document(&ServerMetadata::new(&request.issuer, request.state.clients.registration()))
}

/// Returns a document that may be cached for a short time.
fn document(metadata: &impl Serialize) -> Response {
    let mut response = json_response(StatusCode::OK, metadata);
    let cached = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(CACHE_CONTROL, cached);
    response
}
