//! The answer of a person to the question for consent.

use std::sync::Arc;

use axum::{body::Body, extract::State};
use http::StatusCode;
use secrecy::SecretString;

use super::OAuthState;
use crate::{
    auth::Refusal,
    login::{
        LoginError,
        pages::{LOGIN_PATH, Notice},
    },
    oauth::{
        AuthorizationCode, AuthorizationRequest, CODE_LIFETIME, OAuthError, OAuthErrorCode,
        OAuthParameters, PendingConsent,
    },
    server::login::{HostRole, LoginRequest, PageResponse},
    token::{CallerToken, TokenEntry},
};

/// The maximum size of the form, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// Sends the browser back to the client with a code, or with the error that the person has refused. Each
/// question is answered once.
pub(super) async fn answer(
    State(state): State<Arc<OAuthState>>,
    request: LoginRequest,
    body: Body,
) -> PageResponse {
    if request.host != HostRole::Login || !request.is_same_origin() {
        return request
            .notice(StatusCode::FORBIDDEN, Notice::CrossSite { again: Some(LOGIN_PATH) });
    }
    let body = axum::body::to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let parameters = OAuthParameters::parse(&body).ok();
    let keys = state.login.keys.current();
    let pending = parameters.as_ref().and_then(|fields| {
        let is_allowed = match fields.get("decision")? {
            "allow" => ConsentDecision::Allowed,
            "deny" => ConsentDecision::Denied,
            _ => return None,
        };
        let consent = fields.get("consent")?;
        Some((PendingConsent::unseal(&keys, &request.origin, consent)?, is_allowed))
    });
    let Some((PendingConsent { request: asked, wrapping_token }, decision)) = pending else {
        return request.authorization_expired();
    };
    let token = match state.login.backend.unwrap(&wrapping_token).await {
        Ok(token) => token,
        Err(LoginError::Unavailable(unavailable)) => {
            return unavailable_page(&request, &unavailable.detail);
        }
        Err(_) => return request.authorization_expired(),
    };
    match decision {
        ConsentDecision::Allowed => allow(&state, &request, asked, token).await,
        ConsentDecision::Denied => deny(&request, &asked, &token).await,
    }
}

/// The answer to the question.
enum ConsentDecision {
    Allowed,
    Denied,
}

async fn allow(
    state: &OAuthState,
    request: &LoginRequest,
    asked: AuthorizationRequest,
    token: CallerToken,
) -> PageResponse {
    let entry = match request.look_up(&token).await {
        Ok(entry) => entry,
        Err(Refusal::Unavailable(unavailable)) => {
            return unavailable_page(request, &unavailable.detail);
        }
        Err(Refusal::TokenInvalid) => return request.authorization_expired(),
        Err(refusal) => return request.refusal(&refusal),
    };
    let wrapped = state.login.backend.wrap(&token, CODE_LIFETIME.unsigned_abs()).await;
    let wrapping_token: SecretString = match wrapped {
        Ok(wrapping_token) => wrapping_token,
        Err(LoginError::Unavailable(unavailable)) => {
            return unavailable_page(request, &unavailable.detail);
        }
        Err(_) => return request.authorization_expired(),
    };
    log_consent(request, &asked, &entry);
    let target = asked.response_target();
    let code = AuthorizationCode::new(asked, token, wrapping_token);
    match code.seal(&state.login.keys.current(), &request.origin) {
        Ok(code) => PageResponse::redirect(&target.with_code(&request.origin, &code)),
        Err(_) => request.refusal(&Refusal::Internal),
    }
}

async fn deny(
    request: &LoginRequest,
    asked: &AuthorizationRequest,
    token: &CallerToken,
) -> PageResponse {
    if let Err(error) = request.end_session(token, None).await {
        tracing::warn!(request_id = request.id.as_str(), ?error, "a token was not revoked");
    }
    let description = "the person has refused";
    let error = OAuthError::new(OAuthErrorCode::AccessDenied, description);
    PageResponse::redirect(&asked.response_target().with_error(&request.origin, &error))
}

fn unavailable_page(request: &LoginRequest, detail: &str) -> PageResponse {
    tracing::warn!(request_id = request.id.as_str(), detail, "no code was issued");
    request.notice(StatusCode::SERVICE_UNAVAILABLE, Notice::VaultUnavailable { again: None })
}

fn log_consent(request: &LoginRequest, asked: &AuthorizationRequest, entry: &TokenEntry) {
    tracing::info!(
        request_id = request.id.as_str(),
        client = %asked.client_id.escape_debug(),
        redirect = asked.redirect_uri.host_or_scheme(),
        resource = asked.resource.as_str(),
        subject = entry.identity.subject().as_deref(),
        accessor = &*entry.accessor,
        "client authorized"
    );
}
