//! The auth methods with which people log in, and the users of `userpass`.

use std::collections::BTreeSet;

use secrecy::SecretString;

use super::VaultResources;
use crate::{
    provisioning::ProvisionError,
    vault::{
        admin::errors::{
            cannot_create, cannot_delete, cannot_read, cannot_write, none_if_no_mount,
        },
        api::{
            mounts::Mount,
            userpass::{self, USERPASS, UserpassUser, account_path, is_user_name},
        },
    },
};

/// An auth method with which people log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginMethod {
    /// Its type, such as `userpass`.
    pub kind: String,
    /// The accessor with which aliases refer to it.
    pub accessor: String,
}

impl LoginMethod {
    /// Returns true if Vault keeps the users of this method, with their passwords.
    #[must_use]
    pub fn is_userpass(&self) -> bool {
        self.kind == USERPASS
    }

    /// Returns the name of the alias of a user. The method `userpass` changes user names to lower
    /// case; aliases are case-sensitive.
    #[must_use]
    pub fn alias(&self, name: &str) -> String {
        if self.is_userpass() { name.to_lowercase() } else { name.to_owned() }
    }
}

impl VaultResources<'_> {
    /// Returns the auth method at this path; `None` if there is none.
    ///
    /// # Errors
    /// A message that says why it is not known, and what to do.
    pub async fn login_method(&self, mount: &str) -> Result<Option<LoginMethod>, ProvisionError> {
        let found = self.auth_method(mount).await?;
        Ok(found.and_then(|Mount { kind, accessor, .. }| {
            Some(LoginMethod { kind, accessor: accessor? })
        }))
    }

    /// Returns the user of this name; `None` if there is none.
    ///
    /// # Errors
    /// A message that says why it is not known, and what to do.
    pub async fn account(
        &self,
        mount: &str,
        name: &str,
    ) -> Result<Option<UserpassUser>, ProvisionError> {
        if !is_user_name(name) {
            return Ok(None);
        }
        let read = self
            .operator
            .call(async |client, token| userpass::read_user(client, token, mount, name).await);
        none_if_no_mount(read.await).map_err(cannot_read(&account_path(mount, name)))
    }

    /// Returns true if there is an entity with an alias of this name: of a person who has logged in
    /// before, or was added to a tenant.
    ///
    /// # Errors
    /// A message that says why it is not known, and what to do.
    pub async fn has_alias(
        &self,
        name: &str,
        method: &LoginMethod,
    ) -> Result<bool, ProvisionError> {
        let alias = method.alias(name);
        Ok(self.entity_of_alias(&alias, &method.accessor).await?.is_some())
    }

    /// Creates a user. An existing one gets the password and the policies.
    ///
    /// # Errors
    /// A message that says why it is not created, and what to do.
    pub async fn create_account(
        &self,
        mount: &str,
        name: &str,
        password: &SecretString,
        policies: &BTreeSet<String>,
        token_ttl: Option<&str>,
    ) -> Result<(), ProvisionError> {
        let user = (mount, name);
        self.operator
            .call(async |client, token| {
                userpass::write_user(client, token, user, password, policies, token_ttl).await
            })
            .await
            .map_err(cannot_create(&account_path(mount, name)))
    }

    /// Replaces the policies of a user.
    ///
    /// # Errors
    /// A message that says why they are not replaced, and what to do.
    pub async fn set_policies(
        &self,
        mount: &str,
        name: &str,
        policies: &BTreeSet<String>,
    ) -> Result<(), ProvisionError> {
        self.operator
            .call(async |client, token| {
                userpass::write_policies(client, token, mount, name, policies).await
            })
            .await
            .map_err(cannot_write(&account_path(mount, name)))
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// A message that says why it is not deleted, and what to do.
    pub async fn delete_account(&self, mount: &str, name: &str) -> Result<(), ProvisionError> {
        let deleted = self
            .operator
            .call(async |client, token| userpass::delete_user(client, token, mount, name).await);
        none_if_no_mount(deleted.await).map_err(cannot_delete(&account_path(mount, name)))
    }
}
