//! Reading and creating of mounts, keys, roles and entities in Vault.

mod approle;
mod identity;
mod login_methods;
mod member_index;
mod membership;
mod mounts;
mod permissions;
mod settings;
mod transit;

pub use self::login_methods::LoginMethod;
pub(super) use self::{identity::AliasCount, member_index::MemberIndex};
use super::OperatorClient;
use crate::{
    provisioning::{ProvisionError, ProvisionStep, Resource, ResourceProvider, ResourceState},
    vault::VaultSession,
};

/// Reads, creates and deletes resources in Vault.
pub struct VaultResources<'s> {
    pub(super) operator: OperatorClient<'s>,
}

impl<'s> VaultResources<'s> {
    /// Reads and writes with the token of this session.
    #[must_use]
    pub fn new(session: &'s VaultSession) -> Self {
        Self { operator: OperatorClient { session } }
    }
}

impl ResourceProvider for VaultResources<'_> {
    async fn read(&self, thing: &Resource) -> Result<ResourceState, ProvisionError> {
        match thing {
            Resource::AuditFileDevice(file) => self.read_audit_file(file).await,
            Resource::SecretsEngine { path, engine } => self.read_engine(path, *engine).await,
            Resource::TransitDisableUpsert(transit) => self.read_disable_upsert(transit).await,
            Resource::AppRoleAuthMethod => self.read_approle_method().await,
            Resource::LoginAuthMethod(path) => self.read_login_method(path).await,
            Resource::TransitKey { transit, name } => self.read_key(transit, name).await,
            Resource::RotationInterval { kv, tenant, interval } => {
                self.read_rotation_interval(kv, tenant, interval).await
            }
            Resource::Entity { kv, name, tenant } => self.read_entity(kv, name, tenant).await,
            Resource::AppRole(role) => self.read_role(role).await,
            Resource::Alias(name) => self.read_alias(name).await,
            Resource::Membership(membership) => self.read_membership(membership).await,
        }
    }

    async fn ensure(&self, thing: &Resource) -> Result<(), ProvisionError> {
        match thing {
            Resource::AuditFileDevice(file) => self.ensure_audit_file(file).await,
            Resource::SecretsEngine { path, engine } => self.ensure_engine(path, *engine).await,
            Resource::TransitDisableUpsert(transit) => self.ensure_disable_upsert(transit).await,
            Resource::AppRoleAuthMethod => self.ensure_approle_method().await,
            Resource::LoginAuthMethod(path) => self.ensure_login_method(path).await,
            Resource::TransitKey { transit, name } => self.ensure_key(transit, name).await,
            Resource::RotationInterval { kv, tenant, interval } => {
                self.ensure_rotation_interval(kv, tenant, interval).await
            }
            Resource::Entity { kv, name, tenant } => self.ensure_entity(kv, name, tenant).await,
            Resource::AppRole(role) => self.ensure_role(role).await,
            Resource::Alias(name) => self.ensure_alias(name).await,
            Resource::Membership(membership) => self.ensure_membership(membership).await,
        }
    }

    async fn missing_capabilities(
        &self,
        steps: &[ProvisionStep],
    ) -> Result<Vec<String>, ProvisionError> {
        self.missing_permissions(steps).await
    }
}
