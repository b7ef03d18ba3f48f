use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    effective_policies::{EffectivePolicies, as_member},
    resources::{MemberIndex, VaultResources},
};
use crate::{
    policy::Mounts,
    provisioning::{EngineType, ProvisionError, Resource, ResourceProvider, ResourceState},
    secrets::SecretError,
    tenants::{Member, Tenant, TenantKey, TenantName, key_name, tenant_from_key},
    vault::{
        SecretsClient, VaultSession,
        api::{identity::entity::Entity, transit::key_path},
    },
};

/// The maximum number of concurrent calls.
const MAX_IN_FLIGHT: usize = 8;

/// The tenants in Vault.
///
/// The tenant of an entity is in the entity's metadata, by which Vault finds no entity. To list all
/// tenants every entity is read. To show one, the records of its members are: see
/// `resources/member_index.rs`.
pub struct TenantDirectory<'s> {
    resources: VaultResources<'s>,
    session: &'s VaultSession,
    mounts: &'s Mounts,
}

/// The entities among which members were searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberSource {
    /// All entities.
    AllEntities,
    /// The entities in the index of members. It lacks those that were added to the tenant by other
    /// means since this time.
    Index {
        /// The time at which all entities were read, by Vault's clock (RFC 3339).
        complete_since: String,
    },
}

impl<'s> TenantDirectory<'s> {
    /// Reads and writes with the token of this session.
    #[must_use]
    pub fn new(session: &'s VaultSession, mounts: &'s Mounts) -> Self {
        Self { resources: VaultResources::new(session), session, mounts }
    }

    /// Returns all tenants, sorted by name. Members that are missing in the index are added to it,
    /// if the token may do that; their policies are those of their entities only.
    ///
    /// # Errors
    /// A message that says what cannot be read, and what to do.
    pub async fn all(&self) -> Result<Vec<Tenant>, ProvisionError> {
        let mut tenants = BTreeMap::new();
        let new_tenant = |name: &TenantName| Tenant::new(name.clone());
        let keys = self.resources.key_names(&self.mounts.transit).await?;
        let names = keys.iter().filter_map(|key| TenantName::parse(tenant_from_key(key)?));
        let keys = stream::iter(names)
            .map(|name| async { Ok((self.key(&name).await?, name)) })
            .buffer_unordered(MAX_IN_FLIGHT);
        for (key, name) in keys.try_collect::<Vec<_>>().await? {
            tenants.entry(name.clone()).or_insert_with(|| new_tenant(&name)).key = key;
        }
        let entities = self.entities().await?;
        // The list is complete even if the index cannot be updated.
        let _ = self.update_index(&entities).await;
        for entity in entities {
            if let Some(name) = entity.tenant().and_then(TenantName::parse) {
                let tenant = tenants.entry(name.clone()).or_insert_with(|| new_tenant(&name));
                tenant.members.push(as_member(&entity));
            }
        }
        let mut tenants: Vec<_> = tenants.into_values().collect();
        for tenant in &mut tenants {
            sort(&mut tenant.members);
        }
        Ok(tenants)
    }

    /// Returns the tenant of this name, with its members and the policies of their tokens; `None` if
    /// there is neither a key nor a member. The number of calls is proportional to that of its
    /// members: other entities are read only if the index is not complete yet.
    ///
    /// # Errors
    /// A message that says what cannot be read, and what to do.
    pub async fn find(
        &self,
        name: &TenantName,
    ) -> Result<(Option<Tenant>, MemberSource), ProvisionError> {
        let mut tenant = Tenant::new(name.clone());
        tenant.key = self.key(name).await?;
        let (entities, source) = self.members(name).await?;
        let policies = EffectivePolicies::new(&self.resources);
        tenant.members = stream::iter(entities)
            .map(|entity| policies.member(entity))
            .buffer_unordered(MAX_IN_FLIGHT)
            .try_collect()
            .await?;
        sort(&mut tenant.members);
        let exists = tenant.key.is_some() || !tenant.members.is_empty();
        Ok((exists.then_some(tenant), source))
    }

    /// Returns the members of a tenant, searched among all entities.
    ///
    /// # Errors
    /// A message that says what cannot be read, and what to do.
    pub async fn every_member(&self, name: &TenantName) -> Result<Vec<Member>, ProvisionError> {
        let entities = self.entities().await?;
        let belonging = entities.iter().filter(|entity| entity.tenant() == Some(name.as_str()));
        let mut members: Vec<_> = belonging.map(as_member).collect();
        sort(&mut members);
        Ok(members)
    }

    /// Records every member in the index, unless that was done before. Without a complete index a
    /// tenant's members are searched among all entities.
    ///
    /// # Errors
    /// A message that says what cannot be read or written, and what to do.
    pub async fn complete_index(&self) -> Result<(), ProvisionError> {
        match self.resources.member_index(&self.mounts.kv).completed_at().await? {
            Some(_) => Ok(()),
            None => self.update_index(&self.entities().await?).await,
        }
    }

    /// Returns true if a tenant has a key.
    ///
    /// # Errors
    /// A message that says why it is not known, and what to do.
    pub async fn has_key(&self, name: &TenantName) -> Result<bool, ProvisionError> {
        Ok(self.key(name).await?.is_some())
    }

    /// Returns the number of secrets of a tenant; `None` if the token may not list them.
    ///
    /// # Errors
    /// A message that says why it is not known.
    pub async fn count_secrets(&self, name: &TenantName) -> Result<Option<usize>, ProvisionError> {
        let own =
            self.session.token().await.map_err(|error| ProvisionError(error.detail.to_string()))?;
        let secrets = SecretsClient::new(self.session.client(), self.mounts, &own.token);
        let mut names = secrets.names(name);
        let mut count = 0;
        loop {
            match names.next().await {
                Ok(Some(_)) => count += 1,
                Ok(None) => return Ok(Some(count)),
                Err(SecretError::PermissionDenied) => return Ok(None),
                Err(error) => {
                    return Err(ProvisionError(format!("cannot list the secrets: {error}")));
                }
            }
        }
    }

    /// Returns the tenant's key; `None` if it has none.
    ///
    /// # Errors
    /// A message that says why it is not known.
    pub async fn key(&self, name: &TenantName) -> Result<Option<TenantKey>, ProvisionError> {
        let name = key_name(name);
        let Some(key) = self.resources.transit_key(&self.mounts.transit, &name).await? else {
            return Ok(None);
        };
        let rotation = key.rotation().map_err(|error| {
            ProvisionError(format!(
                "cannot read {}: {error}",
                key_path(&self.mounts.transit, &name)
            ))
        })?;
        Ok(Some(TenantKey {
            convergent: key.is_convergent(),
            kind: key.kind,
            derived: key.derived,
            latest: key.latest_version,
            min_decryption: key.min_decryption_version,
            rotation,
        }))
    }

    /// Returns the members of a tenant, those in the index if it is complete.
    async fn members(
        &self,
        name: &TenantName,
    ) -> Result<(Vec<Entity>, MemberSource), ProvisionError> {
        let index = self.resources.member_index(&self.mounts.kv);
        let belongs = |entity: &Entity| entity.tenant() == Some(name.as_str());
        // Without permission to read the index, all entities are searched.
        if let Ok(Some(complete_since)) = index.completed_at().await
            && let Ok(ids) = index.members(name.as_str()).await
        {
            let mut entities = self.read(ids).await?;
            entities.retain(belongs);
            return Ok((entities, MemberSource::Index { complete_since }));
        }
        let mut entities = self.entities().await?;
        let _ = self.update_index(&entities).await;
        entities.retain(belongs);
        Ok((entities, MemberSource::AllEntities))
    }

    /// Updates the index to match these entities, which are all.
    async fn update_index(&self, entities: &[Entity]) -> Result<(), ProvisionError> {
        let kv = &self.mounts.kv;
        let engine = Resource::SecretsEngine { path: kv.clone(), engine: EngineType::Kv };
        if self.resources.read(&engine).await? != ResourceState::Present {
            return Err(ProvisionError(format!("there is no KV version 2 at {kv}/")));
        }
        let index = self.resources.member_index(kv);
        let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for entity in entities {
            if let Some(tenant) = entity.tenant().filter(|name| TenantName::parse(name).is_some()) {
                wanted.entry(tenant).or_default().insert(&entity.id);
            }
        }
        let mut recorded = BTreeMap::new();
        for tenant in index.tenants().await? {
            let ids: BTreeSet<String> = index.members(&tenant).await?.into_iter().collect();
            let members = wanted.get(tenant.as_str());
            let is_stale =
                |id: &&String| members.is_none_or(|members| !members.contains(id.as_str()));
            for id in ids.iter().filter(is_stale) {
                self.remove_stale(&index, &tenant, id).await?;
            }
            recorded.insert(tenant, ids);
        }
        let missing = wanted.iter().flat_map(|(tenant, ids)| {
            let recorded = recorded.get(*tenant);
            let missing =
                ids.iter().filter(move |id| recorded.is_none_or(|ids| !ids.contains(**id)));
            missing.map(|id| (*tenant, *id))
        });
        stream::iter(missing)
            .map(|(tenant, id)| index.add(tenant, id))
            .buffer_unordered(MAX_IN_FLIGHT)
            .try_collect::<Vec<()>>()
            .await?;
        index.complete().await
    }

    /// Deletes the record of an entity that did not belong to the tenant when all entities were read,
    /// unless it was added to the tenant since, or is being added concurrently.
    async fn remove_stale(
        &self,
        index: &MemberIndex<'_, '_>,
        tenant: &str,
        id: &str,
    ) -> Result<(), ProvisionError> {
        let belongs = async || {
            let entity = self.resources.entity_by_id(id).await?;
            Ok::<_, ProvisionError>(entity.is_some_and(|entity| entity.tenant() == Some(tenant)))
        };
        if belongs().await? {
            return Ok(());
        }
        index.remove(tenant, id).await?;
        if belongs().await? { index.add(tenant, id).await } else { Ok(()) }
    }

    /// Reads every entity.
    async fn entities(&self) -> Result<Vec<Entity>, ProvisionError> {
        self.read(self.resources.entity_ids().await?).await
    }

    /// Reads the entities with these ids.
    async fn read(&self, ids: Vec<String>) -> Result<Vec<Entity>, ProvisionError> {
        let read = |id: String| async move { self.resources.entity_by_id(&id).await };
        let entities: Vec<_> =
            stream::iter(ids).map(read).buffer_unordered(MAX_IN_FLIGHT).try_collect().await?;
        // An entity that was deleted after the list was read is left out.
        Ok(entities.into_iter().flatten().collect())
    }
}

fn sort(members: &mut [Member]) {
    members.sort_by(|a, b| (a.display_name(), &a.id).cmp(&(b.display_name(), &b.id)));
}
