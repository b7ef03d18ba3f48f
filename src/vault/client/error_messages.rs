//! Classification of Vault's error messages.
//!
//! Vault has no error codes, and very different errors share a status, so that only the message
//! tells them apart. A message counts only where it is listed here: for its operation, with its
//! status, as the only one in the list of errors, and to the last character. Any other message is
//! unknown, and no conclusion about a token is drawn from it.
//!
//! The messages are those of OpenBao 2.7 and of HashiCorp Vault 1.15 to 2.x, which share most.

mod logins;
#[cfg(test)]
mod tests;

use self::logins::LOGIN_MESSAGES;
use super::{
    failure::FailureKind,
    operation::Operation::{
        self, Admin, Capabilities, ConsumeUse, Decrypt, DetailedMetadata, Encrypt, Login, Lookup,
        LookupSelf, Mount, Rewrap, Seal, SecretWrite,
    },
};
use crate::secrets::RecordError;

/// The operations that a message may answer, its status, the message, and its meaning. In the
/// message `{number}` stands for a whole number, `{path}` for a path between quotes, `{word}` for
/// text without white space, `{text}` for the rest of a line.
type KnownMessage = (&'static [Operation], u16, &'static str, FailureKind);

/// Every operation, except for those that an earlier entry lists.
const ANY: &[Operation] = &[];

const TRANSIT: &[Operation] = &[Decrypt, Rewrap];

/// The known messages, besides those of the logins of people. The first entry that matches applies.
const KNOWN_MESSAGES: &[KnownMessage] = &[
    // A login request has no token. Vault responds with 403 if the role is locked after failed
    // logins. It responds with 400 if the role id or the secret id is wrong, but also if a change of
    // the leader interrupts the login. The 400s after the first are those of older versions and of
    // an incomplete login.
    (&[Login], 403, "permission denied", FailureKind::LoginDenied),
    (&[Login], 400, "invalid role or secret ID", FailureKind::LoginCredentialsRejected),
    (&[Login], 400, "invalid role ID", FailureKind::LoginCredentialsRejected),
    (&[Login], 400, "invalid secret id", FailureKind::LoginCredentialsRejected),
    (&[Login], 400, "missing role_id", FailureKind::LoginCredentialsRejected),
    (&[Login], 400, "missing secret_id", FailureKind::LoginCredentialsRejected),
    // About the token in the body of the request, which is never the one that the request is made
    // with. To a use of a token, Vault responds like this after it counted the use: the token ended
    // before its lookup.
    (&[Lookup, ConsumeUse], 403, "bad token", FailureKind::TokenNotFound),
    (&[Lookup], 400, "illegal base64 data at input byte {number}", FailureKind::TokenNotFound),
    (&[Capabilities], 400, "1 error occurred:\n\t* invalid token\n\n", FailureKind::TokenNotFound),
    (&[Capabilities], 400, "invalid token", FailureKind::TokenNotFound),
    (
        &[Capabilities],
        500,
        "1 error occurred:\n\t* illegal base64 data at input byte {number}\n\n",
        FailureKind::TokenNotFound,
    ),
    // Of OpenBao, which rejects every request of a token whose metadata breaks a policy's template.
    (
        &[Capabilities],
        403,
        "1 error occurred:\n\t* error parsing templated policy \"{path}\": {text}\n\n",
        FailureKind::NoCapabilities,
    ),
    // About the token that the request is made with. The first is for one that ends during its
    // lookup of itself; the third is HashiCorp's since 1.17.
    (&[LookupSelf], 403, "bad token", FailureKind::TokenRejected),
    (ANY, 403, "permission denied", FailureKind::TokenRejected),
    (
        ANY,
        403,
        "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
        FailureKind::TokenRejected,
    ),
    (
        ANY,
        500,
        "error performing token check: illegal base64 data at input byte {number}",
        FailureKind::TokenRejected,
    ),
    (ANY, 403, "1 error occurred:\n\t* permission denied\n\n", FailureKind::PermissionDenied),
    // For a token without capabilities in the mount, and for a mount that does not exist.
    (
        &[Mount],
        403,
        "preflight capability check returned 403, please ensure client's policies grant access to \
         path \"{path}\"",
        FailureKind::PermissionDenied,
    ),
    (ANY, 503, "Vault is sealed", FailureKind::Sealed),
    // Of a standby, of both products: it would forward the request and does not know where to.
    (
        ANY,
        500,
        "local node not active but active cluster node not found",
        FailureKind::NoActiveNode,
    ),
    // Of OpenBao. HashiCorp Vault Enterprise responds with the next message instead.
    (ANY, 404, "namespace not found", FailureKind::NamespaceNotFound),
    (
        ANY,
        404,
        "no handler for route \"{path}\". route entry not found.",
        FailureKind::MountNotFound,
    ),
    // Of KV engines without `detailed-metadata`: the first two are warnings, of HashiCorp's and of
    // older OpenBao's; the third is that of an engine without a message of its own.
    (
        &[DetailedMetadata],
        404,
        "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API \
         endpoints to use. If using the Vault CLI, use 'vault kv list' for this operation.",
        FailureKind::EndpointNotFound,
    ),
    (
        &[DetailedMetadata],
        404,
        "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API \
         endpoints to use. If using the OpenBao CLI, use 'bao kv list' for this operation.",
        FailureKind::EndpointNotFound,
    ),
    (
        &[DetailedMetadata],
        404,
        "1 error occurred:\n\t* unsupported path\n\n",
        FailureKind::EndpointNotFound,
    ),
    (
        &[SecretWrite],
        400,
        "check-and-set parameter did not match the current version",
        FailureKind::VersionConflict,
    ),
    // By default Raft accepts entries of up to 1 MiB. The second message is HashiCorp's.
    (
        &[SecretWrite, Encrypt, Admin],
        500,
        "1 error occurred:\n\t* put failed due to value being too large; got {number} bytes, \
         max {number} bytes\n\n",
        FailureKind::EntryTooLarge,
    ),
    (
        &[SecretWrite, Encrypt, Admin],
        500,
        "1 error occurred:\n\t* put failed due to value being too large; got {number} bytes, \
         max: {number} bytes\n\n",
        FailureKind::EntryTooLarge,
    ),
    // Of OpenBao, which writes in transactions: another write collided with this one.
    (
        ANY,
        500,
        "1 error occurred:\n\t* transaction commit failed\n\n",
        FailureKind::StorageConflict,
    ),
    (ANY, 500, "transaction commit failed", FailureKind::StorageConflict),
    (TRANSIT, 400, "encryption key not found", FailureKind::KeyNotFound),
    (
        TRANSIT,
        400,
        "cipher: message authentication failed",
        undecryptable(RecordError::WrongContext),
    ),
    (
        TRANSIT,
        400,
        "ciphertext or signature version is disallowed by policy (too old)",
        undecryptable(RecordError::KeyVersionRetired),
    ),
    (
        TRANSIT,
        400,
        "invalid ciphertext: version is too new",
        undecryptable(RecordError::KeyVersionMissing),
    ),
    (TRANSIT, 400, "invalid ciphertext: no prefix", undecryptable(RecordError::Format)),
    (
        TRANSIT,
        400,
        "invalid ciphertext: version number could not be decoded",
        undecryptable(RecordError::Format),
    ),
    (
        TRANSIT,
        400,
        "invalid ciphertext: wrong number of fields",
        undecryptable(RecordError::Format),
    ),
    (
        TRANSIT,
        400,
        "invalid ciphertext: could not decode base64",
        undecryptable(RecordError::Format),
    ),
    (TRANSIT, 400, "invalid ciphertext length", undecryptable(RecordError::Format)),
    (&[Seal], 400, "Vault is already initialized", FailureKind::AlreadyInitialized),
    // Of OpenBao only.
    (
        &[Admin],
        400,
        "cannot enable audit device via API; use declarative, config-based audit device management \
         instead",
        FailureKind::ConfigurationOnly,
    ),
];

const fn undecryptable(why: RecordError) -> FailureKind {
    FailureKind::DecryptionFailed(why)
}

/// Returns the meaning of a response to this operation that is not 2xx. `errors` is `None` if the
/// body is not Vault's, but that of a server in front of it.
pub(super) fn classify(
    operation: Operation,
    status: u16,
    errors: Option<&[String]>,
) -> FailureKind {
    if let Some([message]) = errors {
        let known = LOGIN_MESSAGES.iter().chain(KNOWN_MESSAGES).find(
            |(operations, known_status, pattern, _)| {
                let applies = operations.is_empty() || operations.contains(&operation);
                applies && *known_status == status && matches_pattern(pattern, message)
            },
        );
        if let Some((_, _, _, failure)) = known {
            return *failure;
        }
    }
    classify_status(operation, status, errors)
}

/// Returns the meaning of a response whose message is not listed. None of these is about a token.
fn classify_status(operation: Operation, status: u16, errors: Option<&[String]>) -> FailureKind {
    match (status, errors) {
        (300..=399, _) => FailureKind::Redirect,
        (400, _) | (404, Some([_, ..])) => FailureKind::BadRequest,
        // Vault sends no message for a resource that does not exist; with a message, the path is
        // wrong.
        (404, Some([])) => FailureKind::NotFound,
        (413, _) => FailureKind::EntryTooLarge,
        // A quota has a message.
        (429, Some([])) if operation.is_read_only() => FailureKind::NotCurrent,
        (429, _) => FailureKind::Throttled,
        (500..=599, _) => FailureKind::ServerError,
        _ => FailureKind::Malformed,
    }
}

/// Returns true if the whole message matches the pattern.
fn matches_pattern(pattern: &str, message: &str) -> bool {
    let Some((literal, rest)) = pattern.split_once('{') else { return pattern == message };
    let Some((placeholder, rest)) = rest.split_once('}') else { return false };
    let Some(message) = message.strip_prefix(literal) else { return false };
    let fits = |character: char| match placeholder {
        "number" => character.is_ascii_digit(),
        "word" => !character.is_whitespace(),
        "text" => character != '\n',
        _ => character != '"',
    };
    let end = message.find(|character| !fits(character)).unwrap_or(message.len());
    end > 0 && matches_pattern(rest, &message[end..])
}
