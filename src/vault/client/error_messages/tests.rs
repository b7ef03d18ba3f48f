use proptest::prelude::*;

use super::{
    Failure, KNOWN_MESSAGES,
    Operation::{
        self, Capabilities, ConsumeUse, Decrypt, Entity, Login, Lookup, SecretDetails, SecretRead,
        SecretWrite,
    },
    Unreadable, classify, matches_pattern,
};

const TOKEN_REJECTED_SINCE_1_17: &str =
    "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n";
const PERMISSION_DENIED: &str = "1 error occurred:\n\t* permission denied\n\n";

fn classify_one(operation: Operation, status: u16, message: &str) -> Failure {
    classify(operation, status, Some(&[message.to_owned()]))
}

#[test]
fn known_messages_are_classified() {
    let invalid = "1 error occurred:\n\t* invalid token\n\n";
    for (operation, status, message, expected) in [
        (Lookup, 403, "bad token", Failure::Refused),
        (Lookup, 400, "illegal base64 data at input byte 0", Failure::Refused),
        (Capabilities, 400, invalid, Failure::Refused),
        (ConsumeUse, 403, "bad token", Failure::Refused),
        (
            Capabilities,
            403,
            "1 error occurred:\n\t* error parsing templated policy \"team\": failed to parse \
             policy: path \"a\": template substitution contains forbidden value: \"/\"\n\n",
            Failure::NothingGranted,
        ),
        (Lookup, 403, "permission denied", Failure::OwnToken),
        (Lookup, 403, TOKEN_REJECTED_SINCE_1_17, Failure::OwnToken),
        (Capabilities, 403, TOKEN_REJECTED_SINCE_1_17, Failure::OwnToken),
        (ConsumeUse, 403, TOKEN_REJECTED_SINCE_1_17, Failure::OwnToken),
        (SecretRead, 403, TOKEN_REJECTED_SINCE_1_17, Failure::OwnToken),
        (Lookup, 403, PERMISSION_DENIED, Failure::OwnPolicy),
        (Login, 403, "permission denied", Failure::LoginDenied),
        (Login, 400, "invalid role or secret ID", Failure::LoginRefused),
        (Login, 400, "invalid role ID", Failure::LoginRefused),
        (Login, 400, "invalid secret id", Failure::LoginRefused),
        (Login, 400, "missing role_id", Failure::LoginRefused),
        (Login, 400, "missing secret_id", Failure::LoginRefused),
        (Lookup, 503, "Vault is sealed", Failure::Sealed),
        (
            SecretWrite,
            500,
            "1 error occurred:\n\t* transaction commit failed\n\n",
            Failure::StorageConflict,
        ),
        (
            SecretWrite,
            500,
            "1 error occurred:\n\t* put failed due to value being too large; got 156 bytes, \
             max 1048576 bytes\n\n",
            Failure::TooLarge,
        ),
        (
            Decrypt,
            400,
            "invalid ciphertext: version is too new",
            Failure::Undecryptable(Unreadable::KeyGone),
        ),
        (
            Entity,
            404,
            "no handler for route \"identity/entity/id/x\". route entry not found.",
            Failure::NoMount,
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
    assert_eq!(classify_one(SecretDetails, 404, unsupported), Failure::NoEndpoint);
    assert_eq!(classify_one(SecretRead, 404, unsupported), Failure::BadRequest);
    assert_eq!(classify(SecretDetails, 404, Some(&[])), Failure::NotFound);
    assert_eq!(classify(SecretDetails, 404, None), Failure::Malformed);
}

#[test]
fn other_operation_or_status_is_unknown() {
    for (operation, status, message, expected) in [
        (Entity, 403, "bad token", Failure::Malformed),
        (Capabilities, 403, "bad token", Failure::Malformed),
        (SecretRead, 403, "bad token", Failure::Malformed),
        (Lookup, 400, "bad token", Failure::BadRequest),
        (Lookup, 401, "bad token", Failure::Malformed),
        (Lookup, 500, "bad token", Failure::Server),
        (Lookup, 403, "invalid token", Failure::Malformed),
        (Lookup, 403, "upstream: bad token bucket", Failure::Malformed),
        (Lookup, 403, "Bad token", Failure::Malformed),
        (Lookup, 403, "", Failure::Malformed),
        (Lookup, 400, "illegal base64 data at input byte ", Failure::BadRequest),
        (Lookup, 400, "illegal base64 data at input byte 1x", Failure::BadRequest),
        (Lookup, 400, "1 error occurred:\n\t* invalid token\n\n", Failure::BadRequest),
        (Capabilities, 400, "leadership lost while committing log", Failure::BadRequest),
        (Login, 400, "leadership lost while committing log", Failure::BadRequest),
        (
            Login,
            400,
            "1 error occurred:\n\t* leadership lost while committing log\n\n",
            Failure::BadRequest,
        ),
        (Login, 400, "upstream: invalid secret id", Failure::BadRequest),
        (Lookup, 400, "invalid role or secret ID", Failure::BadRequest),
        (Lookup, 429, "request path \"x\": rate limit quota exceeded", Failure::Throttled),
        (Lookup, 503, "API access to this namespace has been locked", Failure::Server),
        (Lookup, 503, "upstream: Vault is sealed", Failure::Server),
        (Lookup, 500, "local node not active", Failure::Server),
        (SecretWrite, 500, "upstream: transaction commit failed, or not", Failure::Server),
        (SecretDetails, 404, "1 error occurred:\n\t* unsupported\n\n", Failure::BadRequest),
        (SecretRead, 404, "1 error occurred:\n\t* unsupported path\n\n", Failure::BadRequest),
        (Lookup, 307, "", Failure::Redirect),
        (Lookup, 413, "", Failure::TooLarge),
        (Lookup, 200, "", Failure::Malformed),
    ] {
        assert_eq!(classify_one(operation, status, message), expected, "{status} {message}");
    }
}

#[test]
fn several_messages_or_none_are_unknown() {
    let two = ["bad token".to_owned(), "bad token".to_owned()];
    assert_eq!(classify(Lookup, 403, Some(&two)), Failure::Malformed);
    assert_eq!(classify(Lookup, 403, Some(&[])), Failure::Malformed);
    assert_eq!(classify(Lookup, 403, None), Failure::Malformed);
    assert_eq!(classify(Entity, 404, Some(&[])), Failure::NotFound);
    assert_eq!(classify(Entity, 404, None), Failure::Malformed);
    assert_eq!(classify_one(Entity, 404, "unsupported path"), Failure::BadRequest);
    assert_eq!(classify(Login, 400, None), Failure::BadRequest);
}

proptest! {
    #[test]
    fn text_around_a_message_makes_it_unknown(
        which in 0..KNOWN_MESSAGES.len(),
        before in "[a-z:\\n ]{0,6}",
        after in "[a-z:\\n ]{0,6}",
    ) {
        let (_, _, pattern, _) = KNOWN_MESSAGES[which];
        let message = pattern.replace("{number}", "12").replace("{path}", "a/b");
        let message = message.replace("{text}", "why: \"/\"");
        prop_assert!(matches_pattern(pattern, &message));
        if !(before.is_empty() && after.is_empty()) {
            let longer = format!("{before}{message}{after}");
            prop_assert!(!matches_pattern(pattern, &longer), "{}", longer);
        }
    }
}
