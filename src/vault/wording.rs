//! The meaning of Vault's error messages.
//!
//! Vault has no codes for its errors: statuses are shared by very different ones, so the message
//! tells them apart. A message counts only where it is listed here: for its call, with its status,
//! alone in the list of errors, and to the last character. Whatever else is said is unknown, and
//! nothing is concluded from it about anybody's token.
//!
//! The messages are those of OpenBao 2.7 and of HashiCorp Vault 1.15 to 2.x, which share most.

use crate::{
    secrets::Unreadable,
    vault::{
        client::Operation::{
            self, Admin, Capabilities, ConsumeUse, Decrypt, Encrypt, Login, Lookup, LookupSelf,
            Mount, Rewrap, Seal, SecretDetails, SecretWrite,
        },
        error::Failure,
    },
};

/// A message with the calls that it may answer, its status, and its meaning. `{number}` stands
/// for a whole number, `{path}` for a path between quotes, `{text}` for the rest of a line.
type Wording = (&'static [Operation], u16, &'static str, Failure);

/// Any call at all, but for those that an earlier entry is about.
const ANY: &[Operation] = &[];

const TRANSIT: &[Operation] = &[Decrypt, Rewrap];

/// The first entry that fits is the meaning.
const TABLE: &[Wording] = &[
    // A login carries no token. Vault says 403 to a role that is locked after failed logins. To a
    // wrong role id or secret id it says 400, but also to a login that a change of the leader cut
    // short. Those after the first of these are older versions' and those of an incomplete login.
    (&[Login], 403, "permission denied", Failure::LoginDenied),
    (&[Login], 400, "invalid role or secret ID", Failure::LoginRefused),
    (&[Login], 400, "invalid role ID", Failure::LoginRefused),
    (&[Login], 400, "invalid secret id", Failure::LoginRefused),
    (&[Login], 400, "missing role_id", Failure::LoginRefused),
    (&[Login], 400, "missing secret_id", Failure::LoginRefused),
    // About the token that was asked about, which is never the one that the call is made with.
    // Of a use, it is said after that was counted: the token ended before its lookup.
    (&[Lookup, ConsumeUse], 403, "bad token", Failure::Refused),
    (&[Lookup], 400, "illegal base64 data at input byte {number}", Failure::Refused),
    (&[Capabilities], 400, "1 error occurred:\n\t* invalid token\n\n", Failure::Refused),
    (&[Capabilities], 400, "invalid token", Failure::Refused),
    (
        &[Capabilities],
        500,
        "1 error occurred:\n\t* illegal base64 data at input byte {number}\n\n",
        Failure::Refused,
    ),
    // Of OpenBao, which answers no request of a token whose metadata breaks a policy's template.
    (
        &[Capabilities],
        403,
        "1 error occurred:\n\t* error parsing templated policy \"{path}\": {text}\n\n",
        Failure::NothingGranted,
    ),
    // About the token that the call is made with: of one that ends while it looks itself up; the
    // third is HashiCorp's since 1.17.
    (&[LookupSelf], 403, "bad token", Failure::OwnToken),
    (ANY, 403, "permission denied", Failure::OwnToken),
    (
        ANY,
        403,
        "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
        Failure::OwnToken,
    ),
    (
        ANY,
        500,
        "error performing token check: illegal base64 data at input byte {number}",
        Failure::OwnToken,
    ),
    (ANY, 403, "1 error occurred:\n\t* permission denied\n\n", Failure::OwnPolicy),
    // To a token that may do nothing in the mount, or if there is none.
    (
        &[Mount],
        403,
        "preflight capability check returned 403, please ensure client's policies grant access to \
         path \"{path}\"",
        Failure::OwnPolicy,
    ),
    (ANY, 503, "Vault is sealed", Failure::Sealed),
    // Of OpenBao. HashiCorp Vault's Enterprise edition says of the path that there is no handler.
    (ANY, 404, "namespace not found", Failure::NoNamespace),
    (ANY, 404, "no handler for route \"{path}\". route entry not found.", Failure::NoMount),
    // Of KV engines without `detailed-metadata`: the first two are warnings, HashiCorp's and older
    // OpenBao's; the third is what an engine says that has no message of its own.
    (
        &[SecretDetails],
        404,
        "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API \
         endpoints to use. If using the Vault CLI, use 'vault kv list' for this operation.",
        Failure::NoEndpoint,
    ),
    (
        &[SecretDetails],
        404,
        "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API \
         endpoints to use. If using the OpenBao CLI, use 'bao kv list' for this operation.",
        Failure::NoEndpoint,
    ),
    (&[SecretDetails], 404, "1 error occurred:\n\t* unsupported path\n\n", Failure::NoEndpoint),
    (
        &[SecretWrite],
        400,
        "check-and-set parameter did not match the current version",
        Failure::Conflict,
    ),
    // Raft takes entries of 1 MiB, unless it is told otherwise. The second is HashiCorp's.
    (
        &[SecretWrite, Encrypt, Admin],
        500,
        "1 error occurred:\n\t* put failed due to value being too large; got {number} bytes, \
         max {number} bytes\n\n",
        Failure::TooLarge,
    ),
    (
        &[SecretWrite, Encrypt, Admin],
        500,
        "1 error occurred:\n\t* put failed due to value being too large; got {number} bytes, \
         max: {number} bytes\n\n",
        Failure::TooLarge,
    ),
    // Of OpenBao, which writes in transactions: another write came between.
    (ANY, 500, "1 error occurred:\n\t* transaction commit failed\n\n", Failure::StorageConflict),
    (ANY, 500, "transaction commit failed", Failure::StorageConflict),
    (TRANSIT, 400, "encryption key not found", Failure::NoKey),
    (TRANSIT, 400, "cipher: message authentication failed", undecryptable(Unreadable::Elsewhere)),
    (
        TRANSIT,
        400,
        "ciphertext or signature version is disallowed by policy (too old)",
        undecryptable(Unreadable::KeyTooOld),
    ),
    (TRANSIT, 400, "invalid ciphertext: version is too new", undecryptable(Unreadable::KeyGone)),
    (TRANSIT, 400, "invalid ciphertext: no prefix", undecryptable(Unreadable::Format)),
    (
        TRANSIT,
        400,
        "invalid ciphertext: version number could not be decoded",
        undecryptable(Unreadable::Format),
    ),
    (TRANSIT, 400, "invalid ciphertext: wrong number of fields", undecryptable(Unreadable::Format)),
    (
        TRANSIT,
        400,
        "invalid ciphertext: could not decode base64",
        undecryptable(Unreadable::Format),
    ),
    (TRANSIT, 400, "invalid ciphertext length", undecryptable(Unreadable::Format)),
    (&[Seal], 400, "Vault is already initialized", Failure::Initialized),
    // OpenBao's alone.
    (
        &[Admin],
        400,
        "cannot enable audit device via API; use declarative, config-based audit device management \
         instead",
        Failure::ConfigurationOnly,
    ),
];

const fn undecryptable(why: Unreadable) -> Failure {
    Failure::Undecryptable(why)
}

/// The meaning of an answer to this call that is not 2xx. `errors` is `None` if the body is not of
/// Vault's making, but of something in front of it.
pub(super) fn meaning(operation: Operation, status: u16, errors: Option<&[String]>) -> Failure {
    if let Some([message]) = errors {
        let listed = TABLE.iter().find(|(operations, listed, pattern, _)| {
            let asked = operations.is_empty() || operations.contains(&operation);
            asked && *listed == status && matches_pattern(pattern, message)
        });
        if let Some((_, _, _, failure)) = listed {
            return *failure;
        }
    }
    meaning_of_status(status, errors)
}

/// The meaning where the message adds nothing. None of these is about a token.
fn meaning_of_status(status: u16, errors: Option<&[String]>) -> Failure {
    match (status, errors) {
        (300..=399, _) => Failure::Redirect,
        (400, _) | (404, Some([_, ..])) => Failure::BadRequest,
        // What does not exist is told without a message; with one, the path is at fault.
        (404, Some([])) => Failure::NotFound,
        (413, _) => Failure::TooLarge,
        (429, _) => Failure::Throttled,
        (500..=599, _) => Failure::Server,
        _ => Failure::Malformed,
    }
}

/// Whether a message is the one that a pattern describes, as a whole.
fn matches_pattern(pattern: &str, message: &str) -> bool {
    let Some((literal, rest)) = pattern.split_once('{') else { return pattern == message };
    let Some((placeholder, rest)) = rest.split_once('}') else { return false };
    let Some(message) = message.strip_prefix(literal) else { return false };
    let fits = |character: char| match placeholder {
        "number" => character.is_ascii_digit(),
        "text" => character != '\n',
        _ => character != '"',
    };
    let end = message.find(|character| !fits(character)).unwrap_or(message.len());
    end > 0 && matches_pattern(rest, &message[end..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        Failure,
        Operation::{
            self, Capabilities, ConsumeUse, Decrypt, Entity, Login, Lookup, SecretDetails,
            SecretRead, SecretWrite,
        },
        TABLE, Unreadable, matches_pattern, meaning,
    };

    const OWN_SINCE_1_17: &str = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n";
    const OWN_POLICY: &str = "1 error occurred:\n\t* permission denied\n\n";

    fn said(operation: Operation, status: u16, message: &str) -> Failure {
        meaning(operation, status, Some(&[message.to_owned()]))
    }

    #[test]
    fn listed_messages_have_their_meaning() {
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
            (Lookup, 403, OWN_SINCE_1_17, Failure::OwnToken),
            (Capabilities, 403, OWN_SINCE_1_17, Failure::OwnToken),
            (ConsumeUse, 403, OWN_SINCE_1_17, Failure::OwnToken),
            (SecretRead, 403, OWN_SINCE_1_17, Failure::OwnToken),
            (Lookup, 403, OWN_POLICY, Failure::OwnPolicy),
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
            assert_eq!(said(operation, status, message), expected, "{operation:?} {message}");
        }
    }

    #[test]
    fn kv_engine_without_details_is_no_empty_folder() {
        let unsupported = "Invalid path for a versioned K/V secrets engine. See the API docs for \
                           the appropriate API endpoints to use. If using the Vault CLI, use \
                           'vault kv list' for this operation.";
        assert_eq!(said(SecretDetails, 404, unsupported), Failure::NoEndpoint);
        assert_eq!(said(SecretRead, 404, unsupported), Failure::BadRequest);
        assert_eq!(meaning(SecretDetails, 404, Some(&[])), Failure::NotFound);
        assert_eq!(meaning(SecretDetails, 404, None), Failure::Malformed);
    }

    #[test]
    fn message_counts_for_its_call_and_status_alone() {
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
            assert_eq!(said(operation, status, message), expected, "{status} {message}");
        }
    }

    #[test]
    fn message_among_others_or_not_of_vault_counts_for_nothing() {
        let two = ["bad token".to_owned(), "bad token".to_owned()];
        assert_eq!(meaning(Lookup, 403, Some(&two)), Failure::Malformed);
        assert_eq!(meaning(Lookup, 403, Some(&[])), Failure::Malformed);
        assert_eq!(meaning(Lookup, 403, None), Failure::Malformed);
        assert_eq!(meaning(Entity, 404, Some(&[])), Failure::NotFound);
        assert_eq!(meaning(Entity, 404, None), Failure::Malformed);
        assert_eq!(said(Entity, 404, "unsupported path"), Failure::BadRequest);
        assert_eq!(meaning(Login, 400, None), Failure::BadRequest);
    }

    proptest! {
        #[test]
        fn text_around_a_message_makes_it_another(
            which in 0..TABLE.len(),
            before in "[a-z:\\n ]{0,6}",
            after in "[a-z:\\n ]{0,6}",
        ) {
            let (_, _, pattern, _) = TABLE[which];
            let message = pattern.replace("{number}", "12").replace("{path}", "a/b");
            let message = message.replace("{text}", "why: \"/\"");
            prop_assert!(matches_pattern(pattern, &message));
            if !(before.is_empty() && after.is_empty()) {
                let longer = format!("{before}{message}{after}");
                prop_assert!(!matches_pattern(pattern, &longer), "{}", longer);
            }
        }
    }
}
