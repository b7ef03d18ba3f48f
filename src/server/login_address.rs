//! The address of the login page for a page of an application.

use percent_encoding::{AsciiSet, CONTROLS, percent_encode, utf8_percent_encode};

use crate::{
    forwarded::{ForwardedError, ForwardedRequest},
    headers::RequestHeaders,
    login::{BrowserId, LOGIN_COOKIE, LoginSite},
};

/// The bytes that a login does not return to as they are, besides those that are not ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'\\');

/// The page of an application that a person wants to open.
pub(super) struct OriginalPage<'p> {
    /// The origin of the application.
    pub(super) origin: &'p str,
    /// The host of the application.
    pub(super) authority: &'p str,
    /// The path and the query.
    pub(super) target: &'p str,
}

/// The address of the login page for a browser.
pub(super) struct LoginAddress {
    /// The URL.
    pub(super) url: String,
    /// The `Set-Cookie` header with the id of the browser, if it had none.
    pub(super) cookie: Option<String>,
}

/// Returns the address of the login page for a page of an application. `None` without a login host.
pub(super) fn of(
    site: &LoginSite,
    page: &OriginalPage<'_>,
    headers: RequestHeaders<'_>,
) -> Option<LoginAddress> {
    let known = headers.cookies(LOGIN_COOKIE).find_map(BrowserId::parse);
    let is_new = known.is_none();
    let browser = known.unwrap_or_else(BrowserId::random);
    let cookie = is_new.then(|| browser.set_cookie());
    let url = site.login_url(page.origin, page.authority, page.target, &browser.digest())?;
    Some(LoginAddress { url, cookie })
}

/// Returns the path and the query of the original request. What a URL cannot contain is percent-encoded:
/// browsers send some characters as they are.
///
/// # Errors
/// [`ForwardedError`] if the proxy does not say which they are.
pub(super) fn target(forwarded: &ForwardedRequest<'_>) -> Result<String, ForwardedError> {
    let target = forwarded.target()?;
    let mut page = utf8_percent_encode(target.path()?, ENCODED).to_string();
    if !target.query.is_empty() {
        page.push('?');
        page.extend(percent_encode(target.query, ENCODED));
    }
    Ok(page)
}
