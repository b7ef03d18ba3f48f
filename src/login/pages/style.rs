use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;
use ring::digest::{SHA256, digest};

/// The style sheet, which is part of each page.
pub(super) const STYLE: &str = concat!(
    include_str!("../../../templates/base.css"),
    include_str!("../../../templates/login/style.css")
);

/// The hash with which the content security policy allows the style sheet.
static STYLE_SOURCE: LazyLock<String> =
    LazyLock::new(|| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, STYLE.as_bytes()))));

/// The schemes that are never an app's own: they run code, or open content without a server.
const UNSAFE_SCHEMES: [&str; 8] =
    ["javascript", "data", "vbscript", "blob", "file", "about", "filesystem", "view-source"];

/// Returns the content security policy of the pages (CSP Level 3). Their forms may be sent to the own
/// origin, and then be redirected to these origins (`https://crm.example.com`) or schemes (`https:`, and
/// the private-use schemes of native apps, RFC 8252, 7.1: `com.example.app:`). Chromium applies it to
/// each redirect that follows, also to those of the application.
///
/// An origin with an IPv6 address, which a policy cannot express, is replaced by its scheme. Anything
/// else that is not an origin or a scheme is left out.
#[must_use]
pub fn content_security_policy(form_actions: &[&str]) -> HeaderValue {
    let mut policy = format!(
        "default-src 'none'; style-src {}; base-uri 'none'; frame-ancestors 'none'; form-action \
         'self'",
        *STYLE_SOURCE
    );
    for source in form_actions.iter().filter_map(|origin| form_source(origin)) {
        policy.push(' ');
        policy.push_str(source);
    }
    // The parts are visible ASCII characters. Without a policy there is no page.
    HeaderValue::try_from(policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; sandbox"))
}

/// Returns the source expression of an origin or a scheme.
fn form_source(origin: &str) -> Option<&str> {
    let scheme_end = origin.find(':')? + 1;
    let (scheme, rest) = origin.split_at(scheme_end);
    if !matches!(scheme, "https:" | "http:") {
        return (rest.is_empty() && is_app_scheme(scheme)).then_some(scheme);
    }
    if rest.is_empty() || rest.starts_with("//[") {
        return Some(scheme);
    }
    let host = rest.strip_prefix("//").filter(|host| !host.is_empty())?;
    let is_host = |b: u8| b.is_ascii_alphanumeric() || b"-.:".contains(&b);
    host.bytes().all(is_host).then_some(origin)
}

/// Returns true for a scheme with its colon that a native app may have for itself (RFC 3986, 3.1, in
/// lower case).
fn is_app_scheme(scheme: &str) -> bool {
    let Some(name) = scheme.strip_suffix(':') else { return false };
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+.-".contains(&b);
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_part)
        && !UNSAFE_SCHEMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::content_security_policy;

    fn form_action(origins: &[&str]) -> String {
        let policy = content_security_policy(origins);
        let policy = policy.to_str().expect("text");
        policy.split("; ").find(|part| part.starts_with("form-action ")).expect("one").to_owned()
    }

    #[test]
    fn policy_allows_nothing_but_the_style() {
        let policy = content_security_policy(&[]);
        let directives: Vec<&str> = policy.to_str().expect("text").split("; ").collect();
        assert_eq!(directives[0], "default-src 'none'");
        assert!(directives[1].starts_with("style-src 'sha256-"), "{policy:?}");
        assert_eq!(
            directives[2..],
            ["base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"]
        );
    }

    #[test]
    fn forms_may_be_redirected_to_native_apps() {
        for scheme in ["cursor:", "vscode:", "vscode-insiders:", "com.example.app:", "x9+y:"] {
            assert_eq!(form_action(&[scheme]), format!("form-action 'self' {scheme}"));
        }
        for source in [
            "javascript:",
            "data:",
            "vbscript:",
            "blob:",
            "file:",
            "about:",
            "filesystem:",
            "view-source:",
            "JavaScript:",
            "Cursor:",
            "cursor",
            ":",
            "9app:",
            "-app:",
            "cursor://",
            "cursor:x",
            "cursor: *",
            " cursor:",
            "cursor;script-src:",
            "cursor,a:",
            "cur\u{e9}sor:",
        ] {
            assert_eq!(form_action(&[source]), "form-action 'self'", "{source}");
        }
    }

    #[test]
    fn forms_may_be_redirected_to_origins() {
        for (origins, expected) in [
            (&["https://crm.example.com"][..], "form-action 'self' https://crm.example.com"),
            (
                &["http://localhost:8080", "https://a.test"],
                "form-action 'self' http://localhost:8080 https://a.test",
            ),
            (&["https:"], "form-action 'self' https:"),
            (&["http://[::1]:8080"], "form-action 'self' http:"),
            (
                &[
                    "",
                    "*",
                    "'unsafe-inline'",
                    "crm.example.com",
                    "https://",
                    "https:/x",
                    "https://a.test; script-src *",
                    "https://a.test,b",
                    "https://a.test 'none'",
                    "https://a.test\r\nX: y",
                    "https://*.test",
                    "javascript:",
                    "data:",
                    "https://\u{e9}.test",
                ],
                "form-action 'self'",
            ),
        ] {
            assert_eq!(form_action(origins), expected, "{origins:?}");
        }
    }
}
