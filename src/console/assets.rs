use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;
use ring::digest::{SHA256, digest};

/// The style sheet, which is part of each page.
pub(super) const STYLE: &str = concat!(
    include_str!("../../templates/base.css"),
    include_str!("../../templates/console/style.css")
);

/// The script, which is part of the page.
pub(super) const SCRIPT: &str = include_str!("../../templates/console/script.js");

/// Returns the content security policy of the console (CSP Level 3). Nothing runs but its own script, which
/// may connect to the own origin only, and cannot create elements from text (Trusted Types).
#[must_use]
pub fn content_security_policy() -> HeaderValue {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
        format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'",
            hash(STYLE),
            hash(SCRIPT)
        )
    });
    // The policy is visible ASCII. Without it there is no page.
    HeaderValue::try_from(POLICY.as_str())
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; sandbox"))
}
