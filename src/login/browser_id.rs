use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// The name of the cookie with the state of a browser's logins: on an application's host a
/// [`BrowserId`], on a login host the logins that are not complete.
pub const LOGIN_COOKIE: &str = "__Host-vault-login";

/// The number of random bytes.
const LENGTH: usize = 16;

/// The context of the derivation of digests.
const DIGEST_CONTEXT: &str = "vault-auth-validator 2026-11-28 browser id digest";

/// The random id of a browser at one application's host, kept in a cookie. A login that was started by
/// one browser cannot be completed in another. Redacted in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserId(String);

/// The digest of a [`BrowserId`], which may appear in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserIdDigest(String);

impl BrowserId {
    /// Creates a random id.
    #[must_use]
    pub fn random() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; LENGTH]>()))
    }

    /// Parses the value of a cookie.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        decoded(value)?;
        String::from_utf8(value.to_vec()).ok().map(Self)
    }

    /// Returns the digest.
    #[must_use]
    pub fn digest(&self) -> BrowserIdDigest {
        let digest: [u8; 32] = blake3::derive_key(DIGEST_CONTEXT, self.0.as_bytes());
        BrowserIdDigest(BASE64_URL_SAFE_NO_PAD.encode(&digest[..LENGTH]))
    }

    /// Returns the `Set-Cookie` header with the id, for the time that the browser runs.
    #[must_use]
    pub fn set_cookie(&self) -> String {
        format!("{LOGIN_COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax", self.0)
    }
}

impl BrowserIdDigest {
    /// Parses the text of a URL or a form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decoded(text.as_bytes())?;
        Some(Self(text.to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn decoded(text: &[u8]) -> Option<[u8; LENGTH]> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

impl fmt::Debug for BrowserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserId([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::{BrowserId, BrowserIdDigest};

    #[test]
    fn id_is_read_from_its_cookie() {
        let id = BrowserId::random();
        let cookie = id.set_cookie();
        let value = cookie.split(['=', ';']).nth(1).expect("a value");
        assert_eq!(BrowserId::parse(value.as_bytes()), Some(id.clone()));
        assert_eq!(BrowserIdDigest::parse(id.digest().as_str()), Some(id.digest()));
        assert_ne!(id.digest().as_str(), value);
        assert_ne!(id, BrowserId::random());
        for other in ["", "a", &value[1..], &format!("{value}A"), "!!!!!!!!!!!!!!!!!!!!!!"] {
            assert_eq!(BrowserId::parse(other.as_bytes()), None, "{other}");
            assert_eq!(BrowserIdDigest::parse(other), None, "{other}");
        }
    }
}
