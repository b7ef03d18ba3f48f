use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    AuthorizationRequest, CodeChallenge, OAuthError, OAuthErrorCode, OAuthParameters, Resources,
};
use crate::{
    resource_uri::ResourceUri,
    sealed::{KeyRing, Purpose, SealError, UnsealError},
    token::{AUTHORIZATION_CODE_PREFIX, CallerToken},
    wall_clock::now,
};

/// The time for which an authorization code is valid. Vault ends its wrapping token after that time.
pub const CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(1);

/// The time for which a code that was used is recognized, so that what was issued for it can be revoked.
const RECOGNITION_TIME: SignedDuration = SignedDuration::from_mins(10);

/// An authorization code (RFC 6749, 4.1.2), which can be exchanged once, at any replica.
pub struct AuthorizationCode {
    /// The person's token, to revoke it if the code is used again.
    pub token: CallerToken,
    /// The accessor of that token.
    pub accessor: String,
    /// The response-wrapping token with the same token, which can be exchanged once.
    pub wrapping_token: SecretString,
    /// The id of the client.
    pub client_id: String,
    /// The address that the code was sent to, if the client has named it.
    redirect_uri: Option<String>,
    challenge: CodeChallenge,
    /// The resource that access is for.
    pub resource: ResourceUri,
}

#[derive(Serialize, Deserialize)]
struct SealedCode {
    token: String,
    accessor: String,
    wrapping_token: String,
    client_id: String,
    redirect_uri: Option<String>,
    challenge: CodeChallenge,
    resource: ResourceUri,
}

impl AuthorizationCode {
    /// Creates the code for a request that a person has consented to.
    #[must_use]
    pub fn new(
        request: AuthorizationRequest,
        (token, accessor): (CallerToken, String),
        wrapping_token: SecretString,
    ) -> Self {
        let redirect_uri =
            request.has_redirect_uri.then(|| request.redirect_uri.as_str().to_owned());
        Self {
            token,
            accessor,
            wrapping_token,
            client_id: request.client_id,
            redirect_uri,
            challenge: request.challenge,
            resource: request.resource,
        }
    }

    /// Seals the code.
    ///
    /// # Errors
    /// [`SealError`], which does not occur in practice.
    pub fn seal(self, keys: &KeyRing, issuer: &str) -> Result<String, SealError> {
        let data = SealedCode {
            token: self.token.expose().to_owned(),
            accessor: self.accessor,
            wrapping_token: self.wrapping_token.expose_secret().to_owned(),
            client_id: self.client_id,
            redirect_uri: self.redirect_uri,
            challenge: self.challenge,
            resource: self.resource,
        };
        let purpose = Purpose::AuthorizationCode;
        let sealed = keys.seal_json(purpose, issuer, now() + RECOGNITION_TIME, &data)?;
        Ok(format!("{AUTHORIZATION_CODE_PREFIX}{sealed}"))
    }

    /// Unseals a code of this issuer. It may have been used before.
    ///
    /// # Errors
    /// [`UnsealError`]
    pub fn unseal(keys: &KeyRing, issuer: &str, text: &str) -> Result<Self, UnsealError> {
        let sealed = text.strip_prefix(AUTHORIZATION_CODE_PREFIX).ok_or(UnsealError::Malformed)?;
        let data: SealedCode =
            keys.unseal_json(Purpose::AuthorizationCode, issuer, now(), sealed)?;
        Ok(Self {
            token: CallerToken::from(data.token.as_str()),
            accessor: data.accessor,
            wrapping_token: data.wrapping_token.into(),
            client_id: data.client_id,
            redirect_uri: data.redirect_uri,
            challenge: data.challenge,
            resource: data.resource,
        })
    }

    /// Checks that a token request is made by the client that the code was issued to (RFC 6749, 4.1.3;
    /// RFC 7636, 4.6; RFC 8707, 2.2).
    ///
    /// # Errors
    /// An [`OAuthError`]; the code stays valid.
    pub fn check(
        &self,
        parameters: &OAuthParameters<'_>,
        resources: &Resources,
    ) -> Result<(), OAuthError> {
        let invalid = |description| OAuthError::new(OAuthErrorCode::InvalidGrant, description);
        if parameters.get("client_id") != Some(&self.client_id) {
            return Err(invalid("the code was issued to another client"));
        }
        if parameters.get("redirect_uri") != self.redirect_uri.as_deref() {
            return Err(invalid("redirect_uri differs from that of the authorization request"));
        }
        let verifier = parameters.require("code_verifier", "code_verifier is missing")?;
        if !self.challenge.matches(verifier) {
            return Err(invalid("code_verifier does not match code_challenge"));
        }
        check_resource(parameters, &self.resource, resources)
    }
}

/// Checks that a token request names no other resource than that of its grant.
///
/// # Errors
/// An [`OAuthError`]
pub fn check_resource(
    parameters: &OAuthParameters<'_>,
    granted: &ResourceUri,
    resources: &Resources,
) -> Result<(), OAuthError> {
    let Some(named) = parameters.get("resource") else { return Ok(()) };
    let named = ResourceUri::parse(named);
    match named.and_then(|named| resources.covering(&named).cloned()) {
        Some(resource) if resource.uri == *granted => Ok(()),
        _ => Err(OAuthError::new(
            OAuthErrorCode::InvalidTarget,
            "the resource is not the one that access was granted to",
        )),
    }
}
