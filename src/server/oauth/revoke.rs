//! The revocation endpoint (RFC 7009).

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::{
    grant,
    request::{ClientCall, ClientRequest},
    response::error_response,
};
use crate::{
    oauth::{OAuthError, OAuthParameters, RefreshToken},
    token::{AccessToken, CallerToken},
};

/// Revokes the person's token in an access token or a refresh token, which ends both. It is no error if the
/// token is not valid (RFC 7009, 2.2).
pub(super) async fn revoke(ClientCall { request, body }: ClientCall) -> Response {
    match revoke_token(&request, &body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error_response(&error, &request.id).into_response(),
    }
}

async fn revoke_token(request: &ClientRequest, body: &[u8]) -> Result<(), OAuthError> {
    request.check_headers("application/x-www-form-urlencoded")?;
    let parameters = OAuthParameters::parse(body)?;
    let text = parameters.require("token", "token is missing")?;
    let client_id = parameters.require("client_id", "client_id is missing")?;
    request.count().await?;
    match person_token(request, text) {
        Some((token, client)) if client == client_id => {
            grant::revoke(request, &token).await.map_err(|error| {
                let detail = format!("{error:?}");
                grant::unavailable(request, &detail)
            })
        }
        _ => Ok(()),
    }
}

/// Returns the person's token in a refresh token, or in an access token for any resource, and the client
/// that it was issued to.
fn person_token(request: &ClientRequest, text: &str) -> Option<(CallerToken, String)> {
    let keys = request.state.login.keys.current();
    if let Ok(refresh) = RefreshToken::unseal(&keys, &request.issuer.to_string(), text) {
        return Some((refresh.token, refresh.client_id));
    }
    let mut resources = request.state.resources.iter();
    let access = resources
        .find_map(|resource| AccessToken::unseal(&keys, resource.uri.as_str(), text).ok())?;
    Some((access.token, access.client))
}
