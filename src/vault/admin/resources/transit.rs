//! Transit keys, and the setting of the engine that protects them.

use super::VaultResources;
use crate::{
    provisioning::{ProvisionError, ResourceState},
    vault::{
        admin::errors::{cannot_list, cannot_read, cannot_write, none_if_no_mount},
        api::transit::{self, TransitKey, key_path, keys_config_path},
    },
};

/// The type of a tenant's key.
const KEY_TYPE: &str = "aes256-gcm96";

impl VaultResources<'_> {
    pub(super) async fn read_disable_upsert(
        &self,
        mount: &str,
    ) -> Result<ResourceState, ProvisionError> {
        let read = self
            .operator
            .call(async |client, token| transit::read_disable_upsert(client, token, mount).await);
        let disabled =
            none_if_no_mount(read.await).map_err(cannot_read(&keys_config_path(mount)))?;
        Ok(if disabled.unwrap_or_default() {
            ResourceState::Present
        } else {
            ResourceState::Absent
        })
    }

    pub(super) async fn ensure_disable_upsert(&self, mount: &str) -> Result<(), ProvisionError> {
        self.operator
            .call(async |client, token| transit::write_disable_upsert(client, token, mount).await)
            .await
            .map_err(cannot_write(&keys_config_path(mount)))
    }

    pub(super) async fn read_key(
        &self,
        mount: &str,
        name: &str,
    ) -> Result<ResourceState, ProvisionError> {
        let read = self
            .operator
            .call(async |client, token| transit::read_key(client, token, mount, name).await);
        let key = none_if_no_mount(read.await).map_err(cannot_read(&key_path(mount, name)))?;
        let Some(key) = key else { return Ok(ResourceState::Absent) };
        let fault = if !key.derived {
            "it is not derived, so nothing would bind a secret to its path"
        } else if key.is_convergent() {
            "it is convergent, so equal secrets would have equal ciphertexts"
        } else if key.kind != KEY_TYPE {
            "it is of another type than aes256-gcm96"
        } else {
            return Ok(ResourceState::Present);
        };
        Ok(ResourceState::Conflict(format!(
            "{fault}, and a key cannot be changed: if nothing is encrypted with it, delete it \
             ({})",
            key_path(mount, name)
        )))
    }

    pub(super) async fn ensure_key(&self, mount: &str, name: &str) -> Result<(), ProvisionError> {
        self.operator
            .call(async |client, token| {
                transit::create_derived_key(client, token, mount, name, KEY_TYPE).await
            })
            .await
            .map_err(cannot_write(&key_path(mount, name)))
    }

    /// Returns the names of all keys.
    pub(in crate::vault::admin) async fn key_names(
        &self,
        mount: &str,
    ) -> Result<Vec<String>, ProvisionError> {
        let listed = self
            .operator
            .call(async |client, token| transit::list_keys(client, token, mount).await);
        none_if_no_mount(listed.await).map_err(cannot_list(&format!("{mount}/keys")))
    }

    /// Returns a key of an engine that must exist; `None` if there is no key of this name.
    pub(in crate::vault::admin) async fn transit_key(
        &self,
        mount: &str,
        name: &str,
    ) -> Result<Option<TransitKey>, ProvisionError> {
        self.operator
            .call(async |client, token| transit::read_key(client, token, mount, name).await)
            .await
            .map_err(cannot_read(&key_path(mount, name)))
    }
}
