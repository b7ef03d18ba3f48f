use std::{borrow::Cow, sync::Arc};

use super::{
    Credential, CredentialError, CredentialForm, CredentialSource, CredentialSources,
    sealed_token::{SealedToken, SealedTokenKind},
};
use crate::{headers::RequestHeaders, sealed::KeyRing, token::access_token::is_oauth_credential};

/// Reads the credential of a request from the enabled sources.
#[derive(Clone, Debug)]
pub struct CredentialReader {
    sources: CredentialSources,
    /// The keys of session cookies and access tokens; `None` if none are accepted.
    keys: Option<Arc<KeyRing>>,
}

/// The audience for which a session cookie or an access token has to be sealed.
pub struct RequestAudience<'h, A> {
    /// Returns the host of the original request, for sessions.
    pub authority: A,
    /// The resource of the route, for access tokens; without one, none is accepted.
    pub resource: Option<&'h str>,
}

impl CredentialReader {
    /// Creates a reader of these sources without session cookies and access tokens.
    #[must_use]
    pub fn new(sources: CredentialSources) -> Self {
        Self { sources, keys: None }
    }

    /// Creates a reader of these sources and of access tokens, with these keys.
    #[must_use]
    pub fn with_keys(sources: CredentialSources, keys: Arc<KeyRing>) -> Self {
        Self { sources, keys: Some(keys) }
    }

    /// Returns the reader without session cookies and access tokens.
    #[must_use]
    pub fn without_keys(&self) -> Self {
        Self::new(self.sources.clone())
    }

    /// Returns the names of the cookies that may contain a token.
    pub fn cookie_names(&self) -> impl Iterator<Item = &str> {
        self.sources.0.iter().filter_map(|source| match source {
            CredentialSource::Cookie(name) => Some(&**name),
            _ => None,
        })
    }

    /// Reads the credential from the enabled sources, which may contain only one.
    ///
    /// # Errors
    /// [`CredentialError`]; a malformed credential never falls through to another source.
    pub fn find<'h, A: FnOnce() -> Option<Cow<'h, str>>>(
        &'h self,
        headers: RequestHeaders<'h>,
        audience: RequestAudience<'h, A>,
    ) -> Result<Credential<'h>, CredentialError> {
        let mut found = UniqueToken(None);
        self.sources.0.iter().try_for_each(|source| source.read(headers, &mut found))?;
        let token = found.0.map(|text| self.token_form(text, audience.resource));
        let session = match self.keys.as_ref().filter(|_| self.sources.has_session()) {
            Some(keys) => SealedToken::find_session(headers, keys, audience.authority)?,
            None => None,
        };
        let form = match (token, session) {
            (None, None) => return Err(CredentialError::Missing),
            // Browsers add a session by themselves, and an access token never.
            (Some(form), None) | (Some(form @ CredentialForm::Sealed(_)), Some(_)) => form,
            (None, Some(session)) => CredentialForm::Sealed(session),
            (Some(CredentialForm::Token(token)), Some(session)) => match session.unseal() {
                Ok(sealed) if sealed.expose() == token => CredentialForm::Token(token),
                _ => return Err(CredentialError::Conflict),
            },
            (Some(_), Some(_)) => return Err(CredentialError::Conflict),
        };
        Ok(Credential(form))
    }

    /// Returns the form of a token. An OAuth credential is not sent to Vault, whatever the route.
    fn token_form<'h>(
        &'h self,
        text: Cow<'h, str>,
        resource: Option<&'h str>,
    ) -> CredentialForm<'h> {
        if !is_oauth_credential(&text) {
            return CredentialForm::Token(text);
        }
        match (&self.keys, resource) {
            (Some(keys), Some(resource)) => CredentialForm::Sealed(SealedToken {
                kind: SealedTokenKind::AccessToken,
                text,
                audience: resource.into(),
                keys,
            }),
            _ => CredentialForm::Unacceptable(text),
        }
    }
}

/// The token found so far; a second, different one is a conflict.
pub(super) struct UniqueToken<'h>(Option<Cow<'h, str>>);

impl<'h> UniqueToken<'h> {
    /// Adds the text of a token; `None` if it is not well formed.
    pub(super) fn add(&mut self, token: Option<Cow<'h, str>>) -> Result<(), CredentialError> {
        let token = token.ok_or(CredentialError::Malformed)?;
        match &self.0 {
            Some(first) if *first != token => Err(CredentialError::Conflict),
            _ => {
                self.0 = Some(token);
                Ok(())
            }
        }
    }
}
