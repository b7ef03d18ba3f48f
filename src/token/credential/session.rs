//! The session cookie: a person's token, sealed for one host.

use std::borrow::Cow;

use secrecy::SecretString;

use super::{CallerToken, CredentialError};
use crate::{
    headers::RequestHeaders,
    sealed::{Purpose, SealingKeys, UnsealError},
    wall_clock::now,
};

/// The name of the session cookie. Because of the prefix, browsers accept it only over a secure
/// connection and for one host (draft-ietf-httpbis-rfc6265bis, 4.1.3.2).
pub const SESSION_COOKIE: &str = "__Host-vault-session";

/// A session cookie, and the host that the request is for.
pub(super) struct SealedSession<'h> {
    pub(super) text: &'h str,
    pub(super) authority: Cow<'h, str>,
    pub(super) keys: &'h SealingKeys,
}

impl<'h> SealedSession<'h> {
    /// Returns the session cookie of a request. If there are several, of which at most one is from this
    /// service, returns the first that can be unsealed.
    pub(super) fn find(
        headers: RequestHeaders<'h>,
        keys: &'h SealingKeys,
        authority: impl FnOnce() -> Option<Cow<'h, str>>,
    ) -> Result<Option<Self>, CredentialError> {
        let mut values = headers.cookies(SESSION_COOKIE);
        let Some(first) = values.next() else { return Ok(None) };
        let authority = authority().ok_or(CredentialError::UnknownHost)?;
        let session = |value| {
            let text = std::str::from_utf8(value).ok().filter(|text| !text.is_empty())?;
            Some(Self { text, authority: authority.clone(), keys })
        };
        let Some(second) = values.next() else {
            return session(first).map(Some).ok_or(CredentialError::Malformed);
        };
        let mut all = [first, second].into_iter().chain(values).filter_map(session);
        let unsealed = all.find(|session| session.unseal().is_ok());
        unsealed.or_else(|| session(first)).map(Some).ok_or(CredentialError::Malformed)
    }

    /// Returns the token.
    pub(super) fn unseal(&self) -> Result<CallerToken, UnsealError> {
        let ring = self.keys.current();
        let token = ring.unseal(Purpose::Session, &self.authority, now(), self.text)?;
        let token = std::str::from_utf8(&token).map_err(|_| UnsealError::Malformed)?;
        Ok(CallerToken::from(SecretString::from(token)))
    }
}
