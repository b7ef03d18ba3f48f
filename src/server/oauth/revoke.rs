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
    token::AccessToken,
};

/// Revokes the person's token in an access token or a refresh token, which ends both. It is no error if the
/// token is not valid (RFC 7009, 2.2).
pub(super) async fn revoke(ClientCall { request, body }: ClientCall) -> Response {
    match revoke_token(&request, &body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error_response(&error, &request.id, &request.client()).into_response(),
    }
}

async fn revoke_token(request: &ClientRequest, body: &[u8]) -> Result<(), OAuthError> {
    request.check_headers("application/x-www-form-urlencoded")?;
    let parameters = OAuthParameters::parse(body)?;
    let text = parameters.require("token", "token is missing")?;
    let client_id = parameters.require("client_id", "client_id is missing")?;
    match issued_token(request, text) {
        Some(AccessToken { token, accessor, client }) if client == client_id => {
            request.count().await?;
            grant::revoke(request, &token, &accessor).await
        }
        _ => Ok(()),
    }
}

/// Returns the content of a refresh token, or of an access token for any resource.
fn issued_token(request: &ClientRequest, text: &str) -> Option<AccessToken> {
    let keys = &request.state.login.keys;
    if let Ok(refresh) = RefreshToken::unseal(keys, &request.issuer.to_string(), text) {
        let RefreshToken { token, accessor, client_id: client, .. } = refresh;
        return Some(AccessToken { token, accessor, client });
    }
    let mut resources = request.state.resources.iter();
    resources.find_map(|resource| AccessToken::unseal(keys, resource.uri.as_str(), text).ok())
}
