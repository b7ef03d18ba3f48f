//! AppRole roles and their secret ids.

use std::{collections::BTreeSet, time::Duration};

use secrecy::SecretString;
use serde_json::json;

use super::VaultResources;
use crate::{
    provisioning::{AppRoleSpec, ProvisionError, ResourceState, RoleOwner},
    vault::{
        admin::errors::{
            cannot_delete, cannot_list, cannot_read, cannot_write, none_if_no_mount,
            provision_error,
        },
        api::approle::{self, APPROLE, AppRole, role_path},
    },
};

impl VaultResources<'_> {
    /// Creates a secret id for the AppRole of this name, and returns it, or the token that it is
    /// wrapped in for this time.
    ///
    /// # Errors
    /// A message that says why there is none, and what to do.
    pub async fn create_secret_id(
        &self,
        role: &str,
        wrapped: Option<Duration>,
    ) -> Result<SecretString, ProvisionError> {
        let path = approle::secret_id_path(role);
        let created = self.operator.call(async |client, token| match wrapped {
            Some(ttl) => approle::create_wrapped_secret_id(client, token, role, ttl).await,
            None => approle::create_secret_id(client, token, role).await,
        });
        let needed = match wrapped {
            Some(_) => format!("update on {path}"),
            // `sys/capabilities` does not report min_wrapping_ttl.
            None => format!(
                "update on {path} without min_wrapping_ttl: the policy `operator` grants wrapped \
                 secret ids only"
            ),
        };
        created.await.map_err(|error| provision_error(&error, "create a secret id", &needed))
    }

    /// Returns the number of secret ids of the AppRole of this name.
    ///
    /// # Errors
    /// A message that says why it is not known, and what to do.
    pub async fn count_secret_ids(&self, role: &str) -> Result<usize, ProvisionError> {
        let listed = self
            .operator
            .call(async |client, token| approle::list_secret_ids(client, token, role).await);
        let accessors = none_if_no_mount(listed.await);
        Ok(accessors.map_err(cannot_list(&approle::secret_id_path(role)))?.len())
    }

    /// Returns the role id of the AppRole of this name; `None` if there is no such AppRole.
    ///
    /// # Errors
    /// A message that says why it is not known, and what to do.
    pub async fn role_id(&self, role: &str) -> Result<Option<String>, ProvisionError> {
        let read = self
            .operator
            .call(async |client, token| approle::read_role_id(client, token, role).await);
        none_if_no_mount(read.await).map_err(cannot_read(&approle::role_id_path(role)))
    }

    pub(super) async fn read_role(
        &self,
        role: &AppRoleSpec,
    ) -> Result<ResourceState, ProvisionError> {
        let Some(found) = self.role(&role.name).await? else { return Ok(ResourceState::Absent) };
        Ok(match role.owner {
            RoleOwner::Validator => diff_validator_role(&found, role),
            RoleOwner::Service if self.entity(&role.name).await?.is_none() => ResourceState::Conflict(
                "an AppRole of this name exists and is no tenant's service: choose another name \
                 for the service, or delete the AppRole"
                    .to_owned(),
            ),
            RoleOwner::Service => diff_service_role(&found, role),
        })
    }

    pub(super) async fn ensure_role(&self, role: &AppRoleSpec) -> Result<(), ProvisionError> {
        let period = format!("{}s", AppRoleSpec::PERIOD.as_secs());
        let body = match (role.owner, self.role(&role.name).await?) {
            (RoleOwner::Validator, _) => json!({
                "token_policies": role.policies,
                "token_no_default_policy": true,
                "token_period": period,
                "bind_secret_id": true,
            }),
            (RoleOwner::Service, None) => {
                json!({"token_policies": role.policies, "token_period": period})
            }
            (RoleOwner::Service, Some(found)) => {
                let all: BTreeSet<_> = found.policies().union(&role.policies).cloned().collect();
                json!({"token_policies": all})
            }
        };
        self.operator
            .call(async |client, token| approle::write_role(client, token, &role.name, &body).await)
            .await
            .map_err(cannot_write(&role_path(&role.name)))
    }

    /// Deletes an AppRole with its secret ids. Its tokens stay valid until they expire, and can no
    /// longer be renewed.
    pub(in crate::vault::admin) async fn delete_role(
        &self,
        name: &str,
    ) -> Result<(), ProvisionError> {
        let deleted = self
            .operator
            .call(async |client, token| approle::delete_role(client, token, name).await);
        none_if_no_mount(deleted.await).map_err(cannot_delete(&role_path(name)))
    }

    /// Returns the policies of the AppRole of this name; `None` if its role id is another one.
    pub(in crate::vault::admin) async fn policies_by_role_id(
        &self,
        name: &str,
        role_id: &str,
    ) -> Result<Option<BTreeSet<String>>, ProvisionError> {
        if self.role_id(name).await?.as_deref() != Some(role_id) {
            return Ok(None);
        }
        Ok(self.role(name).await?.map(|role| role.policies()))
    }

    /// Returns the name of the AppRole with this role id; `None` if there is none. Reads the role
    /// ids of all of them.
    pub(in crate::vault::admin) async fn role_with_id(
        &self,
        role_id: &str,
    ) -> Result<Option<String>, ProvisionError> {
        let names = none_if_no_mount(self.operator.call(approle::list_roles).await);
        for name in names.map_err(cannot_list(&format!("auth/{APPROLE}/role")))? {
            if self.role_id(&name).await?.as_deref() == Some(role_id) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    async fn role(&self, name: &str) -> Result<Option<AppRole>, ProvisionError> {
        let read =
            self.operator.call(async |client, token| approle::read_role(client, token, name).await);
        none_if_no_mount(read.await).map_err(cannot_read(&role_path(name)))
    }
}

/// Compares the validator's AppRole, which must have exactly the wanted policies: an attacker who
/// takes over the validator gets all of them.
fn diff_validator_role(found: &AppRole, wanted: &AppRoleSpec) -> ResourceState {
    let period = AppRoleSpec::PERIOD.as_secs();
    let mut differences = Vec::new();
    if found.policies() != wanted.policies {
        differences.push(format!("its policies are {}", listed(&found.policies())));
    }
    if !found.token_no_default_policy {
        differences.push("its tokens have the policy `default` too".to_owned());
    }
    if found.token_period != period {
        differences.push(format!("token_period is {}s, not {period}s", found.token_period));
    }
    if !found.bind_secret_id {
        differences.push("it requires no secret id".to_owned());
    }
    if differences.is_empty() {
        ResourceState::Present
    } else {
        ResourceState::Drifted(differences.join("; "))
    }
}

/// Compares the AppRole of a service, which must have at least the wanted policies: an operator may
/// have added others.
fn diff_service_role(found: &AppRole, wanted: &AppRoleSpec) -> ResourceState {
    let missing: BTreeSet<_> = wanted.policies.difference(&found.policies()).cloned().collect();
    if missing.is_empty() {
        return ResourceState::Present;
    }
    ResourceState::Drifted(format!("it lacks the policies {}", listed(&missing)))
}

fn listed(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
