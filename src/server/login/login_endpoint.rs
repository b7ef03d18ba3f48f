//! The login page: which login is shown, continued or submitted.

use std::borrow::Cow;

use axum::body::Body;
use http::StatusCode;

use super::{
    PageResponse, complete,
    destination::{DestinationParameters, LoginDestination},
    fields::LoginFields,
    form, oidc, password,
    request::{HostRole, LoginRequest},
    second_factor,
};
use crate::{
    auth::Refusal,
    login::{
        BrowserLoginKind, ReturnUrl,
        pages::{LoginMessage, Notice},
    },
    server::login_address::{self, LoginAddress, OriginalPage},
    token::CredentialError,
};

/// Shows the form. A browser that has a session here does not need it, and one that comes from a link
/// of the form is sent to the `OpenID` provider.
pub(super) async fn show(request: LoginRequest) -> PageResponse {
    let request = &request;
    let HostRole::Login = request.host else { return to_login_host(request) };
    let parameters = DestinationParameters {
        to: request.parameter("to"),
        browser: request.parameter("browser"),
        authorization: request.parameter("authorization"),
    };
    let destination = match LoginDestination::read(request, &parameters) {
        Ok(destination) => destination,
        Err(response) => return response,
    };
    if let Some(index) = request.parameter("method") {
        return match form::method(request, &index, BrowserLoginKind::is_provider) {
            Some((index, method)) => oidc::start(request, index, method, destination).await,
            None => form::form(request, StatusCode::BAD_REQUEST, &destination, None),
        };
    }
    // Each authorization of a client has a login of its own, so that its token can be revoked alone.
    if let LoginDestination::Authorization(_) = destination {
        return form::form(request, StatusCode::OK, &destination, None);
    }
    match request.session().await {
        Ok(session) if request.is_opened_by_person() => {
            complete::pass_on(request, &session, &destination).await
        }
        Err(refusal @ Refusal::Unavailable(_)) if request.credential().is_ok() => {
            request.refusal(&refusal)
        }
        Ok(_) | Err(_) => form::form(request, StatusCode::OK, &destination, None),
    }
}

/// Checks a submitted form, and continues the login that it belongs to.
pub(super) async fn submit(request: LoginRequest, body: Body) -> PageResponse {
    let request = &request;
    let HostRole::Login = request.host else {
        return request.notice(
            StatusCode::MISDIRECTED_REQUEST,
            Notice::ReturnRefused { host: Some(&request.authority) },
        );
    };
    if !request.is_same_origin() {
        let message = Some(LoginMessage::CrossSite);
        return form::form(request, StatusCode::FORBIDDEN, &LoginDestination::default(), message);
    }
    let Some(fields) = LoginFields::read(&request.parts.headers, body).await else {
        let message = Some(LoginMessage::Expired);
        return form::form(request, StatusCode::BAD_REQUEST, &LoginDestination::default(), message);
    };
    if fields.pending.is_some() {
        return second_factor::submit(request, fields).await;
    }
    let text = |field: &Option<String>| field.clone().map(Cow::Owned);
    let parameters = DestinationParameters {
        to: text(&fields.to),
        browser: text(&fields.browser),
        authorization: text(&fields.authorization),
    };
    match LoginDestination::read(request, &parameters) {
        Ok(destination) => password::submit(request, fields, destination).await,
        Err(response) => response,
    }
}

/// Redirects a person from an application's host to its login host.
fn to_login_host(request: &LoginRequest) -> PageResponse {
    let refused = || request.refusal(&Refusal::Credential(CredentialError::Missing));
    if !request.is_opened_by_person() {
        return refused();
    }
    let to = request.parameter("to");
    let to = to.and_then(|to| ReturnUrl::parse(&to, &request.state.site.hosts));
    let target = to.as_ref().filter(|page| page.origin() == request.origin);
    let target = target.map_or("/", |page| &page.as_str()[request.origin.len()..]);
    let page = OriginalPage { origin: &request.origin, authority: &request.authority, target };
    match login_address::of(&request.state.site, &page, request.headers()) {
        Some(LoginAddress { url, cookie }) => {
            let response = PageResponse::redirect(&url);
            cookie.iter().fold(response, |response, cookie| response.with_cookie(cookie))
        }
        None => refused(),
    }
}
