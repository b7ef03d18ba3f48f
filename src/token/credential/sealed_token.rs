//! Credentials that this service has sealed: the session cookie of a host, and the access token of a
//! resource.

use std::borrow::Cow;

use secrecy::SecretString;

use super::{CallerToken, CredentialError};
use crate::{
    headers::RequestHeaders,
    sealed::{KeyRing, Purpose, UnsealError},
    token::{AccessToken, RenewedBy},
    wall_clock::now,
};

/// The name of the session cookie. Because of the prefix, browsers accept it only over a secure
/// connection and for one host (draft-ietf-httpbis-rfc6265bis, 4.1.3.2).
pub const SESSION_COOKIE: &str = "__Host-vault-session";

/// A person's token in sealed form, and the audience that the request is for.
pub(super) struct SealedToken<'h> {
    pub(super) kind: SealedTokenKind,
    pub(super) text: Cow<'h, str>,
    /// The host of the request, or the resource of the route.
    pub(super) audience: Cow<'h, str>,
    pub(super) keys: &'h KeyRing,
}

/// The kind of a sealed token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SealedTokenKind {
    /// A session cookie, for a host.
    Session,
    /// An access token, for a resource.
    AccessToken,
}

impl<'h> SealedToken<'h> {
    /// Returns the session cookie of a request. If there are several, of which at most one is from this
    /// service, returns the first that can be unsealed.
    pub(super) fn find_session(
        headers: RequestHeaders<'h>,
        keys: &'h KeyRing,
        authority: impl FnOnce() -> Option<Cow<'h, str>>,
    ) -> Result<Option<Self>, CredentialError> {
        let mut values = headers.cookies(SESSION_COOKIE);
        let Some(first) = values.next() else { return Ok(None) };
        let authority = authority().ok_or(CredentialError::UnknownHost)?;
        let session = |value| {
            let text = std::str::from_utf8(value).ok().filter(|text| !text.is_empty())?;
            let kind = SealedTokenKind::Session;
            Some(Self { kind, text: text.into(), audience: authority.clone(), keys })
        };
        let Some(second) = values.next() else {
            return session(first).map(Some).ok_or(CredentialError::Malformed);
        };
        let mut all = [first, second].into_iter().chain(values).filter_map(session);
        let unsealed = all.find(|session| session.unseal().is_ok());
        unsealed.or_else(|| session(first)).map(Some).ok_or(CredentialError::Malformed)
    }

    /// Returns the token. A session is renewed by this service, an access token by its client.
    pub(super) fn unseal(&self) -> Result<CallerToken, UnsealError> {
        if self.kind == SealedTokenKind::AccessToken {
            return AccessToken::unseal(self.keys, &self.audience, &self.text)
                .map(|access| access.token);
        }
        let (token, expiry) =
            self.keys.unseal_with_expiry(Purpose::Session, &self.audience, now(), &self.text)?;
        let token = std::str::from_utf8(&token).map_err(|_| UnsealError::Malformed)?;
        let token = CallerToken::from(SecretString::from(token)).valid_until(expiry);
        Ok(token.renewed_by(RenewedBy::Validator))
    }
}
