//! The auth method `userpass`: user names and passwords that Vault keeps.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::request::{delete, read, write};
use crate::vault::{Client, client::Operation, client::VaultError};

/// The type of the auth method.
pub(in crate::vault) const USERPASS: &str = "userpass";

/// A user (`auth/MOUNT/users/NAME`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct UserpassUser {
    /// The policies of its tokens, besides Vault's `default` and those of its entity.
    #[serde(rename = "token_policies", default, deserialize_with = "null_as_empty")]
    pub policies: BTreeSet<String>,
}

/// Returns the path of a user.
#[must_use]
pub fn account_path(mount: &str, name: &str) -> String {
    format!("auth/{mount}/users/{name}")
}

/// Reads a user.
pub(in crate::vault) async fn read_user(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
) -> Result<Option<UserpassUser>, VaultError> {
    read(client, token, Operation::Admin, &account_path(mount, name)).await
}

/// Creates a user. An existing one gets the password and the policies.
pub(in crate::vault) async fn write_user(
    client: &Client,
    token: &SecretString,
    (mount, name): (&str, &str),
    password: &SecretString,
    token_policies: &BTreeSet<String>,
    token_ttl: Option<&str>,
) -> Result<(), VaultError> {
    #[derive(Serialize)]
    struct User<'a> {
        password: &'a str,
        token_policies: &'a BTreeSet<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_ttl: Option<&'a str>,
    }
    let body = User { password: password.expose_secret(), token_policies, token_ttl };
    write(client, token, Operation::Admin, &account_path(mount, name), &body).await
}

/// Replaces the policies of a user's tokens.
pub(in crate::vault) async fn write_policies(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
    policies: &BTreeSet<String>,
) -> Result<(), VaultError> {
    let body = json!({"token_policies": policies});
    write(client, token, Operation::Admin, &account_path(mount, name), &body).await
}

/// Deletes a user. Its tokens stay valid until they expire.
pub(in crate::vault) async fn delete_user(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
) -> Result<(), VaultError> {
    delete(client, token, Operation::Admin, &account_path(mount, name)).await
}

/// Returns true if Vault has a path for a user of this name: letters, digits, `_`, and between
/// them `-` and `.`.
#[must_use]
pub fn is_user_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_inner = |byte: u8| is_word(byte) || matches!(byte, b'-' | b'.');
    match name.as_bytes() {
        [only] => is_word(*only),
        [first, between @ .., last] => {
            is_word(*first) && is_word(*last) && between.iter().copied().all(is_inner)
        }
        [] => false,
    }
}

/// Reads null, which Vault writes for no policies, as an empty set.
fn null_as_empty<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::is_user_name;

    #[test]
    fn user_name_is_what_vault_has_a_path_for() {
        for name in ["a", "ana", "ana.perez", "ana-2", "Ana_B", "a..b"] {
            assert!(is_user_name(name), "{name}");
        }
        for name in ["", "ana@acme.com", "a/b", "..", ".a", "a-", "a b", "b\u{e9}n", "a?b", "a\n"] {
            assert!(!is_user_name(name), "{name}");
        }
    }
}
