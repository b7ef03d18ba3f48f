use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{
    ClientKind, CodeChallenge, OAuthClient, OAuthError, OAuthErrorCode, OAuthParameters,
    ProtectedResource, RedirectUri, Resources,
};
use crate::{
    resource_uri::ResourceUri,
    sealed::{KeyRing, Purpose, SealError},
    wall_clock::now,
};

/// The time within which a person has to log in for an authorization.
const LOGIN_TIME: SignedDuration = SignedDuration::from_mins(15);

/// The maximum length of the state of a client, in bytes.
const MAX_STATE: usize = 1024;

/// The maximum length of the sealed request, in bytes. It is kept in a cookie while a person logs in at an
/// `OpenID` provider.
const MAX_SEALED: usize = 2_200;

/// The request of an OAuth client for access to a resource, checked and complete (RFC 6749, 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The id of the client.
    pub client_id: String,
    /// The name of the client, if it has one. It is chosen by the client.
    pub client_name: Option<String>,
    /// The way in which the client is known.
    pub client_kind: ClientKind,
    /// The address that the result is sent to.
    pub redirect_uri: RedirectUri,
    /// True if the client has named this address in the request, so that it has to repeat it (RFC 6749,
    /// 4.1.3).
    pub has_redirect_uri: bool,
    /// The value that the client gets back.
    pub state: Option<String>,
    /// The challenge whose verifier the client has to send.
    pub challenge: CodeChallenge,
    /// The resource that access is asked for.
    pub resource: ResourceUri,
}

/// The address that an error of a request is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseTarget {
    /// The address.
    pub redirect_uri: RedirectUri,
    /// The value that the client gets back.
    pub state: Option<String>,
}

impl ResponseTarget {
    /// Returns the address of a client for this request; `None` if it is not one of the client's.
    #[must_use]
    pub fn of(client: &OAuthClient, parameters: &OAuthParameters<'_>) -> Option<Self> {
        let redirect_uri = client.redirect_uri(parameters.get("redirect_uri"))?;
        let state = parameters.get("state").filter(|state| state.len() <= MAX_STATE);
        Some(Self { redirect_uri, state: state.map(str::to_owned) })
    }

    /// Returns the URL with an authorization code (RFC 6749, 4.1.2; RFC 9207).
    #[must_use]
    pub fn with_code(&self, issuer: &str, code: &str) -> String {
        self.with(issuer, &[("code", code)])
    }

    /// Returns the URL with an error (RFC 6749, 4.1.2.1; RFC 9207).
    #[must_use]
    pub fn with_error(&self, issuer: &str, error: &OAuthError) -> String {
        let code = error.code.as_str();
        self.with(issuer, &[("error", code), ("error_description", error.description)])
    }

    fn with(&self, issuer: &str, result: &[(&str, &str)]) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        let others = state.into_iter().chain([("iss", issuer)]);
        let parameters: Vec<_> = result.iter().copied().chain(others).collect();
        self.redirect_uri.with_parameters(&parameters)
    }
}

impl AuthorizationRequest {
    /// Checks the request of a client that wants its result at `target`.
    ///
    /// # Errors
    /// An [`OAuthError`] for the client.
    pub fn check(
        client: &OAuthClient,
        target: ResponseTarget,
        parameters: &OAuthParameters<'_>,
        resources: &Resources,
    ) -> Result<Self, OAuthError> {
        if parameters.get("response_type") != Some("code") {
            let description = "the only response_type is code";
            return Err(OAuthError::new(OAuthErrorCode::UnsupportedResponseType, description));
        }
        if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(OAuthError::invalid_request("the only response_mode is query"));
        }
        if parameters.get("state").is_some_and(|state| state.len() > MAX_STATE) {
            return Err(OAuthError::invalid_request("the state is longer than 1024 bytes"));
        }
        let challenge = challenge(parameters)?;
        let resource = resource(parameters, resources)?.uri.clone();
        Ok(Self {
            client_id: client.id.clone(),
            client_name: client.name.clone(),
            client_kind: client.kind,
            redirect_uri: target.redirect_uri,
            has_redirect_uri: parameters.get("redirect_uri").is_some(),
            state: target.state,
            challenge,
            resource,
        })
    }

    /// Returns the address of the result.
    #[must_use]
    pub fn response_target(&self) -> ResponseTarget {
        let (redirect_uri, state) = (self.redirect_uri.clone(), self.state.clone());
        ResponseTarget { redirect_uri, state }
    }

    /// Returns the part of the client's identity that is verified, for people who have not logged in.
    #[must_use]
    pub fn client_label(&self) -> &str {
        match self.client_kind {
            ClientKind::Configured => &self.client_id,
            ClientKind::Document => self.document_host(),
            ClientKind::Registered => self.redirect_uri.host_or_scheme(),
        }
    }

    /// Returns the host of the client's metadata document, if its id is the URL of one.
    #[must_use]
    pub fn document_host(&self) -> &str {
        let id = &self.client_id;
        let rest = id.split_once("://").map_or(id.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// Seals the request for the time of the login.
    ///
    /// # Errors
    /// [`SealError`] if it is too long.
    pub fn seal(&self, keys: &KeyRing, issuer: &str) -> Result<String, SealError> {
        let purpose = Purpose::AuthorizationRequest;
        let sealed = keys.seal_json(purpose, issuer, now() + LOGIN_TIME, self)?;
        if sealed.len() <= MAX_SEALED { Ok(sealed) } else { Err(SealError) }
    }

    /// Unseals a request; `None` if it is not one of this issuer or has expired.
    #[must_use]
    pub fn unseal(keys: &KeyRing, issuer: &str, text: &str) -> Option<Self> {
        keys.unseal_json(Purpose::AuthorizationRequest, issuer, now(), text).ok()
    }
}

/// Returns the challenge (RFC 7636, 4.3). Without a method it would be `plain`.
fn challenge(parameters: &OAuthParameters<'_>) -> Result<CodeChallenge, OAuthError> {
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(OAuthError::invalid_request("code_challenge_method has to be S256"));
    }
    let challenge = parameters.get("code_challenge").and_then(CodeChallenge::parse);
    challenge.ok_or_else(|| {
        OAuthError::invalid_request("code_challenge has to be the base64url of a SHA-256 hash")
    })
}

/// Returns the resource that a request names (RFC 8707, 2) or, without a name, the only one.
fn resource<'r>(
    parameters: &OAuthParameters<'_>,
    resources: &'r Resources,
) -> Result<&'r ProtectedResource, OAuthError> {
    let error = |description| OAuthError::new(OAuthErrorCode::InvalidTarget, description);
    match parameters.get("resource") {
        None => resources.only().ok_or_else(|| error("several resources are served: name one")),
        Some(uri) => ResourceUri::parse(uri)
            .and_then(|uri| resources.covering(&uri))
            .ok_or_else(|| error("this resource is not served here")),
    }
}
