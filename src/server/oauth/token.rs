//! The token endpoint (RFC 6749, 3.2).

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::{
    grant::{self, TokenResponse},
    request::{ClientCall, ClientRequest, authentication_error},
    response::{error_response, json_response},
};
use crate::{
    login::LoginError,
    oauth::{
        AuthorizationCode, OAuthError, OAuthErrorCode, OAuthParameters, RefreshToken, RefreshUse,
        check_resource,
    },
    token::CallerToken,
    wall_clock::now,
};

/// Exchanges an authorization code or a refresh token for an access token and a new refresh token.
pub(super) async fn exchange(ClientCall { request, body }: ClientCall) -> Response {
    match issue(&request, &body).await {
        Ok(tokens) => json_response(StatusCode::OK, &tokens),
        Err(error) => error_response(&error, &request.id).into_response(),
    }
}

async fn issue(request: &ClientRequest, body: &[u8]) -> Result<TokenResponse, OAuthError> {
    request.check_headers("application/x-www-form-urlencoded")?;
    let parameters = OAuthParameters::parse(body)?;
    if parameters.get("client_secret").is_some() || parameters.get("client_assertion").is_some() {
        return Err(authentication_error());
    }
    match parameters.require("grant_type", "grant_type is missing")? {
        "authorization_code" => exchange_code(request, &parameters).await,
        "refresh_token" => refresh(request, &parameters).await,
        _ => Err(OAuthError::new(
            OAuthErrorCode::UnsupportedGrantType,
            "the grant types are authorization_code and refresh_token",
        )),
    }
}

async fn exchange_code(
    request: &ClientRequest,
    parameters: &OAuthParameters<'_>,
) -> Result<TokenResponse, OAuthError> {
    let state = &request.state.login;
    let text = parameters.require("code", "code is missing")?;
    let code = AuthorizationCode::unseal(&state.keys.current(), &request.issuer.to_string(), text);
    let code = code.map_err(|_| grant::invalid("the code is not valid"))?;
    code.check(parameters, &request.state.resources)?;
    request.count().await?;
    match state.backend.unwrap(&code.wrapping_token).await {
        Ok(token) if token.expose() == code.token.expose() => {}
        Err(LoginError::Unavailable(unavailable)) => {
            return Err(grant::unavailable(request, &unavailable.detail));
        }
        // It was used before, here or at another replica, or has expired.
        Ok(_) | Err(_) => {
            revoke(request, &code.token, "authorization code used again or expired").await;
            return Err(grant::invalid("the code was used before or has expired"));
        }
    }
    let refresh = RefreshToken {
        token: code.token,
        client_id: code.client_id,
        resource: code.resource,
        generation: 0,
    };
    grant::issue(request, refresh).await
}

async fn refresh(
    request: &ClientRequest,
    parameters: &OAuthParameters<'_>,
) -> Result<TokenResponse, OAuthError> {
    let state = &request.state;
    let text = parameters.require("refresh_token", "refresh_token is missing")?;
    let keys = state.login.keys.current();
    let presented = RefreshToken::unseal(&keys, &request.issuer.to_string(), text)
        .map_err(|_| grant::invalid("the refresh token is not valid"))?;
    if parameters.get("client_id") != Some(&presented.client_id) {
        return Err(grant::invalid("the refresh token was issued to another client"));
    }
    check_resource(parameters, &presented.resource, &state.resources)?;
    request.count().await?;
    grant::check_token(request, &presented.token).await?;
    let kept = match state.refresh.read(&presented.token).await {
        Ok(kept) => kept,
        Err(LoginError::Unavailable(unavailable)) => {
            return Err(grant::unavailable(request, &unavailable.detail));
        }
        Err(_) => return Err(grant::invalid("the refresh token is not valid any more")),
    };
    let generation = match presented.present(kept, now()) {
        RefreshUse::Replaced(next) => {
            replace(request, &presented.token, next).await;
            next.generation
        }
        RefreshUse::Repeated(present) => present.generation,
        RefreshUse::Reused => {
            revoke(request, &presented.token, "refresh token used again").await;
            return Err(grant::invalid("the refresh token was replaced before"));
        }
    };
    if let Err(error) = state.refresh.renew(&presented.token).await {
        tracing::debug!(request_id = request.id.as_str(), ?error, "a token was not renewed");
    }
    grant::issue(request, RefreshToken { generation, ..presented }).await
}

/// Keeps the next generation. If that fails, the present one stays valid beside it: a client that got
/// neither would have to ask the person to log in again.
async fn replace(request: &ClientRequest, token: &CallerToken, next: crate::oauth::RefreshState) {
    if let Err(error) = request.state.refresh.write(token, next).await {
        let request_id = request.id.as_str();
        tracing::warn!(request_id, ?error, "the replacement of a refresh token was not recorded");
    }
}

/// Revokes what was issued for a code or a refresh token that may be stolen (RFC 9700, 4.14.2).
async fn revoke(request: &ClientRequest, token: &CallerToken, reason: &str) {
    tracing::warn!(request_id = request.id.as_str(), reason, "access of a client revoked");
    if let Err(error) = grant::revoke(request, token).await {
        tracing::warn!(request_id = request.id.as_str(), ?error, "a token was not revoked");
    }
}
