//! The OAuth access token that `explain` reads.

use std::sync::Arc;

use http::HeaderValue;
use zeroize::Zeroizing;

use super::sealed::{SealedDescription, UNKNOWN_KEY, noun, sealed_with};
use crate::{
    diagnostics::AccessTokenToExplain,
    sealed::{KeyRing, SealedInspection},
    token::{
        ACCESS_TOKEN_PREFIX, AUTHORIZATION_CODE_PREFIX, AccessToken, CredentialReader,
        CredentialSources, REFRESH_TOKEN_PREFIX,
    },
    wall_clock::now,
};

/// The OAuth credentials that this service issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OAuthCredentialKind {
    /// An access token, for one resource.
    AccessToken,
    /// A credential for the token endpoint only.
    TokenEndpoint(&'static str),
}

impl OAuthCredentialKind {
    /// Returns the kind of a text by its prefix; `None` for a token of Vault.
    pub(super) fn of(text: &str) -> Option<Self> {
        let kinds = [
            (ACCESS_TOKEN_PREFIX, Self::AccessToken),
            (AUTHORIZATION_CODE_PREFIX, Self::TokenEndpoint("authorization code")),
            (REFRESH_TOKEN_PREFIX, Self::TokenEndpoint("refresh token")),
        ];
        kinds.into_iter().find_map(|(prefix, kind)| text.starts_with(prefix).then_some(kind))
    }
}

/// An access token, as far as the keys describe it. It has no `Debug`, since it may be valid.
pub(super) struct AccessTokenInput {
    text: Zeroizing<String>,
    resource: String,
    inspection: SealedInspection,
    key_count: usize,
    /// The id of the client that it was issued to, if it is valid.
    client: Option<String>,
}

impl AccessTokenInput {
    /// Inspects an access token for a resource.
    pub(super) fn new(keys: &KeyRing, resource: &str, text: &str) -> Self {
        let sealed = text.strip_prefix(ACCESS_TOKEN_PREFIX).unwrap_or(text);
        Self {
            text: Zeroizing::new(text.to_owned()),
            resource: resource.to_owned(),
            inspection: keys.inspect(resource, now(), sealed),
            key_count: keys.key_count(),
            client: AccessToken::unseal(keys, resource, text).ok().map(|token| token.client),
        }
    }

    /// Returns the request of a client with this access token.
    ///
    /// # Errors
    /// Returns that no header can have this value.
    pub(super) fn to_explain(&self, keys: Arc<KeyRing>) -> Result<AccessTokenToExplain, String> {
        let value = Zeroizing::new(format!("Bearer {}", *self.text));
        let invalid = |_| "standard input has characters that no access token has".to_owned();
        let mut authorization = HeaderValue::from_str(&value).map_err(invalid)?;
        authorization.set_sensitive(true);
        let reader = CredentialReader::with_keys(CredentialSources::default(), keys);
        Ok(AccessTokenToExplain { reader, authorization })
    }

    /// Returns the description for both forms of output.
    pub(super) fn description(&self) -> SealedDescription {
        let audience = ("resource", self.resource.as_str());
        let mut description =
            SealedDescription::new(self.inspection, self.key_count, audience, self.text());
        description.json["client"] = self.client.as_deref().into();
        description
    }

    fn text(&self) -> String {
        let resource = &self.resource;
        match self.inspection {
            SealedInspection::Malformed => {
                "begins like an OAuth access token, and is none: a part may be missing".to_owned()
            }
            SealedInspection::UnknownKey(_) => UNKNOWN_KEY.to_owned(),
            SealedInspection::NotAuthentic(header) => format!(
                "{}, but not for {resource}: `resource` has to be the one that the client has asked for; \
                 or it was changed",
                sealed_with(header.key, self.key_count)
            ),
            SealedInspection::Expired(purpose, header) => format!(
                "{} {resource}, {}; expired {}",
                noun(purpose),
                sealed_with(header.key, self.key_count),
                header.expiry
            ),
            SealedInspection::Valid(purpose, header) => format!(
                "{} {resource}, issued to the client {}, {}; expires {} at the latest",
                noun(purpose),
                self.client.as_deref().unwrap_or("?").escape_debug(),
                sealed_with(header.key, self.key_count),
                header.expiry
            ),
        }
    }
}
