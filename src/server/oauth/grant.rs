//! What is issued for a grant, and its revocation.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::request::ClientRequest;
use crate::{
    auth::Refusal,
    login::LoginError,
    oauth::{OAuthError, OAuthErrorCode, RefreshToken, SCOPE},
    token::{AccessToken, CallerToken, TokenEntry},
    wall_clock::now,
};

/// The maximum lifetime of an access token.
const MAX_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// The time by which the announced lifetime is shorter than the actual one: some clients use an access
/// token to its last second, and ask the person to log in again if it expires on the way.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// The response of the token endpoint (RFC 6749, 5.1).
#[derive(Serialize)]
pub(super) struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    /// The lifetime in seconds.
    expires_in: i64,
    refresh_token: String,
    scope: &'static str,
}

/// Issues an access token that is valid no longer than the person's token, and a refresh token.
pub(super) async fn issue(
    request: &ClientRequest,
    refresh: RefreshToken,
) -> Result<TokenResponse, OAuthError> {
    let entry = check_token(request, &refresh.token).await?;
    let (now, keys) = (now(), request.state.login.keys.current());
    let end = entry.identity.expires().and_then(|end| end.parse::<Timestamp>().ok());
    let lifetime = end.map_or(MAX_LIFETIME, |end| end.duration_since(now).min(MAX_LIFETIME));
    let access = AccessToken { token: refresh.token.clone(), client: refresh.client_id.clone() };
    let internal = |_| OAuthError::new(OAuthErrorCode::ServerError, "internal error");
    Ok(TokenResponse {
        access_token: access
            .seal(&keys, refresh.resource.as_str(), now + lifetime)
            .map_err(internal)?,
        token_type: "Bearer",
        expires_in: announced_seconds(lifetime),
        refresh_token: refresh.seal(&keys, &request.issuer.to_string()).map_err(internal)?,
        scope: SCOPE,
    })
}

/// Returns the lifetime in the response: positive, and shorter than the actual one.
fn announced_seconds(lifetime: SignedDuration) -> i64 {
    let seconds = lifetime.as_secs();
    (seconds - MARGIN.as_secs()).max(seconds / 2).max(1)
}

/// Checks that Vault accepts a person's token.
pub(super) async fn check_token(
    request: &ClientRequest,
    token: &CallerToken,
) -> Result<std::sync::Arc<TokenEntry>, OAuthError> {
    request.look_up(token).await.outcome.map_err(|refusal| match refusal {
        Refusal::Unavailable(unavailable_error) => unavailable(request, &unavailable_error.detail),
        Refusal::TooManyFailures | Refusal::Internal => unavailable(request, "internal error"),
        _ => invalid("the access was revoked, or has expired"),
    })
}

/// Revokes a person's token at Vault, and evicts it.
pub(super) async fn revoke(request: &ClientRequest, token: &CallerToken) -> Result<(), LoginError> {
    let entry = request.look_up(token).await.outcome.ok();
    request.state.login.end_session(token, entry.as_deref()).await
}

/// Returns the error of a grant that is not valid.
pub(super) fn invalid(description: &'static str) -> OAuthError {
    OAuthError::new(OAuthErrorCode::InvalidGrant, description)
}

/// Logs that Vault is unavailable, and returns the error for the client, which keeps its tokens.
pub(super) fn unavailable(request: &ClientRequest, detail: &str) -> OAuthError {
    tracing::warn!(request_id = request.id.as_str(), detail, "no token was issued");
    OAuthError::new(OAuthErrorCode::TemporarilyUnavailable, "Vault is unavailable: try again")
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::announced_seconds;

    #[test]
    fn m21_announced_lifetime_is_positive_and_shorter() {
        for (lifetime, announced) in
            [(3600, 3570), (61, 31), (60, 30), (40, 20), (3, 1), (1, 1), (0, 1)]
        {
            assert_eq!(announced_seconds(SignedDuration::from_secs(lifetime)), announced);
        }
    }
}
