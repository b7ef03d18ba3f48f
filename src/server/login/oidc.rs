//! The login at an `OpenID` provider, which Vault's auth method carries out.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::StatusCode;
use secrecy::SecretString;
use url::Url;

use super::{
    PageResponse, complete,
    destination::LoginDestination,
    failure, form, log,
    request::{HostRole, LoginRequest},
    second_factor,
};
use crate::login::{
    BrowserLoginMethod, LoginError, LoginStep, OIDC_CALLBACK_PATH, OidcCallback, PendingMfa,
    PendingOidc,
    pages::{LoginMessage, Notice},
};

/// Sends the browser to the provider.
pub(super) async fn start(
    request: &LoginRequest,
    index: usize,
    method: &BrowserLoginMethod,
    destination: LoginDestination,
) -> PageResponse {
    if !request.is_opened_by_person() {
        return form::form(request, StatusCode::FORBIDDEN, &destination, None);
    }
    let address = request.forwarded().rate_limit_address();
    if let Err(limit) = request.state.limiter.count_provider_login(address).await {
        return failure::too_many(request, &method.mount, &destination, limit);
    }
    let client_nonce = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    let nonce = SecretString::from(client_nonce.as_str());
    let redirect_uri = format!("{}{OIDC_CALLBACK_PATH}", request.origin);
    let started = request.state.backend.start_oidc(method, &redirect_uri, &nonce).await;
    let started = started.and_then(|url| {
        let state = state_of(&url).ok_or_else(|| {
            LoginError::Misconfigured("the provider's address is not a URL with a state".to_owned())
        })?;
        Ok((url, state))
    });
    let (url, state) = match started {
        Ok(started) => started,
        Err(error) => {
            let (status, message) = failure::error_message(request, &method.mount, &error);
            return form::form(request, status, &destination, Some(message));
        }
    };
    let mut pending = request.pending_logins();
    let destination = destination.to_kept();
    pending.add(PendingOidc { state, client_nonce, method: index, destination });
    match pending.set_cookie(&request.state.keys, &request.authority) {
        Ok(cookie) => PageResponse::redirect(&url).with_cookie(&cookie),
        Err(_) => form::form(
            request,
            StatusCode::INTERNAL_SERVER_ERROR,
            &LoginDestination::default(),
            None,
        ),
    }
}

/// Completes the login of a browser that the provider has returned. Its state is used once.
pub(super) async fn finish(request: LoginRequest) -> PageResponse {
    let mut pending_logins = request.pending_logins();
    let state = request.parameter("state").map(Cow::into_owned).unwrap_or_default();
    let pending = if request.is_opened_by_person() { pending_logins.take(&state) } else { None };
    let is_known = pending.is_some();
    let response = complete_login(&request, pending).await;
    let keys = &request.state.keys;
    match pending_logins.set_cookie(keys, &request.authority) {
        Ok(cookie) if is_known => response.with_cookie(&cookie),
        _ => response,
    }
}

async fn complete_login(request: &LoginRequest, pending: Option<PendingOidc>) -> PageResponse {
    let HostRole::Login = request.host else {
        let host = Some(&*request.authority);
        return request.notice(StatusCode::MISDIRECTED_REQUEST, Notice::ReturnRefused { host });
    };
    let expired = |destination: &LoginDestination, message| {
        form::form(request, StatusCode::BAD_REQUEST, destination, Some(message))
    };
    let Some(pending) = pending else {
        return expired(&LoginDestination::default(), LoginMessage::Expired);
    };
    let destination = match LoginDestination::restore(request, &pending.destination) {
        Ok(destination) => destination,
        Err(response) => return response,
    };
    let Some(method) = request.state.site.methods.get(pending.method) else {
        return expired(&destination, LoginMessage::Expired);
    };
    let address = request.forwarded().rate_limit_address();
    if let Err(limit) = request.state.limiter.count_provider_login(address).await {
        return failure::too_many(request, &method.mount, &destination, limit);
    }
    // Without a code the provider has refused the login, or the person has cancelled it.
    let Some(code) = request.parameter("code") else {
        return expired(&destination, LoginMessage::Cancelled);
    };
    let callback = OidcCallback {
        state: pending.state.clone().into(),
        code: code.as_ref().into(),
        client_nonce: pending.client_nonce.clone().into(),
    };
    match request.state.backend.finish_oidc(method, &callback).await {
        Ok(LoginStep::LoggedIn(token)) => {
            log::log_success(request, &method.mount);
            complete::start_session(request, token, &destination).await
        }
        Ok(LoginStep::MfaRequired(requirement)) => {
            // The name of the user is not known here: wrong codes count for this login.
            let user = (method.mount.clone(), pending.state);
            let destination = pending.destination;
            let pending = PendingMfa { requirement, user, destination };
            second_factor::show(request, StatusCode::OK, &pending, None)
        }
        Err(LoginError::Rejected) => {
            log::log_refusal(request, &method.mount, "claims_rejected");
            form::form(request, StatusCode::FORBIDDEN, &destination, Some(LoginMessage::Cancelled))
        }
        Err(error) => {
            let (status, message) = failure::error_message(request, &method.mount, &error);
            form::form(request, status, &destination, Some(message))
        }
    }
}

/// Returns the state in the address of the provider.
fn state_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let state = url.query_pairs().find(|(name, _)| name == "state");
    state.map(|(_, state)| state.into_owned()).filter(|state| !state.is_empty())
}
