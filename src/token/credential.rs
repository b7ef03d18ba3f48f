#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt, str::FromStr};

use crate::headers::RequestHeaders;
use base64::{Engine, prelude::BASE64_STANDARD};

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

/// A well-formed token from a request, not yet looked up. Redacted in `Debug`.
pub struct Credential<'h>(Cow<'h, str>);

/// The reason why a request has no usable credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialError {
    /// No enabled source is present.
    Missing,
    /// An enabled source is present without a well-formed token.
    Malformed,
    /// The enabled sources contain different tokens.
    Conflict,
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
}

/// The enabled credential sources, without duplicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSources(Vec<CredentialSource>);

impl<'h> Credential<'h> {
    /// Reads the token from the enabled sources, which may contain only one.
    ///
    /// # Errors
    /// [`CredentialError`]; a malformed credential never falls through to another source.
    pub fn find(
        fields: RequestHeaders<'h>,
        sources: &CredentialSources,
    ) -> Result<Self, CredentialError> {
        let mut found = UniqueCredential(None);
        sources.0.iter().try_for_each(|source| source.read(fields, &mut found))?;
        found.0.ok_or(CredentialError::Missing)
    }

    /// Creates a credential from text that is well formed: visible ASCII, of any length. A batch
    /// token grows with its policies; the size limit of the request header bounds it.
    ///
    /// Vault allows administrators to choose token ids, so no prefix is required. Quotes, commas,
    /// semicolons and backslashes are rejected: no generated token has them, and in a header they
    /// indicate a list or a quoted string.
    #[must_use]
    pub fn from_text(text: impl Into<Cow<'h, str>>) -> Option<Self> {
        let text = text.into();
        let valid = !text.is_empty() && text.bytes().all(|byte| TOKEN_BYTES[usize::from(byte)]);
        valid.then_some(Self(text))
    }

    fn from_bytes(bytes: &'h [u8]) -> Result<Self, CredentialError> {
        std::str::from_utf8(bytes).ok().and_then(Self::from_text).ok_or(CredentialError::Malformed)
    }

    /// Returns the token in plain text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential([REDACTED])")
    }
}

/// The credential found so far; a second, different one is a conflict.
struct UniqueCredential<'h>(Option<Credential<'h>>);

impl<'h> UniqueCredential<'h> {
    fn add(
        &mut self,
        candidate: Result<Credential<'h>, CredentialError>,
    ) -> Result<(), CredentialError> {
        let candidate = candidate?;
        match &self.0 {
            Some(first) if first.0 != candidate.0 => Err(CredentialError::Conflict),
            _ => {
                self.0 = Some(candidate);
                Ok(())
            }
        }
    }
}

impl CredentialSource {
    fn read<'h>(
        &self,
        fields: RequestHeaders<'h>,
        found: &mut UniqueCredential<'h>,
    ) -> Result<(), CredentialError> {
        match self {
            Self::Bearer => scheme_values(fields, "bearer")
                .try_for_each(|rest| found.add(Credential::from_bytes(rest.trim_ascii()))),
            Self::VaultToken => fields
                .get_all("x-vault-token")
                .try_for_each(|value| found.add(Credential::from_bytes(value))),
            Self::Basic => {
                scheme_values(fields, "basic").try_for_each(|rest| found.add(basic_password(rest)))
            }
            Self::Cookie(name) => cookie_values(fields, name.as_bytes())
                .try_for_each(|value| found.add(Credential::from_bytes(value))),
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
        let end = value.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(value.len());
        let (name, rest) = value.split_at(end);
        name.eq_ignore_ascii_case(wanted.as_bytes()).then_some(rest)
    })
}

fn basic_password<'h>(encoded: &[u8]) -> Result<Credential<'h>, CredentialError> {
    let pair = BASE64_STANDARD
        .decode(encoded.trim_ascii())
        .ok()
        .and_then(|decoded| String::from_utf8(decoded).ok())
        .ok_or(CredentialError::Malformed)?;
    let (_, password) = pair.split_once(':').ok_or(CredentialError::Malformed)?;
    Credential::from_text(password.to_owned()).ok_or(CredentialError::Malformed)
}

/// Returns the value of each cookie with this name, parsed strictly (RFC 6265, 4.2.1): pairs are
/// separated by `; `, without white space around `=`. So this reads exactly the pairs that the
/// proxies' example configurations remove from the request with `(^|;\s*)NAME=[^;]*`. An
/// application may parse further pairs; a token in those is not accepted.
fn cookie_values<'h>(fields: RequestHeaders<'h>, name: &[u8]) -> impl Iterator<Item = &'h [u8]> {
    let pairs = fields.get_all("cookie").flat_map(|line| {
        let mut pairs = line.split(|byte| *byte == b';');
        // White space is allowed only after a semicolon.
        let first = pairs.next();
        first.into_iter().chain(pairs.map(<[u8]>::trim_ascii_start))
    });
    pairs.filter_map(move |pair| pair.strip_prefix(name)?.strip_prefix(b"="))
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
            _ => match text.strip_prefix("cookie:") {
                Some(name) if is_cookie_name(name) => Ok(Self::Cookie(name.into())),
                _ => Err(format!(
                    "`{text}` is not a credential source; use bearer, x-vault-token, basic or \
                     cookie:NAME"
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
