//! Checks of what a person enters. Vault is not asked about what it cannot accept.

use secrecy::{ExposeSecret, SecretString};

use crate::{login::BrowserLoginKind, vault::api::userpass::is_user_name};

/// The maximum length of a user name, in bytes.
const MAX_NAME: usize = 512;

/// Returns true if the auth method has a path for a user of this name.
pub(super) fn has_path(kind: BrowserLoginKind, name: &str) -> bool {
    name.len() <= MAX_NAME
        && match kind {
            BrowserLoginKind::Userpass => is_user_name(name),
            BrowserLoginKind::Ldap => {
                let is_segment = !matches!(name, "" | "." | "..");
                is_segment && !name.contains("  ") && name.chars().all(is_name_character)
            }
            BrowserLoginKind::Oidc => false,
        }
}

/// Returns true for the characters of names in a directory: ASCII without `/`, and Latin letters.
/// Directories compare others by their meaning (RFC 4518), for example those of full width, so that a
/// user would have several names, each with its own limit of failures.
fn is_name_character(character: char) -> bool {
    match character {
        '/' => false,
        ' '..='~' => true,
        _ => character < '\u{250}' && character.is_alphabetic(),
    }
}

/// Returns true if this can be a passcode. Vault takes text with `=` for a parameter, and quotes it in
/// its error.
pub(super) fn is_passcode(text: &SecretString) -> bool {
    let text = text.expose_secret().as_bytes();
    !text.is_empty() && text.iter().all(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::{BrowserLoginKind, has_path, is_passcode};

    #[test]
    fn user_names_are_those_with_a_path() {
        for name in ["ana", "Ana.Perez-2", "a"] {
            assert!(has_path(BrowserLoginKind::Userpass, name), "{name}");
            assert!(has_path(BrowserLoginKind::Ldap, name), "{name}");
        }
        for name in ["ana@acme.com", "Ana Pérez", "CN=Ana,OU=Staff", "acme\\ana", "%2e%2e", "-a"] {
            assert!(!has_path(BrowserLoginKind::Userpass, name), "{name}");
            assert!(has_path(BrowserLoginKind::Ldap, name), "{name}");
        }
        for name in ["ana  perez", "a\u{ad}na", "\u{ff41}na", "a\u{200b}na", "a\u{a0}b"] {
            assert!(!has_path(BrowserLoginKind::Ldap, name), "{name}");
        }
        let long = "a".repeat(513);
        for name in ["", ".", "..", "a/b", "../ana", "a\n", "a\0", "a\u{85}", &long] {
            for kind in [BrowserLoginKind::Userpass, BrowserLoginKind::Ldap] {
                assert!(!has_path(kind, name), "{name}");
            }
        }
        assert!(!has_path(BrowserLoginKind::Oidc, "ana"));
    }

    #[test]
    fn passcodes_are_letters_and_digits() {
        for (text, valid) in [
            ("123456", true),
            ("cccjgjgkhcbb", true),
            ("", false),
            ("123 456", false),
            ("passcode=123456", false),
            ("１２３４５６", false),
            ("123456\n", false),
        ] {
            assert_eq!(is_passcode(&text.into()), valid, "{text}");
        }
    }
}
