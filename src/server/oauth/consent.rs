//! The answer of a person to the question for consent.

use std::sync::Arc;

use axum::{body::Body, extract::State};
use http::StatusCode;

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
    server::login::{HostRole, LoginRequest, PageResponse, log_failed_step, read_form},
    telemetry::{LimitedLog, line_size, printable, record_unavailable},
    token::{TokenEntry, Unavailable},
};

/// The maximum length of a value in a log line, in bytes.
const MAX_LOGGED: usize = 256;

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
    let form = read_form(&request.parts.headers, body).await.unwrap_or_default();
    let parameters = OAuthParameters::parse(&form).ok();
    let keys = &state.login.keys;
    let answer = parameters.as_ref().and_then(|fields| {
        let decision = ConsentDecision::parse(fields.get("decision")?)?;
        let pending = PendingConsent::unseal(keys, &request.origin, fields.get("consent")?)?;
        Some((pending, decision))
    });
    match answer {
        Some((pending, ConsentDecision::Allowed)) => allow(&state, &request, pending).await,
        Some((pending, ConsentDecision::Denied)) => deny(&state, &request, pending).await,
        None => request.authorization_expired(),
    }
}

/// The answer to the question.
enum ConsentDecision {
    Allowed,
    Denied,
}

impl ConsentDecision {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "allow" => Some(Self::Allowed),
            "deny" => Some(Self::Denied),
            _ => None,
        }
    }
}

/// Issues a code. The question is used up last, so that the person can answer again if Vault is unavailable.
async fn allow(
    state: &OAuthState,
    request: &LoginRequest,
    pending: PendingConsent,
) -> PageResponse {
    let PendingConsent { request: asked, token, wrapping_token: question } = pending;
    let entry = match request.look_up(&token).await {
        Ok(entry) => entry,
        Err(Refusal::Unavailable(unavailable)) => {
            return unavailable_page(request, &unavailable);
        }
        Err(Refusal::TokenInvalid) => return request.authorization_expired(),
        Err(refusal) => return request.refusal(&refusal),
    };
    let backend = &state.login.backend;
    let wrapped = backend.wrap(&token, CODE_LIFETIME.unsigned_abs()).await;
    let wrapping_token = match wrapped {
        Ok(wrapping_token) => wrapping_token,
        Err(error) => return not_issued(request, &error),
    };
    if let Err(error) = backend.unwrap(&question).await {
        return not_issued(request, &error);
    }
    log_consent(request, &asked, &entry);
    let target = asked.response_target();
    let holder = (token, entry.accessor.to_string());
    let code = AuthorizationCode::new(asked, holder, wrapping_token);
    match code.seal(&state.login.keys, &request.origin) {
        Ok(code) => PageResponse::redirect(&target.with_code(&request.origin, &code)),
        Err(_) => request.refusal(&Refusal::Internal),
    }
}

/// Revokes the token of the person, and sends the browser back to the client with an error.
async fn deny(state: &OAuthState, request: &LoginRequest, pending: PendingConsent) -> PageResponse {
    if let Err(error) = state.login.backend.unwrap(&pending.wrapping_token).await {
        return not_issued(request, &error);
    }
    if let Err(error) = state.login.end_token(&pending.token, "").await {
        log_failed_step(&request.id, &error, "a token was not revoked");
    }
    let description = "the person has refused";
    let error = OAuthError::new(OAuthErrorCode::AccessDenied, description);
    PageResponse::redirect(&pending.request.response_target().with_error(&request.origin, &error))
}

fn not_issued(request: &LoginRequest, error: &LoginError) -> PageResponse {
    match error {
        LoginError::Unavailable(unavailable) => unavailable_page(request, unavailable),
        _ => request.authorization_expired(),
    }
}

fn unavailable_page(request: &LoginRequest, unavailable: &Unavailable) -> PageResponse {
    record_unavailable(unavailable);
    request.notice(StatusCode::SERVICE_UNAVAILABLE, Notice::VaultUnavailable { again: None })
}

fn log_consent(request: &LoginRequest, asked: &AuthorizationRequest, entry: &TokenEntry) {
    let (client_id, client) = (printable(&asked.client_id, MAX_LOGGED), request.client());
    let redirect = asked.redirect_uri.host_or_scheme();
    let redirect = printable(redirect, MAX_LOGGED);
    let (resource, subject) = (asked.resource.as_str(), entry.identity.subject());
    let subject = subject.as_deref().map(|subject| printable(subject, MAX_LOGGED));
    let (request_id, accessor) = (request.id.as_str(), &*entry.accessor);
    let known = [request_id, &client_id, &client, &redirect, resource, accessor];
    LimitedLog::OAuth.log(line_size(known.into_iter().chain(subject.as_deref())), || {
        tracing::info!(
            request_id,
            client_id = &*client_id,
            client,
            redirect = &*redirect,
            resource,
            subject = subject.as_deref(),
            accessor,
            "client authorized"
        );
    });
}
