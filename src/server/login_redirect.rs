//! The redirect of a person to the login page.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, LOCATION, SET_COOKIE},
};

use crate::{
    forwarded::{ForwardedError, ForwardedRequest},
    headers::RequestHeaders,
    login::{BrowserId, LOGIN_COOKIE, LoginSite},
};

/// Returns the redirect for a person who opens a page of an application. `None` for all other requests,
/// and if the proxy does not say which page it is.
pub(super) fn login_redirect(
    site: &LoginSite,
    forwarded: &ForwardedRequest<'_>,
    headers: RequestHeaders<'_>,
) -> Option<Response<Bytes>> {
    let metadata = forwarded.fetch_metadata().ok()?;
    if !metadata.is_page_navigation() || metadata.is_prefetch() {
        return None;
    }
    redirect_to_login(site, forwarded, headers).ok().flatten()
}

fn redirect_to_login(
    site: &LoginSite,
    forwarded: &ForwardedRequest<'_>,
    headers: RequestHeaders<'_>,
) -> Result<Option<Response<Bytes>>, ForwardedError> {
    let target = forwarded.target()?;
    let mut page = target.path()?.to_owned();
    if let Some(query) = std::str::from_utf8(target.query).ok().filter(|query| !query.is_empty()) {
        page.extend(["?", query]);
    }
    let known = headers.cookies(LOGIN_COOKIE).find_map(BrowserId::parse);
    let browser = known.clone().unwrap_or_else(BrowserId::random);
    let (origin, authority) = (forwarded.origin()?, forwarded.authority()?);
    let Some(url) = site.login_url(&origin, &authority, &page, &browser.digest()) else {
        return Ok(None);
    };
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::FOUND;
    let fields = response.headers_mut();
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if known.is_none() {
        fields.extend(HeaderValue::try_from(browser.set_cookie()).ok().map(|id| (SET_COOKIE, id)));
    }
    Ok(HeaderValue::try_from(url).ok().map(|url| {
        response.headers_mut().insert(LOCATION, url);
        response
    }))
}
