use std::{borrow::Cow, sync::Arc};

use super::{
    Credential, CredentialError, CredentialForm, CredentialSource, CredentialSources,
    session::SealedSession,
};
use crate::{headers::RequestHeaders, sealed::SealingKeys};

/// Reads the credential of a request from the enabled sources.
#[derive(Clone, Debug)]
pub struct CredentialReader {
    sources: CredentialSources,
    /// The keys of session cookies; `None` if these are no source.
    session_keys: Option<Arc<SealingKeys>>,
}

impl CredentialReader {
    /// Creates a reader of these sources without session cookies.
    #[must_use]
    pub fn new(sources: CredentialSources) -> Self {
        Self { sources, session_keys: None }
    }

    /// Creates a reader of these sources, with these keys of session cookies.
    #[must_use]
    pub fn with_sessions(sources: CredentialSources, keys: Arc<SealingKeys>) -> Self {
        let session_keys = sources.has_session().then_some(keys);
        Self { sources, session_keys }
    }

    /// Returns the reader without session cookies.
    #[must_use]
    pub fn without_sessions(&self) -> Self {
        Self::new(self.sources.clone())
    }

    /// Returns the names of the cookies that may contain a token.
    pub fn cookie_names(&self) -> impl Iterator<Item = &str> {
        self.sources.0.iter().filter_map(|source| match source {
            CredentialSource::Cookie(name) => Some(&**name),
            _ => None,
        })
    }

    /// Reads the credential from the enabled sources, which may contain only one. `authority` returns
    /// the host of the original request, for which a session cookie has to be sealed.
    ///
    /// # Errors
    /// [`CredentialError`]; a malformed credential never falls through to another source.
    pub fn find<'h>(
        &'h self,
        headers: RequestHeaders<'h>,
        authority: impl FnOnce() -> Option<Cow<'h, str>>,
    ) -> Result<Credential<'h>, CredentialError> {
        let mut found = UniqueToken(None);
        self.sources.0.iter().try_for_each(|source| source.read(headers, &mut found))?;
        let session = match &self.session_keys {
            Some(keys) => SealedSession::find(headers, keys, authority)?,
            None => None,
        };
        let form = match (found.0, session) {
            (None, None) => return Err(CredentialError::Missing),
            (Some(token), None) => CredentialForm::Token(token),
            (None, Some(session)) => CredentialForm::Session(session),
            (Some(token), Some(session)) => match session.unseal() {
                Ok(sealed) if sealed.expose() == token => CredentialForm::Token(token),
                _ => return Err(CredentialError::Conflict),
            },
        };
        Ok(Credential(form))
    }
}

/// The token found so far; a second, different one is a conflict.
pub(super) struct UniqueToken<'h>(Option<Cow<'h, str>>);

impl<'h> UniqueToken<'h> {
    pub(super) fn add(
        &mut self,
        candidate: Result<Credential<'h>, CredentialError>,
    ) -> Result<(), CredentialError> {
        let CredentialForm::Token(token) = candidate?.0 else { return Ok(()) };
        match &self.0 {
            Some(first) if *first != token => Err(CredentialError::Conflict),
            _ => {
                self.0 = Some(token);
                Ok(())
            }
        }
    }
}
