//! The parts of the description of a sealed text that do not depend on what it is.

use serde_json::{Value, json};

use crate::sealed::{KeyPosition, Purpose, SealedHeader, SealedInspection};

/// The description of a sealed text, for both forms of output.
pub(super) struct SealedDescription {
    /// The description for people.
    pub(super) text: String,
    /// The description as JSON.
    pub(super) json: Value,
}

impl SealedDescription {
    /// Creates the description of a text that was inspected with this number of keys for an audience,
    /// which is a `host` or a `resource`.
    pub(super) fn new(
        inspection: SealedInspection,
        key_count: usize,
        (kind, audience): (&str, &str),
        text: String,
    ) -> Self {
        let (state, purpose, header) = match inspection {
            SealedInspection::Malformed => ("malformed", None, None),
            SealedInspection::UnknownKey(header) => ("unknown_key", None, Some(header)),
            SealedInspection::NotAuthentic(header) => ("not_authentic", None, Some(header)),
            SealedInspection::Expired(purpose, header) => ("expired", Some(purpose), Some(header)),
            SealedInspection::Valid(purpose, header) => ("valid", Some(purpose), Some(header)),
        };
        let json = json!({
            "state": state,
            "purpose": purpose.map(Purpose::label),
            kind: audience,
            "key": header.and_then(|header| key_number(header.key)),
            "keys": key_count,
            "expires": header.map(|SealedHeader { expiry, .. }| expiry.to_string()),
            "because": text,
        });
        Self { text, json }
    }
}

/// The description of a text whose key is not in the file.
pub(super) const UNKNOWN_KEY: &str = "sealed with a key that is not in the file: one that was removed, or \
                                      that of another installation; or it was changed";

/// Describes the key with which a text is sealed.
pub(super) fn sealed_with(key: KeyPosition, count: usize) -> String {
    match key {
        KeyPosition::First if count == 1 => "sealed with the only key".to_owned(),
        KeyPosition::First => format!("sealed with the first of {count} keys"),
        KeyPosition::Older(number) => {
            format!("sealed with key {number} of {count}, which does not seal any more")
        }
        KeyPosition::Unknown => "sealed with an unknown key".to_owned(),
    }
}

/// Describes a purpose, before the audience.
pub(super) fn noun(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Session => "a session for",
        Purpose::Ticket => "the ticket of a login, for",
        Purpose::PendingLogin => "the unfinished logins of a browser at",
        Purpose::PendingMfa => "a login that waits for its second factor, at",
        Purpose::AuthorizationRequest => "the request of an OAuth client, at",
        Purpose::Consent => "a person's consent to an OAuth client, at",
        Purpose::AuthorizationCode => "an OAuth authorization code of",
        Purpose::AccessToken => "an OAuth access token for",
        Purpose::RefreshToken => "an OAuth refresh token of",
        Purpose::ClientRegistration => "the registration of an OAuth client at",
    }
}

fn key_number(key: KeyPosition) -> Option<usize> {
    match key {
        KeyPosition::First => Some(1),
        KeyPosition::Older(number) => Some(number),
        KeyPosition::Unknown => None,
    }
}
