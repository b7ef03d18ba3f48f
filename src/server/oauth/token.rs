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
        AuthorizationCode, OAuthError, OAuthErrorCode, OAuthParameters, RefreshState, RefreshToken,
        RefreshUse, check_resource,
    },
    server::login::log_failed_step,
    token::CallerToken,
    wall_clock::now,
};

/// Exchanges an authorization code or a refresh token for an access token and a new refresh token.
pub(super) async fn exchange(ClientCall { request, body }: ClientCall) -> Response {
    match issue(&request, &body).await {
        Ok(tokens) => json_response(StatusCode::OK, &tokens),
        Err(error) => error_response(&error, &request.id, &request.client()).into_response(),
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

/// Exchanges a code. It is used up last, after all that Vault may refuse or be unavailable for.
async fn exchange_code(
    request: &ClientRequest,
    parameters: &OAuthParameters<'_>,
) -> Result<TokenResponse, OAuthError> {
    let state = &request.state;
    let text = parameters.require("code", "code is missing")?;
    let keys = &state.login.keys;
    let code = AuthorizationCode::unseal(keys, &request.issuer.to_string(), text);
    let code = code.map_err(|_| grant::invalid("the code is not valid"))?;
    code.check(parameters, &state.resources)?;
    grant::check_grant(request, &code.client_id, &code.resource)?;
    request.count().await?;
    let entry = grant::check_token(request, &code.token).await?;
    match use_up(request, &code).await {
        Ok(()) => {}
        Err(LoginError::Unavailable(unavailable)) => {
            return Err(grant::vault_unavailable(&unavailable));
        }
        // It was used before, here or at another replica, or has expired.
        Err(_) => {
            let reason = "the code was used before or has expired";
            return Err(grant::revoke_stolen(request, &code.token, &code.accessor, reason).await);
        }
    }
    let AuthorizationCode { token, accessor, client_id, resource, .. } = code;
    let refresh = RefreshToken { token, accessor, client_id, resource, generation: 0 };
    grant::issue(request, &entry, &refresh)
}

/// Uses a code up. Vault's answer to a used wrapping token is also the one to some failures of its own, so
/// that it is asked once more.
async fn use_up(request: &ClientRequest, code: &AuthorizationCode) -> Result<(), LoginError> {
    let backend = &request.state.login.backend;
    let token = match backend.unwrap(&code.wrapping_token).await {
        Err(LoginError::Expired) => backend.unwrap(&code.wrapping_token).await?,
        unwrapped => unwrapped?,
    };
    if token.expose() == code.token.expose() { Ok(()) } else { Err(LoginError::Expired) }
}

/// Replaces a refresh token. Its replacement is recorded last, so that a client that gets an error still has
/// a valid refresh token.
async fn refresh(
    request: &ClientRequest,
    parameters: &OAuthParameters<'_>,
) -> Result<TokenResponse, OAuthError> {
    let state = &request.state;
    let text = parameters.require("refresh_token", "refresh_token is missing")?;
    let keys = &state.login.keys;
    let presented = RefreshToken::unseal(keys, &request.issuer.to_string(), text)
        .map_err(|_| grant::invalid("the refresh token is not valid"))?;
    if parameters.get("client_id") != Some(&presented.client_id) {
        return Err(grant::invalid("the refresh token was issued to another client"));
    }
    check_resource(parameters, &presented.resource, &state.resources)?;
    grant::check_grant(request, &presented.client_id, &presented.resource)?;
    request.count().await?;
    grant::check_token(request, &presented.token).await?;
    let kept = kept_state(request, &presented.token).await?;
    let (generation, next) = match presented.present(kept, now()) {
        RefreshUse::Current(next) => (next.generation, Some(next)),
        RefreshUse::Repeated(present) => (present.generation, None),
        RefreshUse::Replaced => {
            return Err(grant::invalid("the refresh token was replaced before"));
        }
        RefreshUse::Reused => {
            let RefreshToken { token, accessor, .. } = &presented;
            let reason = "the refresh token was used again";
            return Err(grant::revoke_stolen(request, token, accessor, reason).await);
        }
    };
    if let Err(error) = state.refresh.renew(&presented.token).await {
        tracing::debug!(request_id = request.id.as_str(), %error, "a token was not renewed");
    }
    let entry = grant::check_token(request, &presented.token).await?;
    let replacement = RefreshToken { generation, ..presented };
    let response = grant::issue(request, &entry, &replacement)?;
    if let Some(next) = next {
        record(request, &replacement.token, next).await;
    }
    Ok(response)
}

/// Returns the state that is kept with a person's token. A token without the right to it has none: its
/// refresh tokens are not replaced, and the operator is informed.
async fn kept_state(
    request: &ClientRequest,
    token: &CallerToken,
) -> Result<Option<RefreshState>, OAuthError> {
    match request.state.refresh.read(token).await {
        Ok(kept) => Ok(kept),
        Err(LoginError::Unavailable(unavailable)) => Err(grant::vault_unavailable(&unavailable)),
        Err(LoginError::Rejected) => Err(grant::invalid("the access was revoked, or has expired")),
        Err(error) => {
            log_failed_step(
                &request.id,
                &error,
                "refresh tokens are not replaced: Vault's policy `default` has to grant create, read and \
                 update on cubbyhole/*",
            );
            Ok(None)
        }
    }
}

/// Records the next generation. If that fails, the present one stays valid beside it: a client that got
/// neither would have to ask the person to log in again.
async fn record(request: &ClientRequest, token: &CallerToken, next: RefreshState) {
    if let Err(error) = request.state.refresh.write(token, next).await {
        let message = "the replacement of a refresh token was not recorded";
        log_failed_step(&request.id, &error, message);
    }
}
