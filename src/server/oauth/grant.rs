//! The issue of tokens for a grant, and their revocation.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use super::{request::ClientRequest, response::VAULT_UNAVAILABLE};
use crate::{
    auth::Refusal,
    oauth::{OAuthError, OAuthErrorCode, RefreshToken, SCOPE},
    resource_uri::ResourceUri,
    server::{denial_log::MAX_DETAIL, login::log_failed_step},
    telemetry::{LimitedLog, line_size, printable, record_unavailable},
    token::{AccessToken, CallerToken, TokenEntry, Unavailable},
    wall_clock::now,
};

/// The maximum lifetime of an access token.
const MAX_LIFETIME: Duration = Duration::from_hours(1);

/// The time by which the announced lifetime is shorter than the actual one: some clients use an access
/// token to its last second, and ask the person to log in again if it expires on the way.
const MARGIN: Duration = Duration::from_secs(30);

/// The time after which a client may try again if Vault is unavailable.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The response of the token endpoint (RFC 6749, 5.1).
#[derive(Serialize)]
pub(super) struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    /// The lifetime in seconds.
    expires_in: u64,
    refresh_token: String,
    scope: &'static str,
}

/// Issues an access token that is valid no longer than the person's token, which was looked up as `entry`,
/// and a refresh token.
pub(super) fn issue(
    request: &ClientRequest,
    entry: &TokenEntry,
    refresh: &RefreshToken,
) -> Result<TokenResponse, OAuthError> {
    let lifetime = entry.remaining().min(MAX_LIFETIME);
    if lifetime < Duration::from_secs(1) {
        return Err(invalid("the access has expired"));
    }
    let internal = |_| OAuthError::new(OAuthErrorCode::ServerError, "internal error");
    let end = now() + lifetime;
    let keys = &request.state.login.keys;
    let access = AccessToken {
        token: refresh.token.clone(),
        accessor: refresh.accessor.clone(),
        client: refresh.client_id.clone(),
    };
    Ok(TokenResponse {
        access_token: access.seal(keys, refresh.resource.as_str(), end).map_err(internal)?,
        token_type: "Bearer",
        expires_in: announced_seconds(lifetime),
        refresh_token: refresh.seal(keys, &request.issuer.to_string()).map_err(internal)?,
        scope: SCOPE,
    })
}

/// Returns the lifetime in the response: positive, and shorter than the actual one.
fn announced_seconds(lifetime: Duration) -> u64 {
    lifetime.saturating_sub(MARGIN).max(lifetime / 2).as_secs().max(1)
}

/// Checks that the client and the resource of a grant are still accepted here. The configuration may have
/// changed since.
pub(super) fn check_grant(
    request: &ClientRequest,
    client_id: &str,
    resource: &ResourceUri,
) -> Result<(), OAuthError> {
    if request.state.resources.get(resource).is_none() {
        return Err(invalid("the resource is not served here any more"));
    }
    if request.state.clients.is_accepted(client_id) {
        return Ok(());
    }
    Err(OAuthError::new(OAuthErrorCode::InvalidClient, "the client is not known here any more"))
}

/// Checks that Vault accepts a person's token. Only its explicit refusal makes a grant invalid.
pub(super) async fn check_token(
    request: &ClientRequest,
    token: &CallerToken,
) -> Result<Arc<TokenEntry>, OAuthError> {
    request.look_up(token).await.outcome.map_err(|refusal| match refusal {
        Refusal::TokenInvalid => invalid("the access was revoked, or has expired"),
        Refusal::AddressNotAllowed => OAuthError::new(
            OAuthErrorCode::UnauthorizedClient,
            "the person's token may not be used from this address",
        ),
        Refusal::Unavailable(error) => vault_unavailable(&error),
        refusal => {
            let detail = refusal.detail().unwrap_or_default();
            unavailable(request, &format!("{}: {detail}", refusal.problem_spec().code))
        }
    })
}

/// Revokes a person's token at Vault, and evicts it.
pub(super) async fn revoke(
    request: &ClientRequest,
    token: &CallerToken,
    accessor: &str,
) -> Result<(), OAuthError> {
    let ended = request.state.login.end_token(token, accessor).await;
    ended.map_err(|error| {
        log_failed_step(&request.id, &error, "a token was not revoked");
        OAuthError::try_again(VAULT_UNAVAILABLE, RETRY_AFTER)
    })
}

/// Revokes what was issued for a code or a refresh token that may be stolen (RFC 9700, 4.14.2), and returns
/// the error for the client.
pub(super) async fn revoke_stolen(
    request: &ClientRequest,
    token: &CallerToken,
    accessor: &str,
    reason: &'static str,
) -> OAuthError {
    let request_id = request.id.as_str();
    LimitedLog::OAuth.log(line_size([request_id, accessor, reason]), || {
        tracing::warn!(request_id, accessor, reason, "access of a client revoked");
    });
    match revoke(request, token, accessor).await {
        Ok(()) => invalid(reason),
        Err(unavailable) => unavailable,
    }
}

/// Returns the error of a grant that is not valid.
pub(super) fn invalid(description: &'static str) -> OAuthError {
    OAuthError::new(OAuthErrorCode::InvalidGrant, description)
}

/// Records that Vault is unavailable, and returns the error for the client, which keeps its tokens.
pub(super) fn vault_unavailable(unavailable: &Unavailable) -> OAuthError {
    record_unavailable(unavailable);
    OAuthError::try_again(VAULT_UNAVAILABLE, RETRY_AFTER)
}

/// Logs the reason why no token is issued, and returns the error for the client, which keeps its tokens.
fn unavailable(request: &ClientRequest, detail: &str) -> OAuthError {
    let (request_id, detail) = (request.id.as_str(), printable(detail, MAX_DETAIL));
    LimitedLog::OAuth.log(line_size([request_id, &detail]), || {
        tracing::warn!(request_id, detail = &*detail, "no token was issued");
    });
    OAuthError::try_again(VAULT_UNAVAILABLE, RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::announced_seconds;

    #[test]
    fn m21_announced_lifetime_is_positive_and_shorter() {
        for (lifetime, announced) in
            [(3600, 3570), (61, 31), (60, 30), (40, 20), (3, 1), (1, 1), (0, 1)]
        {
            assert_eq!(announced_seconds(Duration::from_secs(lifetime)), announced);
        }
    }
}
