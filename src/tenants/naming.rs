//! The naming rules of a tenant: its names and paths in Vault.
//!
//! The functions take any text as the name of a tenant, since policies may name tenants that do not
//! exist.

use std::fmt::Display;

use super::{ServiceName, TenantName};

/// The prefix of the names of a tenant's transit key and policy.
const PREFIX: &str = "tenant-";

/// The key of an entity's metadata that holds the name of the entity's tenant.
pub const METADATA_KEY: &str = "tenant";

/// The folder of the KV engine with the settings of tenants.
pub const SETTINGS_FOLDER: &str = "tenant-settings";

/// The folder of the KV engine with the index of the members of tenants.
pub const MEMBERS_FOLDER: &str = "tenant-members";

/// The folder of the KV engine with the secrets of all tenants.
pub const SECRETS_FOLDER: &str = "tenants";

/// Returns the name of a tenant's transit key.
#[must_use]
pub fn key_name(tenant: impl Display) -> String {
    format!("{PREFIX}{tenant}")
}

/// Returns the tenant of a transit key; `None` if the key is no tenant's.
#[must_use]
pub fn tenant_from_key(key: &str) -> Option<&str> {
    key.strip_prefix(PREFIX)
}

/// Returns the name of the policy that assigns tokens to a tenant.
#[must_use]
pub fn policy_name(tenant: impl Display) -> String {
    format!("{PREFIX}{tenant}")
}

/// Returns the tenant that a policy assigns tokens to; `None` if the policy assigns none.
#[must_use]
pub fn tenant_from_policy(policy: &str) -> Option<&str> {
    policy.strip_prefix(PREFIX)
}

/// Returns the folder of the KV engine with a tenant's secrets.
#[must_use]
pub fn secrets_folder(tenant: impl Display) -> String {
    format!("{SECRETS_FOLDER}/{tenant}")
}

/// Returns the record in the KV engine with a tenant's settings.
#[must_use]
pub fn settings_record(tenant: impl Display) -> String {
    format!("{SETTINGS_FOLDER}/{tenant}")
}

/// Returns the record in the KV engine with the lease on the rotation of a tenant's key.
#[must_use]
pub fn rotation_record(tenant: impl Display) -> String {
    format!("rotation/{tenant}")
}

impl ServiceName {
    /// Returns the name of the AppRole and of the entity of this service of a tenant.
    ///
    /// The tenants `a` and `a-b` can both have a service with the name `a-b-c`. The tenant in the
    /// entity's metadata decides; the other tenant cannot use the name.
    #[must_use]
    pub fn entity_name(&self, tenant: &TenantName) -> String {
        format!("{tenant}-{self}")
    }
}
