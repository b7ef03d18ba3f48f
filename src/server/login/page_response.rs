use std::time::Duration;

use axum::{body::Body, response::IntoResponse};
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE},
};

use crate::{auth::ProblemSpec, login::pages::HtmlPage, server::problem};

/// The header by which a server removes what a browser keeps of its origin.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// A page or a redirect, with the cookies that it sets.
pub(in crate::server) struct PageResponse(Box<Response<Body>>);

impl PageResponse {
    /// Creates a response with a page whose forms may be redirected to these origins.
    pub(in crate::server) fn page(page: HtmlPage, form_actions: &[&str]) -> Self {
        let headers = page.headers(form_actions);
        let mut response = Response::new(Body::from(page.body));
        *response.status_mut() = page.status;
        response.headers_mut().extend(headers);
        Self(Box::new(response))
    }

    /// Creates a redirect, after which the browser uses `GET`.
    pub(in crate::server) fn redirect(url: &str) -> Self {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // The URL of the request may contain a ticket.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        match HeaderValue::try_from(url) {
            Ok(url) => {
                headers.insert(LOCATION, url);
                *response.status_mut() = StatusCode::SEE_OTHER;
            }
            Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        }
        Self(Box::new(response))
    }

    /// Adds a `Set-Cookie` header.
    pub(in crate::server) fn with_cookie(mut self, cookie: &str) -> Self {
        // Cookies are base64url and attributes, so that this does not fail.
        let cookie = HeaderValue::try_from(cookie).ok();
        let cookie = cookie.map(|mut cookie| {
            cookie.set_sensitive(true);
            (SET_COOKIE, cookie)
        });
        self.0.headers_mut().extend(cookie);
        self
    }

    /// Makes the browser drop the pages of this origin that it keeps for its back button
    /// (<https://www.w3.org/TR/clear-site-data/>).
    pub(in crate::server) fn with_pages_cleared(mut self) -> Self {
        self.0.headers_mut().insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
        self
    }

    /// Adds the challenge and the time of a refusal.
    pub(in crate::server) fn with_spec_headers(mut self, spec: &ProblemSpec) -> Self {
        problem::add_spec_headers(spec, self.0.headers_mut());
        self
    }

    /// Adds the time after which the client may try again.
    pub(in crate::server) fn with_retry_after(mut self, wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(1);
        self.0.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        self
    }
}

impl IntoResponse for PageResponse {
    fn into_response(self) -> Response<Body> {
        *self.0
    }
}
