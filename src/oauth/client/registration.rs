use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{ClientKind, OAuthClient, RedirectUri, name::client_name};
use crate::{
    sealed::{KeyRing, Purpose, SealError, UnsealError},
    wall_clock::now,
};

/// The prefix of the ids of registered clients.
pub(super) const ID_PREFIX: &str = "vcr_";

/// The time for which a registration is valid, about ten years. Some clients never register again,
/// even if their id is unknown.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 3653);

const MAX_REDIRECT_URIS: usize = 5;

/// The maximum length of all redirect URIs, in bytes. They are part of the id.
const MAX_REDIRECT_URI_BYTES: usize = 1000;

/// A request of a client to be registered (RFC 7591, 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationRequest {
    name: Option<String>,
    redirect_uris: Vec<RedirectUri>,
}

/// The error of a registration (RFC 7591, 3.2.2), with a description that repeats nothing of the
/// request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationError {
    /// A redirect URI is not valid.
    InvalidRedirectUri(&'static str),
    /// Another member is not valid.
    InvalidClientMetadata(&'static str),
}

/// The response to a registration (RFC 7591, 3.2.1), with the values that apply, whatever the
/// client asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegistrationResponse {
    /// The id of the client: its sealed registration.
    pub client_id: String,
    /// The time of the registration, in seconds since 1970.
    pub client_id_issued_at: i64,
    /// The name of the client, as it is shown to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The redirect URIs.
    pub redirect_uris: Vec<String>,
    /// The grants.
    pub grant_types: [&'static str; 2],
    /// The response types.
    pub response_types: [&'static str; 1],
    /// The authentication of the client: none.
    pub token_endpoint_auth_method: &'static str,
}

/// The members of a request that matter here. A repeated member is an error.
#[derive(Deserialize)]
struct RequestedRegistration {
    client_name: Option<String>,
    redirect_uris: Option<Vec<String>>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
}

/// The content of an id.
#[derive(Serialize, Deserialize)]
struct SealedRegistration {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    uris: Vec<String>,
}

impl RegistrationRequest {
    /// Parses the JSON of a request.
    ///
    /// # Errors
    /// [`RegistrationError`]
    pub fn parse(body: &[u8]) -> Result<Self, RegistrationError> {
        use RegistrationError::{InvalidClientMetadata, InvalidRedirectUri};

        // serde would read an array as well.
        let is_object = body.trim_ascii_start().first() == Some(&b'{');
        let request = serde_json::from_slice(body).ok().filter(|_| is_object);
        let request: RequestedRegistration = request
            .ok_or(InvalidClientMetadata("the body is not a JSON object of client metadata"))?;
        if request.grant_types.is_some_and(|grants| !contains(&grants, "authorization_code")) {
            return Err(InvalidClientMetadata("grant_types must contain authorization_code"));
        }
        if request.response_types.is_some_and(|types| !contains(&types, "code")) {
            return Err(InvalidClientMetadata("response_types must contain code"));
        }
        let uris = request.redirect_uris.unwrap_or_default();
        if !(1..=MAX_REDIRECT_URIS).contains(&uris.len()) {
            return Err(InvalidRedirectUri("one to five redirect_uris are required"));
        }
        if uris.iter().map(String::len).sum::<usize>() > MAX_REDIRECT_URI_BYTES {
            return Err(InvalidRedirectUri("the redirect_uris have more than 1000 bytes"));
        }
        let uris = uris.iter().map(|uri| RedirectUri::parse(uri));
        let redirect_uris = uris.collect::<Option<_>>().ok_or(InvalidRedirectUri(
            "a redirect URI must be an https URL, an http URL on localhost, 127.0.0.1 or [::1], or \
             have a private-use scheme, without user information and fragment",
        ))?;
        Ok(Self { name: request.client_name.as_deref().and_then(client_name), redirect_uris })
    }

    /// Registers the client at this issuer. Nothing is stored: the id is the registration.
    ///
    /// # Errors
    /// [`SealError`], which does not occur in practice.
    pub fn register(
        &self,
        keys: &KeyRing,
        issuer: &str,
    ) -> Result<RegistrationResponse, SealError> {
        let redirect_uris: Vec<_> = self.redirect_uris.iter().map(ToString::to_string).collect();
        let data = SealedRegistration { name: self.name.clone(), uris: redirect_uris.clone() };
        let issued_at = now();
        let purpose = Purpose::ClientRegistration;
        let sealed = keys.seal_json(purpose, issuer, issued_at + LIFETIME, &data)?;
        Ok(RegistrationResponse {
            client_id: format!("{ID_PREFIX}{sealed}"),
            client_id_issued_at: issued_at.as_second(),
            client_name: self.name.clone(),
            redirect_uris,
            grant_types: ["authorization_code", "refresh_token"],
            response_types: ["code"],
            token_endpoint_auth_method: "none",
        })
    }
}

fn contains(items: &[String], wanted: &str) -> bool {
    items.iter().any(|item| item == wanted)
}

/// Returns the client that was registered at this issuer with this id.
///
/// # Errors
/// [`UnsealError`]
pub(super) fn registered_client(
    keys: &KeyRing,
    issuer: &str,
    id: &str,
) -> Result<OAuthClient, UnsealError> {
    let sealed = id.strip_prefix(ID_PREFIX).ok_or(UnsealError::Malformed)?;
    let data: SealedRegistration =
        keys.unseal_json(Purpose::ClientRegistration, issuer, now(), sealed)?;
    let redirect_uris: Option<Vec<_>> =
        data.uris.iter().map(|uri| RedirectUri::parse(uri)).collect();
    Ok(OAuthClient {
        id: id.to_owned(),
        name: data.name,
        redirect_uris: redirect_uris.ok_or(UnsealError::Malformed)?,
        kind: ClientKind::Registered,
    })
}

impl RegistrationError {
    /// Returns the error code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRedirectUri(_) => "invalid_redirect_uri",
            Self::InvalidClientMetadata(_) => "invalid_client_metadata",
        }
    }
}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::InvalidRedirectUri(description) | Self::InvalidClientMetadata(description)) =
            self;
        f.write_str(description)
    }
}

impl std::error::Error for RegistrationError {}

#[cfg(test)]
mod tests;
