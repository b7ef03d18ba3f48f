use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    BrowserIdDigest, BrowserLoginMethod, GuardedHosts, LoginOrigin, LoginOrigins, ReturnUrl,
    pages::LOGIN_PATH,
};

/// The path on an application's host at which a ticket is exchanged for a session.
pub const SESSION_PATH: &str = "/.vault-auth/session";

/// The path on a login host to which an `OpenID` provider returns.
pub const OIDC_CALLBACK_PATH: &str = "/.vault-auth/oidc/callback";

/// The bytes that are percent-encoded in a query parameter (RFC 3986, 2.3).
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b':');

/// The hosts and the methods of browser logins.
#[derive(Clone, Debug)]
pub struct LoginSite {
    /// The hosts with the login page.
    pub origins: LoginOrigins,
    /// The hosts that hold sessions.
    pub hosts: GuardedHosts,
    /// The login methods, in the order in which they are shown.
    pub methods: Vec<BrowserLoginMethod>,
}

impl LoginSite {
    /// Returns the URL of the login page for a page of an application. `None` only without a login host.
    ///
    /// `origin` is the origin of the application, `authority` its host and `target` the path and the
    /// query of the page. A page whose URL is too long is replaced by the application's start page.
    #[must_use]
    pub fn login_url(
        &self,
        origin: &str,
        authority: &str,
        target: &str,
        browser: &BrowserIdDigest,
    ) -> Option<String> {
        let login = self.origins.nearest_to(authority)?;
        let is_short = origin.len() + target.len() <= ReturnUrl::MAX_LENGTH;
        let target = if is_short { target } else { "/" };
        let page = format!("{origin}{target}");
        let page = utf8_percent_encode(&page, ENCODED);
        Some(format!("{login}{LOGIN_PATH}?to={page}&browser={}", browser.as_str()))
    }

    /// Returns the login host with this authority.
    #[must_use]
    pub fn login_origin(&self, authority: &str) -> Option<&LoginOrigin> {
        self.origins.with_authority(authority)
    }
}
