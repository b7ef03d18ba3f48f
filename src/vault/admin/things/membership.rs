//! People of tenants: whoever logs in by a name belongs to a tenant.

use super::{Entity, LoginMethod, Things};
use crate::provision::{Membership, State, Trouble};

impl Things<'_> {
    pub(super) async fn look_for_membership(&self, wanted: &Membership) -> Result<State, Trouble> {
        let Some(entity) = self.member_entity(wanted).await? else { return Ok(State::Missing) };
        match entity.tenant() {
            Some(tenant) if tenant == wanted.tenant => {
                let recorded = self.member_index(&wanted.kv).has(tenant, &entity.id).await?;
                Ok(if recorded {
                    State::There
                } else {
                    State::Differs(format!("it has yet to be recorded as a member of {tenant}"))
                })
            }
            Some(tenant) => Ok(State::InTheWay(format!(
                "it belongs to the tenant {tenant}: `vault-auth-validator tenants members remove \
                 {tenant} {login} --mount {mount}` takes it out of that one",
                login = wanted.login,
                mount = wanted.mount
            ))),
            None => Ok(State::Missing),
        }
    }

    /// The record comes before the metadata, so that nobody belongs to a tenant unrecorded.
    pub(super) async fn make_membership(&self, wanted: &Membership) -> Result<(), Trouble> {
        let Membership { kv, tenant, login, .. } = wanted;
        let method = self.method_of(wanted).await?;
        if self.entity_of_alias(login, &method.accessor).await?.is_none() {
            self.make_entity_of_alias(login, &method.accessor).await?;
        }
        let index = self.member_index(kv);
        let entity = self.entity_of_alias(login, &method.accessor).await?;
        let entity = entity.ok_or_else(|| Trouble("its entity is gone again".to_owned()))?;
        let holder = index.claim(tenant, &entity.id).await?;
        if holder != *tenant {
            return Err(Trouble(format!(
                "another run puts it into the tenant {holder}, or was stopped on the way: \
                 `vault-auth-validator tenants members remove {holder} {login} --mount {}` undoes \
                 that",
                wanted.mount
            )));
        }
        index.add(tenant, &entity.id).await?;
        // Nobody else puts it into a tenant from here on, and what was read before may be old.
        let entity = self.entity_by_id(&entity.id).await?;
        let entity = entity.ok_or_else(|| Trouble("its entity is gone again".to_owned()))?;
        if entity.tenant().is_some_and(|other| other != tenant) {
            index.remove(tenant, &entity.id).await?;
            index.release_from(tenant, &entity.id).await?;
            return Err(Trouble(format!("it is {} by now", entity.whose())));
        }
        self.set_tenant(&entity, Some(tenant)).await?;
        // A run that takes it out deletes the record last, perhaps just now.
        if index.has(tenant, &entity.id).await? {
            return Ok(());
        }
        index.claim(tenant, &entity.id).await?;
        index.add(tenant, &entity.id).await
    }

    async fn member_entity(&self, wanted: &Membership) -> Result<Option<Entity>, Trouble> {
        let method = self.method_of(wanted).await?;
        self.entity_of_alias(&wanted.login, &method.accessor).await
    }

    async fn method_of(&self, wanted: &Membership) -> Result<LoginMethod, Trouble> {
        let method = self.login_method(&wanted.mount).await?;
        method.ok_or_else(|| Trouble(format!("there is no auth method at {}/", wanted.mount)))
    }
}
