use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::login::ReturnUrl;

/// The path of the login form, and of its `POST`.
pub const LOGIN_PATH: &str = "/.vault-auth/login";

/// The path that logs out, by `POST`.
pub const LOGOUT_PATH: &str = "/.vault-auth/logout";

/// The path of the page that shows who is logged in.
pub const ACCOUNT_PATH: &str = "/.vault-auth/";

/// The path that the consent page is sent to, by `POST`.
pub const CONSENT_PATH: &str = "/oauth/consent";

/// The characters that are encoded in a query value: all but the unreserved ones (RFC 3986, 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The page and the browser, or the authorization, that a login is for, which its steps pass on.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoginTarget<'p> {
    /// The page to return to after the login.
    pub to: Option<&'p ReturnUrl>,
    /// The opaque value that binds the login to a browser.
    pub browser: Option<&'p str>,
    /// The authorization that the login is for, which takes the place of `to` and `browser`.
    pub authorization: Option<AuthorizationTarget<'p>>,
}

/// The authorization of an OAuth client that a login is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorizationTarget<'p> {
    /// The opaque value that identifies the authorization.
    pub sealed: &'p str,
    /// The name of the client, or the host that vouches for it.
    pub client: &'p str,
    /// The name of the resource.
    pub resource: &'p str,
}

impl<'p> LoginTarget<'p> {
    /// Returns the address of the login form or, with the index of a login method, the address that
    /// starts that login.
    #[must_use]
    pub fn login_url(&self, method: Option<usize>) -> String {
        let method = method.map(|index| index.to_string());
        let mut url = LOGIN_PATH.to_owned();
        let mut separator = '?';
        for (name, value) in method.iter().map(|index| ("method", &**index)).chain(self.fields()) {
            url.push(separator);
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, ENCODED));
            separator = '&';
        }
        url
    }

    /// Returns the names and values that the steps of the login pass on.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, &'p str)> + use<'p> {
        let fields = match self.authorization {
            Some(authorization) => [("authorization", Some(authorization.sealed)), ("", None)],
            None => [("to", self.to.map(ReturnUrl::as_str)), ("browser", self.browser)],
        };
        fields.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    /// Returns the host of the page to return to.
    pub(super) fn application(&self) -> Option<&'p str> {
        self.to.map(ReturnUrl::authority)
    }
}

impl AuthorizationTarget<'_> {
    /// Returns the client as the pages show it.
    pub(super) fn client_label(&self) -> Cow<'_, str> {
        shortened(self.client)
    }
}

/// Returns a text that a stranger has chosen, cut off after 80 characters.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]).into(),
        None => text.into(),
    }
}

/// Returns the address of a link, unless it is neither a path nor `http` or `https`: escaping does
/// not make `javascript:` harmless.
pub(super) fn link_address(address: &str) -> Option<&str> {
    let is_path = address.starts_with('/') && !address.starts_with("//");
    let is_url = address.starts_with("https://") || address.starts_with("http://");
    let is_plain = |b: u8| b.is_ascii_graphic() && b != b'\\';
    ((is_path || is_url) && address.bytes().all(is_plain)).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::{AuthorizationTarget, LoginTarget, link_address, shortened};
    use crate::login::{GuardedHosts, ReturnUrl};

    #[test]
    fn login_urls_are_percent_encoded() {
        assert_eq!(LoginTarget::default().login_url(None), "/.vault-auth/login");
        assert_eq!(LoginTarget::default().login_url(Some(2)), "/.vault-auth/login?method=2");
        let hosts = GuardedHosts::parse("crm.example.com").expect("a list");
        let text = "https://crm.example.com/a?b=c&d='\"<>+%20#"[..].trim_end_matches('#');
        let to = ReturnUrl::parse(text, &hosts).expect("a URL");
        let browser = Some("a+b/=&\u{e9}");
        let target = LoginTarget { to: Some(&to), browser, authorization: None };
        let url = target.login_url(Some(0));
        assert_eq!(
            url,
            "/.vault-auth/login?method=0&to=https%3A%2F%2Fcrm.example.com%2Fa%3Fb%3Dc%26d%3D%27%22\
             %3C%3E%2B%2520&browser=a%2Bb%2F%3D%26%C3%A9"
        );
        let parsed = url::Url::parse(&format!("https://login.example.com{url}")).expect("a URL");
        let pairs: Vec<_> = parsed.query_pairs().collect();
        assert_eq!(pairs[1], ("to".into(), text.into()));
        assert_eq!(pairs[2], ("browser".into(), "a+b/=&\u{e9}".into()));
    }

    #[test]
    fn authorization_replaces_page_and_browser() {
        let authorization = AuthorizationTarget { sealed: "s+/=", client: "c", resource: "r" };
        let authorization = Some(authorization);
        let target = LoginTarget { browser: Some("b"), authorization, ..LoginTarget::default() };
        let url = "/.vault-auth/login?authorization=s%2B%2F%3D";
        assert_eq!(target.login_url(None), url);
        let url = "/.vault-auth/login?method=1&authorization=s%2B%2F%3D";
        assert_eq!(target.login_url(Some(1)), url);
    }

    #[test]
    fn long_texts_are_cut_off_between_characters() {
        let text = "\u{e9}".repeat(80);
        assert_eq!(shortened(&text), text);
        assert_eq!(shortened(&format!("{text}ab")), format!("{text}\u{2026}"));
    }

    #[test]
    fn other_addresses_are_not_linked() {
        for address in ["/", "/.vault-auth/login?to=a", "https://crm.example.com/", "http://[::1]/"]
        {
            assert_eq!(link_address(address), Some(address));
        }
        for address in [
            "",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "data:text/html,x",
            "//evil.test/",
            "/\\evil.test/",
            "/\t/evil.test/",
            "evil.test",
            "https:evil.test",
            "ftp://evil.test/",
        ] {
            assert_eq!(link_address(address), None, "{address}");
        }
    }
}
