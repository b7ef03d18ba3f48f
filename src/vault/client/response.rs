//! Parsing of responses: Vault's envelopes, and the errors of responses that are not 2xx.

use secrecy::SecretString;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use zeroize::Zeroizing;

use super::{error::VaultError, failure::FailureKind, operation::Operation};

/// A status and a body. The body may contain a token, so it is wiped when it is dropped.
pub(super) type RawResponse = (u16, Zeroizing<Vec<u8>>);

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
    (status, body): RawResponse,
) -> Result<Envelope<T>, VaultError> {
    if status == 404
        && let Ok(deleted @ Envelope { data: Some(_) }) = serde_json::from_slice(&body)
    {
        return Ok(deleted);
    }
    parse(operation, (status, body))
}

/// Parses the `data` of a 2xx response; `None` if the body is empty.
pub(super) fn parse_optional<T: DeserializeOwned>(
    operation: Operation,
    (status, body): RawResponse,
) -> Result<Option<T>, VaultError> {
    match body.as_slice() {
        b"" => check_status(operation, (status, body)).map(|_| None),
        _ => parse(operation, (status, body)).map(|envelope: Envelope<T>| envelope.data),
    }
}

/// Returns the body of a 2xx response.
///
/// # Errors
/// The error that any other response means.
pub(super) fn check_status(
    operation: Operation,
    (status, body): RawResponse,
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    if (200..300).contains(&status) {
        return Ok(body);
    }
    Err(response_error(operation, status, &body))
}

/// Returns true if the request was a write that Vault discarded because it collided with another
/// one in its storage.
pub(super) fn is_storage_conflict(operation: Operation, (status, body): &RawResponse) -> bool {
    *status == 500 && response_error(operation, *status, body).kind == FailureKind::StorageConflict
}

fn response_error(operation: Operation, status: u16, body: &[u8]) -> VaultError {
    let errors = match serde_json::from_slice(body) {
        Ok(ErrorBody { errors, .. }) => Some(errors),
        Err(_) if status == 404 => warnings(body),
        Err(_) => None,
    };
    VaultError::from_status(operation, status, errors.as_deref())
}

/// Returns the warnings of a response that has nothing else.
fn warnings(body: &[u8]) -> Option<Vec<String>> {
    let WarningBody { data, warnings } = serde_json::from_slice(body).ok()?;
    (data.is_none() && !warnings.is_empty()).then_some(warnings)
}
