//! The login form: which login is shown, continued or submitted.

use std::{borrow::Cow, time::Duration};

use axum::body::Body;
use http::{StatusCode, header::CONTENT_TYPE};
use secrecy::SecretString;
use tokio::time::timeout;
use url::form_urlencoded;
use zeroize::Zeroize;

use super::{
    PageResponse, complete, oidc, password,
    request::{HostRole, LoginDestination, LoginRequest},
    second_factor,
};
use crate::{
    auth::Refusal,
    login::{
        BrowserIdDigest, BrowserLoginKind, BrowserLoginMethod, ReturnUrl,
        pages::{LoginForm, LoginMessage, Notice},
    },
    server::login_address::{self, LoginAddress, OriginalPage},
    token::CredentialError,
};

/// The maximum size of a submitted form, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// The maximum time for a submitted form to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum length of the value of a field, in bytes.
const MAX_FIELD: usize = 8 * 1024;

/// The fields of a submitted form.
#[derive(Default)]
pub(super) struct LoginFields {
    to: Option<String>,
    browser: Option<String>,
    pub(super) method: Option<String>,
    pub(super) name: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) pending: Option<String>,
    pub(super) codes: Vec<SecretString>,
}

/// Shows the form. A browser that has a session here does not need it, and one that comes from a link
/// of the form is sent to the `OpenID` provider.
pub(super) async fn show(request: LoginRequest) -> PageResponse {
    let request = &request;
    let HostRole::Login = request.host else { return to_login_host(request) };
    let to = request.parameter("to");
    let destination = match destination(request, to.as_deref(), request.parameter("browser")) {
        Ok(destination) => destination,
        Err(response) => return response,
    };
    if let Some(index) = request.parameter("method") {
        return match method(request, &index, BrowserLoginKind::is_provider) {
            Some((index, method)) => oidc::start(request, index, method, destination).await,
            None => form(request, StatusCode::BAD_REQUEST, &destination, None),
        };
    }
    match request.session().await {
        Ok(session) if request.is_opened_by_person() => {
            complete::pass_on(request, &session.token, &destination).await
        }
        Err(refusal @ Refusal::Unavailable(_)) if request.credential().is_ok() => {
            request.refusal(&refusal)
        }
        Ok(_) | Err(_) => form(request, StatusCode::OK, &destination, None),
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
        return form(request, StatusCode::FORBIDDEN, &LoginDestination::default(), message);
    }
    let Some(fields) = read_fields(request, body).await else {
        let message = Some(LoginMessage::Expired);
        return form(request, StatusCode::BAD_REQUEST, &LoginDestination::default(), message);
    };
    if fields.pending.is_some() {
        return second_factor::submit(request, fields).await;
    }
    let browser = fields.browser.as_deref().map(Into::into);
    match destination(request, fields.to.as_deref(), browser) {
        Ok(destination) => password::submit(request, fields, destination).await,
        Err(response) => response,
    }
}

/// Shows the form with a message.
pub(super) fn form(
    request: &LoginRequest,
    status: StatusCode,
    destination: &LoginDestination,
    message: Option<LoginMessage>,
) -> PageResponse {
    form_with(request, status, destination, message, (None, ""))
}

/// Shows the form with a message, the chosen method and the user name.
pub(super) fn form_with(
    request: &LoginRequest,
    status: StatusCode,
    destination: &LoginDestination,
    message: Option<LoginMessage>,
    (method, name): (Option<usize>, &str),
) -> PageResponse {
    let form = LoginForm {
        status,
        methods: &request.state.site.methods,
        method,
        target: destination.target(),
        name,
        message,
        request_id: message.map(|_| request.id.as_str()),
    };
    PageResponse::page(form.render(request.language), &destination.form_actions())
}

/// Returns the login method with this index, if it is one of these.
pub(super) fn method<'r>(
    request: &'r LoginRequest,
    index: &str,
    is_wanted: impl Fn(BrowserLoginKind) -> bool,
) -> Option<(usize, &'r BrowserLoginMethod)> {
    let index: usize = index.parse().ok()?;
    let method = request.state.site.methods.get(index).filter(|method| is_wanted(method.kind))?;
    Some((index, method))
}

/// Redirects a person from an application's host to its login host.
fn to_login_host(request: &LoginRequest) -> PageResponse {
    let refused = || request.refusal(&Refusal::Credential(CredentialError::Missing));
    if !request.is_opened_by_person() {
        return refused();
    }
    let to = request.parameter("to");
    let to = to.and_then(|to| ReturnUrl::parse(&to, &request.state.site.hosts));
    // A proxy that cannot pass on the redirect of `/validate` sends the original request here.
    let target = match &to {
        Some(page) if page.origin() == request.origin => {
            page.as_str()[request.origin.len()..].to_owned()
        }
        Some(_) => "/".to_owned(),
        None => login_address::target(&request.forwarded()).unwrap_or_else(|_| "/".to_owned()),
    };
    let page =
        OriginalPage { origin: &request.origin, authority: &request.authority, target: &target };
    match login_address::of(&request.state.site, &page, request.headers()) {
        Some(LoginAddress { url, cookie }) => {
            let response = PageResponse::redirect(&url);
            cookie.iter().fold(response, |response, cookie| response.with_cookie(cookie))
        }
        None => refused(),
    }
}

/// Returns the page and the browser that a login is for.
fn destination(
    request: &LoginRequest,
    to: Option<&str>,
    browser: Option<Cow<'_, str>>,
) -> Result<LoginDestination, PageResponse> {
    let page = match to.filter(|to| !to.is_empty()) {
        None => None,
        Some(to) => Some(ReturnUrl::parse(to, &request.state.site.hosts).ok_or_else(|| {
            let refused = Notice::ReturnRefused { host: Some(to) };
            request.notice(StatusCode::BAD_REQUEST, refused)
        })?),
    };
    let browser = browser.and_then(|text| BrowserIdDigest::parse(&text));
    Ok(LoginDestination { page, browser })
}

/// Reads the fields of a form; `None` if it was not sent by one of the pages.
async fn read_fields(request: &LoginRequest, body: Body) -> Option<LoginFields> {
    let content_type = request.parts.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    let body = timeout(BODY_TIMEOUT, axum::body::to_bytes(body, MAX_BODY)).await.ok()?.ok()?;
    let fields = parse_fields(&body);
    if let Ok(mut body) = body.try_into_mut() {
        body.as_mut().zeroize();
    }
    fields
}

fn parse_fields(body: &[u8]) -> Option<LoginFields> {
    let mut fields = LoginFields::default();
    for (name, value) in form_urlencoded::parse(body) {
        // The parser replaces bytes that are not UTF-8, which no browser sends.
        if value.len() > MAX_FIELD || value.contains(char::REPLACEMENT_CHARACTER) {
            return None;
        }
        let field = match &*name {
            "to" => &mut fields.to,
            "browser" => &mut fields.browser,
            "method" => &mut fields.method,
            "name" => &mut fields.name,
            "pending" => &mut fields.pending,
            "password" if fields.password.is_none() => {
                fields.password = Some(SecretString::from(value.into_owned()));
                continue;
            }
            "code" => {
                fields.codes.push(SecretString::from(value.into_owned()));
                continue;
            }
            _ => return None,
        };
        if field.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    Some(fields)
}
