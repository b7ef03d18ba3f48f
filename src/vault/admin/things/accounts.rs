//! The methods by which people log in, and the accounts of user names and passwords.

use std::collections::{BTreeSet, HashMap};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Call, Things, trouble};
use crate::provision::Trouble;

/// The type of the auth method with user names and passwords.
const USERPASS: &str = "userpass";

/// An auth method.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct LoginMethod {
    /// Its type, as `userpass`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name that aliases know it by.
    pub accessor: String,
}

/// An account of user names and passwords.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// The policies of its tokens, besides Vault's `default` and those of its entity.
    #[serde(rename = "token_policies", default, deserialize_with = "or_none")]
    pub policies: BTreeSet<String>,
}

#[derive(Serialize)]
struct NewAccount<'a> {
    password: &'a str,
    token_policies: &'a BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_ttl: Option<&'a str>,
}

impl LoginMethod {
    /// Whether its accounts are user names and passwords that Vault keeps.
    #[must_use]
    pub fn is_userpass(&self) -> bool {
        self.kind == USERPASS
    }

    /// The alias of this name: user names are folded to lower case by the method, not by the alias.
    #[must_use]
    pub fn alias(&self, name: &str) -> String {
        if self.is_userpass() { name.to_lowercase() } else { name.to_owned() }
    }
}

impl Things<'_> {
    /// The auth method at this path; `None` if there is none.
    ///
    /// # Errors
    /// Why that cannot be told, and what helps.
    pub async fn login_method(&self, mount: &str) -> Result<Option<LoginMethod>, Trouble> {
        let methods: Option<HashMap<String, LoginMethod>> = self.get("sys/auth").await?;
        Ok(methods.and_then(|mut methods| methods.remove(&format!("{mount}/"))))
    }

    /// The account of this name; `None` if there is none.
    ///
    /// # Errors
    /// Why that cannot be told, and what helps.
    pub async fn account(&self, mount: &str, name: &str) -> Result<Option<Account>, Trouble> {
        if !is_user_name(name) {
            return Ok(None);
        }
        self.get(&account_path(mount, name)).await
    }

    /// Whether somebody has logged in by this name, or was announced.
    ///
    /// # Errors
    /// Why that cannot be told, and what helps.
    pub async fn is_known(&self, name: &str, method: &LoginMethod) -> Result<bool, Trouble> {
        let alias = method.alias(name);
        Ok(self.entity_of_alias(&alias, &method.accessor).await?.is_some())
    }

    /// Makes an account. One of this name that is there already gets the password and the policies.
    ///
    /// # Errors
    /// Why it is not made, and what helps.
    pub async fn make_account(
        &self,
        mount: &str,
        name: &str,
        password: &SecretString,
        policies: &BTreeSet<String>,
        token_ttl: Option<&str>,
    ) -> Result<(), Trouble> {
        let path = account_path(mount, name);
        let body =
            NewAccount { password: password.expose_secret(), token_policies: policies, token_ttl };
        let made = self.desk.done(&Call::post(path.clone(), &body)).await;
        made.map_err(|error| {
            trouble(&error, &format!("write {path}"), &format!("create on {path}"))
        })
    }

    /// Gives an account exactly these policies.
    ///
    /// # Errors
    /// Why it has not got them, and what helps.
    pub async fn set_policies(
        &self,
        mount: &str,
        name: &str,
        policies: &BTreeSet<String>,
    ) -> Result<(), Trouble> {
        self.post(&account_path(mount, name), json!({"token_policies": policies})).await
    }

    /// Deletes an account.
    ///
    /// # Errors
    /// Why it is there still, and what helps.
    pub async fn delete_account(&self, mount: &str, name: &str) -> Result<(), Trouble> {
        self.delete(&account_path(mount, name)).await
    }
}

/// The path of an account.
#[must_use]
pub fn account_path(mount: &str, name: &str) -> String {
    format!("auth/{mount}/users/{name}")
}

/// Whether an account can have this name: letters, digits, `_`, and between them `-` and `.`.
#[must_use]
pub fn is_user_name(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let inner = |byte: u8| word(byte) || matches!(byte, b'-' | b'.');
    match name.as_bytes() {
        [only] => word(*only),
        [first, between @ .., last] => {
            word(*first) && word(*last) && between.iter().copied().all(inner)
        }
        [] => false,
    }
}

/// Vault writes null for no policies.
fn or_none<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeSet<String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::is_user_name;

    #[test]
    fn a_user_name_is_what_vault_has_a_path_for() {
        for name in ["a", "ana", "ana.perez", "ana-2", "Ana_B", "a..b"] {
            assert!(is_user_name(name), "{name}");
        }
        for name in ["", "ana@acme.com", "a/b", "..", ".a", "a-", "a b", "b\u{e9}n", "a?b", "a\n"] {
            assert!(!is_user_name(name), "{name}");
        }
    }
}
