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
    provision::{Inventory, State, Step, Thing, Trouble},
    vault::Session,
};

/// Reads, creates and deletes resources in Vault.
pub struct Things<'s> {
    pub(super) operator: OperatorClient<'s>,
}

impl<'s> Things<'s> {
    /// Reads and writes with the token of this session.
    #[must_use]
    pub fn new(session: &'s Session) -> Self {
        Self { operator: OperatorClient { session } }
    }
}

impl Inventory for Things<'_> {
    async fn look(&self, thing: &Thing) -> Result<State, Trouble> {
        match thing {
            Thing::AuditFile(file) => self.read_audit_file(file).await,
            Thing::Engine { path, engine } => self.read_engine(path, *engine).await,
            Thing::NoUpsert(transit) => self.read_disable_upsert(transit).await,
            Thing::AppRoles => self.read_approle_method().await,
            Thing::People(path) => self.read_login_method(path).await,
            Thing::Key { transit, name } => self.read_key(transit, name).await,
            Thing::RotateEvery { kv, tenant, interval } => {
                self.read_rotation_interval(kv, tenant, interval).await
            }
            Thing::Entity { kv, name, tenant } => self.read_entity(kv, name, tenant).await,
            Thing::Role(role) => self.read_role(role).await,
            Thing::Alias(name) => self.read_alias(name).await,
            Thing::Membership(membership) => self.read_membership(membership).await,
        }
    }

    async fn make(&self, thing: &Thing) -> Result<(), Trouble> {
        match thing {
            Thing::AuditFile(file) => self.ensure_audit_file(file).await,
            Thing::Engine { path, engine } => self.ensure_engine(path, *engine).await,
            Thing::NoUpsert(transit) => self.ensure_disable_upsert(transit).await,
            Thing::AppRoles => self.ensure_approle_method().await,
            Thing::People(path) => self.ensure_login_method(path).await,
            Thing::Key { transit, name } => self.ensure_key(transit, name).await,
            Thing::RotateEvery { kv, tenant, interval } => {
                self.ensure_rotation_interval(kv, tenant, interval).await
            }
            Thing::Entity { kv, name, tenant } => self.ensure_entity(kv, name, tenant).await,
            Thing::Role(role) => self.ensure_role(role).await,
            Thing::Alias(name) => self.ensure_alias(name).await,
            Thing::Membership(membership) => self.ensure_membership(membership).await,
        }
    }

    async fn lacking(&self, steps: &[Step]) -> Result<Vec<String>, Trouble> {
        self.missing_permissions(steps).await
    }
}
