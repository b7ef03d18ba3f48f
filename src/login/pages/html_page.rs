use askama::Template;
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

use super::{language::Language, style};

/// A rendered page.
#[derive(Clone, Debug)]
pub struct HtmlPage {
    /// The status of the response.
    pub status: StatusCode,
    /// The HTML document.
    pub body: String,
    /// The language of the document.
    pub language: Language,
}

impl HtmlPage {
    pub(super) fn new(status: StatusCode, language: Language, template: &impl Template) -> Self {
        let body = template.render();
        // Rendering fails only if a value cannot be formatted, and all of these can.
        let body = body.unwrap_or_else(|error| format!("cannot render the page: {error}"));
        Self { status, body, language }
    }

    /// Returns the headers of the response, except for `Content-Length`. `form_actions` has the
    /// origins that a form on the page may be redirected to: see [`super::content_security_policy`].
    #[must_use]
    pub fn headers(&self, form_actions: &[&str]) -> [(HeaderName, HeaderValue); 7] {
        let fixed = HeaderValue::from_static;
        [
            (CONTENT_TYPE, fixed("text/html; charset=utf-8")),
            (CONTENT_LANGUAGE, self.language.header_value()),
            (CONTENT_SECURITY_POLICY, style::content_security_policy(form_actions)),
            (CACHE_CONTROL, fixed("no-store")),
            (X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
            // With `no-referrer`, forms would be sent with `Origin: null`.
            (REFERRER_POLICY, fixed("same-origin")),
            (X_FRAME_OPTIONS, fixed("DENY")),
        ]
    }
}
