//! The login form.

use http::StatusCode;

use super::{PageResponse, destination::LoginDestination, request::LoginRequest};
use crate::login::{
    BrowserLoginKind, BrowserLoginMethod,
    pages::{LoginForm, LoginMessage},
};

/// Shows the form with a message.
pub(in crate::server) fn form(
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
    PageResponse::page(form.render(request.language), destination.form_actions())
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
