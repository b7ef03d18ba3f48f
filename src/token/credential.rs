mod reader;
mod sealed_token;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};

use self::{
    reader::UniqueToken,
    sealed_token::{SealedToken, SealedTokenKind},
};
pub use self::{
    reader::{CredentialReader, RequestAudience},
    sealed_token::SESSION_COOKIE,
};
use super::CallerToken;
use crate::headers::RequestHeaders;

/// The bytes that a token may contain.
const TOKEN_BYTES: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        allowed[byte as usize] = !matches!(byte, b'"' | b',' | b';' | b'\\');
        byte += 1;
    }
    allowed
};

/// A well-formed token from a request, or one that this service has sealed, not yet looked up. Redacted in
/// `Debug`.
pub struct Credential<'h>(CredentialForm<'h>);

enum CredentialForm<'h> {
    Token(Cow<'h, str>),
    Issued(&'h CallerToken),
    Sealed(SealedToken<'h>),
    /// An OAuth credential on a route that accepts none.
    Unacceptable(Cow<'h, str>),
}

/// The reason why a request has no usable credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialError {
    /// No enabled source is present.
    Missing,
    /// An enabled source is present without a well-formed token.
    Malformed,
    /// The enabled sources contain different tokens.
    Conflict,
    /// There is a session cookie, and the proxy does not say for which host.
    UnknownHost,
}

/// A part of the request that may contain a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// `Authorization: Bearer TOKEN` (RFC 6750, 2.1).
    Bearer,
    /// `X-Vault-Token: TOKEN`, as Vault's own clients send it.
    VaultToken,
    /// `Authorization: Basic`, with the token as the password (RFC 7617).
    Basic,
    /// The cookie with this name.
    Cookie(Box<str>),
    /// The cookie [`SESSION_COOKIE`], with a token that is sealed for one host.
    Session,
}

/// The enabled credential sources, without duplicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSources(Vec<CredentialSource>);

impl<'h> Credential<'h> {
    /// Creates a credential from text that is well formed: visible ASCII, of any length. A batch
    /// token grows with its policies; the size limit of the request header bounds it.
    ///
    /// Vault allows administrators to choose token ids, so no prefix is required. Quotes, commas,
    /// semicolons and backslashes are rejected: no generated token has them, and in a header they
    /// indicate a list or a quoted string.
    #[must_use]
    pub fn from_text(text: impl Into<Cow<'h, str>>) -> Option<Self> {
        let text = text.into();
        is_well_formed(text.as_bytes()).then_some(Self(CredentialForm::Token(text)))
    }

    /// Creates a credential from a token that Vault has issued to this service for a person.
    #[must_use]
    pub fn issued(token: &'h CallerToken) -> Self {
        Self(CredentialForm::Issued(token))
    }

    /// Returns true if the client has chosen the token, so that a lookup may be a guess. Session cookies and
    /// access tokens are sealed by this service.
    #[must_use]
    pub fn may_be_guess(&self) -> bool {
        matches!(self.0, CredentialForm::Token(_))
    }

    /// Returns the token; `None` if a session cookie or an access token cannot be unsealed, because it was
    /// changed, is for another host or another resource, or has expired, or because its key is no longer in
    /// the key file.
    #[must_use]
    pub fn token(&self) -> Option<CallerToken> {
        match &self.0 {
            CredentialForm::Token(text) => Some(CallerToken::from(text.as_ref())),
            CredentialForm::Issued(token) => Some((*token).clone()),
            CredentialForm::Sealed(sealed) => sealed.unseal().ok(),
            CredentialForm::Unacceptable(_) => None,
        }
    }

    /// Returns true if the credential is a session cookie, which browsers send by themselves.
    #[must_use]
    pub fn is_session(&self) -> bool {
        matches!(&self.0, CredentialForm::Sealed(sealed) if sealed.kind == SealedTokenKind::Session)
    }

    /// Returns the parts that the cache key is computed from. No token contains the separator of the
    /// parts, NUL, so that a sealed token and a bare one have different keys. A credential that cannot be
    /// unsealed has no entry under its key.
    pub(super) fn key_parts(&self) -> (&str, Option<&str>) {
        match &self.0 {
            CredentialForm::Token(text) => (text, None),
            CredentialForm::Issued(token) => (token.expose(), None),
            CredentialForm::Sealed(sealed) => (&sealed.text, Some(&sealed.audience)),
            CredentialForm::Unacceptable(text) => (text, Some("")),
        }
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential([REDACTED])")
    }
}

impl CredentialSource {
    fn read<'h>(
        &self,
        fields: RequestHeaders<'h>,
        found: &mut UniqueToken<'h>,
    ) -> Result<(), CredentialError> {
        match self {
            Self::Bearer => scheme_values(fields, "bearer")
                .try_for_each(|rest| found.add(token_text(rest.trim_ascii()))),
            Self::VaultToken => {
                fields.get_all("x-vault-token").try_for_each(|value| found.add(token_text(value)))
            }
            Self::Basic => {
                scheme_values(fields, "basic").try_for_each(|rest| found.add(basic_password(rest)))
            }
            Self::Cookie(name) => {
                fields.cookies(name).try_for_each(|value| found.add(token_text(value)))
            }
            // Read after all others, since only then a conflict can be decided.
            Self::Session => Ok(()),
        }
    }
}

/// Returns the rest of each `Authorization` header with this scheme (RFC 9110, 11.4: scheme names
/// are case-insensitive). Other schemes belong to the application.
fn scheme_values<'h>(
    fields: RequestHeaders<'h>,
    wanted: &'static str,
) -> impl Iterator<Item = &'h [u8]> {
    fields.get_all("authorization").filter_map(move |value| {
        let (name, rest) = value.split_at_checked(wanted.len())?;
        let is_whole_name = matches!(rest.first(), None | Some(b' ' | b'\t'));
        (is_whole_name && name.eq_ignore_ascii_case(wanted.as_bytes())).then_some(rest)
    })
}

fn is_well_formed(token: &[u8]) -> bool {
    !token.is_empty() && token.iter().all(|byte| TOKEN_BYTES[usize::from(*byte)])
}

/// Returns the text of a well-formed token.
fn token_text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    std::str::from_utf8(bytes).ok().filter(|_| is_well_formed(bytes)).map(Cow::Borrowed)
}

/// Returns the password, if it is a well-formed token.
fn basic_password<'h>(encoded: &[u8]) -> Option<Cow<'h, str>> {
    let pair = String::from_utf8(BASE64_STANDARD.decode(encoded.trim_ascii()).ok()?).ok()?;
    let (_, password) = pair.split_once(':')?;
    is_well_formed(password.as_bytes()).then(|| password.to_owned().into())
}

impl CredentialSources {
    /// Returns session cookies as the only source.
    #[must_use]
    pub fn session_only() -> Self {
        Self(vec![CredentialSource::Session])
    }

    /// Returns true if session cookies are a source.
    #[must_use]
    pub fn has_session(&self) -> bool {
        self.0.contains(&CredentialSource::Session)
    }

    /// Adds session cookies to the sources.
    #[must_use]
    pub fn with_session(mut self) -> Self {
        if !self.has_session() {
            self.0.push(CredentialSource::Session);
        }
        self
    }
}

impl Default for CredentialSources {
    fn default() -> Self {
        Self(vec![CredentialSource::Bearer, CredentialSource::VaultToken])
    }
}

impl FromStr for CredentialSources {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut sources = Vec::new();
        for item in text.split(',').map(str::trim) {
            let source: CredentialSource = item.parse()?;
            if sources.contains(&source) {
                return Err(format!("`{item}` is listed twice"));
            }
            sources.push(source);
        }
        Ok(Self(sources))
    }
}

impl FromStr for CredentialSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "bearer" => Ok(Self::Bearer),
            "x-vault-token" => Ok(Self::VaultToken),
            "basic" => Ok(Self::Basic),
            "session" => Ok(Self::Session),
            _ => match text.strip_prefix("cookie:") {
                Some(name) if is_cookie_name(name) && name != SESSION_COOKIE => {
                    Ok(Self::Cookie(name.into()))
                }
                _ => Err(format!(
                    "`{text}` is not a credential source; use bearer, x-vault-token, basic, \
                     session or cookie:NAME"
                )),
            },
        }
    }
}

/// Returns true if the text is a `token` (RFC 9110, 5.6.2), as cookie names have to be.
fn is_cookie_name(name: &str) -> bool {
    let is_name_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_name_byte)
}
