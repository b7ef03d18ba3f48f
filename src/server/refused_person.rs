//! The response of `/validate` to a refused request whose response a browser shows to a person: a
//! redirect to the login page, or a page instead of problem details.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, LOCATION, SET_COOKIE},
};

use crate::{
    auth::Refusal,
    forwarded::{FetchMetadata, ForwardedRequest},
    headers::RequestHeaders,
    login::{
        LoginSite,
        pages::{ACCOUNT_PATH, LOGIN_PATH, Language, Notice, NoticePage, RefusalPage},
    },
    server::{
        login_address::{self, LoginAddress, OriginalPage},
        problem,
        request_id::RequestId,
    },
};

/// A refused request.
pub(super) struct RefusedPerson<'r> {
    pub(super) refusal: &'r Refusal,
    pub(super) headers: RequestHeaders<'r>,
    pub(super) forwarded: ForwardedRequest<'r>,
    pub(super) id: &'r RequestId,
}

impl RefusedPerson<'_> {
    /// Returns the redirect to the login page for a person who opens a page and is not logged in.
    /// `None` for all other requests, and if the proxy does not say which page it is.
    pub(super) fn login_redirect(&self, site: &LoginSite) -> Option<Response<Bytes>> {
        let metadata = self.metadata();
        let is_redirected = self.refusal.asks_for_login()
            && metadata.is_page_navigation()
            && !metadata.is_prefetch();
        if !is_redirected {
            return None;
        }
        let (origin, authority) = (self.forwarded.origin().ok()?, self.forwarded.authority().ok()?);
        let target = login_address::target(&self.forwarded).ok()?;
        let page = OriginalPage { origin: &origin, authority: &authority, target: &target };
        let LoginAddress { url, cookie } = login_address::of(site, &page, self.headers)?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::FOUND;
        let fields = response.headers_mut();
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert(LOCATION, HeaderValue::try_from(url).ok()?);
        let cookie = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok());
        fields.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
        Some(response)
    }

    /// Returns the page for a person; `None` if the browser does not show the response, or if the client
    /// is none.
    pub(super) fn page(&self, site: Option<&LoginSite>) -> Option<Response<Bytes>> {
        let metadata = self.metadata();
        if !metadata.expects_page() {
            return None;
        }
        let language = Language::from_accept_language(self.headers.get_all("accept-language"));
        let spec = self.refusal.problem_spec();
        let is_logged_out = site.is_some() && self.refusal.asks_for_login();
        let page = if is_logged_out && metadata.is_unsafe() {
            let notice = Notice::SessionEnded { again: Some("/") };
            let request_id = Some(self.id.as_str());
            NoticePage { status: spec.status, notice, request_id }.render(language)
        } else {
            let page = RefusalPage {
                status: spec.status,
                code: spec.code,
                request_id: self.id.as_str(),
                log_in: is_logged_out.then_some(LOGIN_PATH),
                account: site.map(|_| ACCOUNT_PATH),
            };
            page.render(language)
        };
        let headers = page.headers(&[]);
        let mut response = Response::new(Bytes::from(page.body));
        *response.status_mut() = spec.status;
        response.headers_mut().extend(headers);
        problem::add_spec_headers(&spec, response.headers_mut());
        Some(response)
    }

    fn metadata(&self) -> FetchMetadata<'_> {
        // Without a method, the request is none that a person is redirected for.
        FetchMetadata::new(self.forwarded.method().unwrap_or_default(), self.headers)
    }
}
