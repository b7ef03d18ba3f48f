use proptest::prelude::*;

mod logins;

use super::{
    FailureKind, KNOWN_MESSAGES, LOGIN_MESSAGES,
    Operation::{
        self, Capabilities, ConsumeUse, Decrypt, DetailedMetadata, Entity, Login, Lookup,
        SecretRead, SecretWrite,
    },
    RecordError, classify, matches_pattern,
};

const TOKEN_REJECTED_SINCE_1_17: &str =
    "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n";
const PERMISSION_DENIED: &str = "1 error occurred:\n\t* permission denied\n\n";

fn classify_one(operation: Operation, status: u16, message: &str) -> FailureKind {
    classify(operation, status, Some(&[message.to_owned()]))
}

#[test]
fn known_messages_are_classified() {
    let invalid = "1 error occurred:\n\t* invalid token\n\n";
    for (operation, status, message, expected) in [
        (Lookup, 403, "bad token", FailureKind::TokenNotFound),
        (Lookup, 400, "illegal base64 data at input byte 0", FailureKind::TokenNotFound),
        (Capabilities, 400, invalid, FailureKind::TokenNotFound),
        (ConsumeUse, 403, "bad token", FailureKind::TokenNotFound),
        (
            Capabilities,
            403,
            "1 error occurred:\n\t* error parsing templated policy \"team\": failed to parse \
             policy: path \"a\": template substitution contains forbidden value: \"/\"\n\n",
            FailureKind::NoCapabilities,
        ),
        (Lookup, 403, "permission denied", FailureKind::TokenRejected),
        (Lookup, 403, TOKEN_REJECTED_SINCE_1_17, FailureKind::TokenRejected),
        (Capabilities, 403, TOKEN_REJECTED_SINCE_1_17, FailureKind::TokenRejected),
        (ConsumeUse, 403, TOKEN_REJECTED_SINCE_1_17, FailureKind::TokenRejected),
        (SecretRead, 403, TOKEN_REJECTED_SINCE_1_17, FailureKind::TokenRejected),
        (Lookup, 403, PERMISSION_DENIED, FailureKind::PermissionDenied),
        (Login, 403, "permission denied", FailureKind::LoginDenied),
        (Login, 400, "invalid role or secret ID", FailureKind::LoginCredentialsRejected),
        (Login, 400, "invalid role ID", FailureKind::LoginCredentialsRejected),
        (Login, 400, "invalid secret id", FailureKind::LoginCredentialsRejected),
        (Login, 400, "missing role_id", FailureKind::LoginCredentialsRejected),
        (Login, 400, "missing secret_id", FailureKind::LoginCredentialsRejected),
        (Lookup, 503, "Vault is sealed", FailureKind::Sealed),
        (
            SecretWrite,
            500,
            "1 error occurred:\n\t* transaction commit failed\n\n",
            FailureKind::StorageConflict,
        ),
        (
            SecretWrite,
            500,
            "1 error occurred:\n\t* put failed due to value being too large; got 156 bytes, \
             max 1048576 bytes\n\n",
            FailureKind::EntryTooLarge,
        ),
        (
            Decrypt,
            400,
            "invalid ciphertext: version is too new",
            FailureKind::DecryptionFailed(RecordError::KeyVersionMissing),
        ),
        (
            Entity,
            404,
            "no handler for route \"identity/entity/id/x\". route entry not found.",
            FailureKind::MountNotFound,
        ),
    ] {
        assert_eq!(classify_one(operation, status, message), expected, "{operation:?} {message}");
    }
}

#[test]
fn kv_without_detailed_metadata_is_no_endpoint() {
    let unsupported = "Invalid path for a versioned K/V secrets engine. See the API docs for \
                       the appropriate API endpoints to use. If using the Vault CLI, use \
                       'vault kv list' for this operation.";
    assert_eq!(classify_one(DetailedMetadata, 404, unsupported), FailureKind::EndpointNotFound);
    assert_eq!(classify_one(SecretRead, 404, unsupported), FailureKind::BadRequest);
    assert_eq!(classify(DetailedMetadata, 404, Some(&[])), FailureKind::NotFound);
    assert_eq!(classify(DetailedMetadata, 404, None), FailureKind::Malformed);
}

#[test]
fn other_operation_or_status_is_unknown() {
    for (operation, status, message, expected) in [
        (Entity, 403, "bad token", FailureKind::Malformed),
        (Capabilities, 403, "bad token", FailureKind::Malformed),
        (SecretRead, 403, "bad token", FailureKind::Malformed),
        (Lookup, 400, "bad token", FailureKind::BadRequest),
        (Lookup, 401, "bad token", FailureKind::Malformed),
        (Lookup, 500, "bad token", FailureKind::ServerError),
        (Lookup, 403, "invalid token", FailureKind::Malformed),
        (Lookup, 403, "upstream: bad token bucket", FailureKind::Malformed),
        (Lookup, 403, "Bad token", FailureKind::Malformed),
        (Lookup, 403, "", FailureKind::Malformed),
        (Lookup, 400, "illegal base64 data at input byte ", FailureKind::BadRequest),
        (Lookup, 400, "illegal base64 data at input byte 1x", FailureKind::BadRequest),
        (Lookup, 400, "1 error occurred:\n\t* invalid token\n\n", FailureKind::BadRequest),
        (Capabilities, 400, "leadership lost while committing log", FailureKind::BadRequest),
        (Login, 400, "leadership lost while committing log", FailureKind::BadRequest),
        (
            Login,
            400,
            "1 error occurred:\n\t* leadership lost while committing log\n\n",
            FailureKind::BadRequest,
        ),
        (Login, 400, "upstream: invalid secret id", FailureKind::BadRequest),
        (Lookup, 400, "invalid role or secret ID", FailureKind::BadRequest),
        (Lookup, 429, "request path \"x\": rate limit quota exceeded", FailureKind::Throttled),
        (Lookup, 503, "API access to this namespace has been locked", FailureKind::ServerError),
        (Lookup, 503, "upstream: Vault is sealed", FailureKind::ServerError),
        (Lookup, 500, "local node not active", FailureKind::ServerError),
        (SecretWrite, 500, "upstream: transaction commit failed, or not", FailureKind::ServerError),
        (DetailedMetadata, 404, "1 error occurred:\n\t* unsupported\n\n", FailureKind::BadRequest),
        (SecretRead, 404, "1 error occurred:\n\t* unsupported path\n\n", FailureKind::BadRequest),
        (Lookup, 307, "", FailureKind::Redirect),
        (Lookup, 413, "", FailureKind::EntryTooLarge),
        (Lookup, 200, "", FailureKind::Malformed),
    ] {
        assert_eq!(classify_one(operation, status, message), expected, "{status} {message}");
    }
}

#[test]
fn several_messages_or_none_are_unknown() {
    let two = ["bad token".to_owned(), "bad token".to_owned()];
    assert_eq!(classify(Lookup, 403, Some(&two)), FailureKind::Malformed);
    assert_eq!(classify(Lookup, 403, Some(&[])), FailureKind::Malformed);
    assert_eq!(classify(Lookup, 403, None), FailureKind::Malformed);
    assert_eq!(classify(Entity, 404, Some(&[])), FailureKind::NotFound);
    for operation in [Lookup, Entity, Capabilities] {
        assert_eq!(classify(operation, 429, Some(&[])), FailureKind::NotCurrent);
        assert_eq!(classify(operation, 429, None), FailureKind::Throttled);
    }
    assert_eq!(classify(SecretRead, 429, Some(&[])), FailureKind::Throttled);
    assert_eq!(classify(Entity, 404, None), FailureKind::Malformed);
    assert_eq!(classify_one(Entity, 404, "unsupported path"), FailureKind::BadRequest);
    assert_eq!(classify(Login, 400, None), FailureKind::BadRequest);
}

proptest! {
    #[test]
    fn text_around_a_message_makes_it_unknown(
        which in 0..KNOWN_MESSAGES.len() + LOGIN_MESSAGES.len(),
        before in "[a-z:\\n ]{0,6}",
        after in "[a-z:\\n ]{0,6}",
    ) {
        let (_, _, pattern, _) = KNOWN_MESSAGES.iter().chain(LOGIN_MESSAGES).nth(which).expect("one");
        let message = pattern.replace("{number}", "12").replace("{path}", "a/b");
        let message = message.replace("{text}", "why: \"/\"").replace("{word}", "staff.");
        let after = if pattern.ends_with("{text}") { "\n".to_owned() } else { after };
        prop_assert!(matches_pattern(pattern, &message));
        if !(before.is_empty() && after.is_empty()) {
            let longer = format!("{before}{message}{after}");
            prop_assert!(!matches_pattern(pattern, &longer), "{}", longer);
        }
    }
}
