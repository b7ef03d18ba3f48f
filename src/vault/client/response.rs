//! Parsing of responses: Vault's envelopes, and the errors of responses that are not 2xx.

use http::HeaderValue;
use secrecy::SecretString;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use zeroize::Zeroizing;

use super::{
    error::VaultError, failure::FailureKind, operation::Operation, vault_index::VaultIndex,
};

/// A response that is not parsed yet.
pub(super) struct RawResponse {
    pub(super) status: u16,
    /// The value of `X-Vault-Index`.
    pub(super) index: Option<HeaderValue>,
    /// The position of the address that it is from.
    pub(super) address: usize,
    /// It may contain a token, so it is wiped when it is dropped.
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// The parts of a successful response beside its data.
#[derive(Clone, Debug, Default)]
pub struct ResponseMeta {
    /// The index of the storage that the response reflects. Only of `OpenBao` on raft.
    pub index: Option<VaultIndex>,
    /// The id that Vault gave the request, which is also in its audit log.
    pub request_id: Option<String>,
}

impl ResponseMeta {
    /// Reads them from a response.
    pub(super) fn of(response: &RawResponse) -> Self {
        let index = response.index.as_ref();
        Self {
            index: index.and_then(|index| VaultIndex::parse(index.as_bytes())),
            request_id: request_id(&response.body),
        }
    }
}

/// The envelope of most responses.
#[derive(Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) data: Option<T>,
}

/// The envelope of responses that issue a token.
#[derive(Deserialize)]
pub(super) struct AuthEnvelope<T> {
    pub(super) auth: Option<T>,
}

/// The envelope of a wrapped response.
#[derive(Deserialize)]
pub(super) struct WrapEnvelope {
    pub(super) wrap_info: Option<WrapInfo>,
}

#[derive(Deserialize)]
pub(super) struct WrapInfo {
    pub(super) token: SecretString,
}

/// The body of an error response. Vault adds no members other than these, so a body with others
/// does not come from Vault.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorBody {
    errors: Vec<String>,
    #[serde(rename = "warnings")]
    _warnings: Option<IgnoredAny>,
    #[serde(rename = "data")]
    _data: Option<IgnoredAny>,
}

/// The body of a 404 that says in a warning that the endpoint does not exist.
#[derive(Deserialize)]
struct WarningBody {
    data: Option<IgnoredAny>,
    warnings: Vec<String>,
}

/// Returns the id that Vault gave the request, which is also in its audit log. Most responses with a body
/// have one; those with `errors` do not.
pub(super) fn request_id(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct IdBody {
        request_id: String,
    }
    let IdBody { request_id } = serde_json::from_slice(body).ok()?;
    // A UUID and nothing else, whatever the server sends.
    let is_uuid = request_id.len() == 36
        && request_id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_uuid.then_some(request_id)
}

/// Parses the body of a 2xx response.
pub(super) fn parse<T: DeserializeOwned>(
    operation: Operation,
    response: RawResponse,
) -> Result<T, VaultError> {
    let body = check_status(operation, response)?;
    serde_json::from_slice(&body).map_err(|error| {
        // The error's own text may quote the response.
        VaultError::malformed(&format!("line {} column {}", error.line(), error.column()))
    })
}

/// Parses the body of a 2xx response, or of a 404 that has `data`, as for a deleted version.
pub(super) fn parse_or_deleted<T: DeserializeOwned>(
    operation: Operation,
    response: RawResponse,
) -> Result<Envelope<T>, VaultError> {
    if response.status == 404
        && let Ok(deleted @ Envelope { data: Some(_) }) = serde_json::from_slice(&response.body)
    {
        return Ok(deleted);
    }
    parse(operation, response)
}

/// Parses the `data` of a 2xx response; `None` if the body is empty.
pub(super) fn parse_optional<T: DeserializeOwned>(
    operation: Operation,
    response: RawResponse,
) -> Result<Option<T>, VaultError> {
    match response.body.as_slice() {
        b"" => check_status(operation, response).map(|_| None),
        _ => parse(operation, response).map(|envelope: Envelope<T>| envelope.data),
    }
}

/// Returns the body of a 2xx response.
///
/// # Errors
/// The error that any other response means.
pub(super) fn check_status(
    operation: Operation,
    response: RawResponse,
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    match failure(operation, &response) {
        None => Ok(response.body),
        Some(error) => Err(error),
    }
}

/// Returns the error that a response means which is not 2xx; `None` for one that is.
pub(super) fn failure(operation: Operation, response: &RawResponse) -> Option<VaultError> {
    let RawResponse { status, body, .. } = response;
    if (200..300).contains(status) {
        return None;
    }
    let errors = match serde_json::from_slice(body) {
        Ok(ErrorBody { errors, .. }) => Some(errors),
        Err(_) if *status == 404 => warnings(body),
        Err(_) => None,
    };
    Some(VaultError::from_status(operation, *status, errors.as_deref()))
}

/// Returns true if the request was a write that Vault discarded because it collided with another
/// one in its storage.
pub(super) fn is_storage_conflict(operation: Operation, response: &RawResponse) -> bool {
    response.status == 500
        && failure(operation, response)
            .is_some_and(|error| error.kind == FailureKind::StorageConflict)
}

/// Returns the warnings of a response that has nothing else.
fn warnings(body: &[u8]) -> Option<Vec<String>> {
    let WarningBody { data, warnings } = serde_json::from_slice(body).ok()?;
    (data.is_none() && !warnings.is_empty()).then_some(warnings)
}
