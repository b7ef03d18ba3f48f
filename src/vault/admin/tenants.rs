use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use super::{
    effective::{EffectivePolicies, as_member},
    key_rotation::RotationData,
    things::{Entity, MemberIndex, Things},
};
use crate::{
    policies::Mounts,
    provision::{Engine, Inventory, State, Thing, Trouble},
    secrets::{SecretError, key_name},
    tenants::{Key, Member, Tenant, TenantName},
    vault::{Secrets, Session},
};

/// The number of calls in flight.
const IN_FLIGHT: usize = 8;

/// The tenants in Vault.
///
/// Whose an entity is stands in its own metadata, and Vault finds no entity by that. To list all
/// tenants every entity is read. To show one, its members' records are: see `things/index.rs`.
pub struct Tenants<'s> {
    things: Things<'s>,
    session: &'s Session,
    mounts: &'s Mounts,
}

/// The entities among which members were looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// All.
    All,
    /// Those on record. Whoever was put into the tenant by other means since this time is not among
    /// them.
    Recorded {
        /// The time at which all entities were read, in Vault's words (RFC 3339).
        complete_since: String,
    },
}

#[derive(Deserialize)]
struct KeyData {
    #[serde(rename = "type")]
    kind: String,
    derived: bool,
    /// Of derived keys alone.
    #[serde(default)]
    convergent_encryption: bool,
    latest_version: u64,
    min_decryption_version: u64,
    #[serde(flatten)]
    rotation: RotationData,
}

impl<'s> Tenants<'s> {
    /// The tenants that this session's token may see.
    #[must_use]
    pub fn new(session: &'s Session, mounts: &'s Mounts) -> Self {
        Self { things: Things::new(session), session, mounts }
    }

    /// All, in the order of their names. Members that are not on record are recorded, if the token
    /// may do that; their policies are those of their entities alone.
    ///
    /// # Errors
    /// What cannot be read, and what helps.
    pub async fn all(&self) -> Result<Vec<Tenant>, Trouble> {
        let mut tenants = BTreeMap::new();
        let named = |name: &TenantName| Tenant::new(name.clone());
        let keys = self.things.keys(&format!("{}/keys", self.mounts.transit)).await?;
        let of_tenants = keys.iter().filter_map(|key| key.strip_prefix("tenant-"));
        let keys = stream::iter(of_tenants.filter_map(TenantName::parse))
            .map(|name| async { Ok((self.key(&name).await?, name)) })
            .buffer_unordered(IN_FLIGHT);
        for (key, name) in keys.try_collect::<Vec<_>>().await? {
            tenants.entry(name.clone()).or_insert_with(|| named(&name)).key = key;
        }
        let entities = self.entities().await?;
        // The list is whole without the record.
        let _ = self.record(&entities).await;
        for entity in entities {
            if let Some(name) = entity.tenant().and_then(TenantName::parse) {
                let tenant = tenants.entry(name.clone()).or_insert_with(|| named(&name));
                tenant.members.push(as_member(&entity));
            }
        }
        let mut tenants: Vec<_> = tenants.into_values().collect();
        for tenant in &mut tenants {
            sort(&mut tenant.members);
        }
        Ok(tenants)
    }

    /// The one of this name, with its members and the policies of their tokens; `None` if there is
    /// neither a key nor anybody. The number of calls is that of its members: others are not read,
    /// unless not all have been on record yet.
    ///
    /// # Errors
    /// What cannot be read, and what helps.
    pub async fn one(&self, name: &TenantName) -> Result<(Option<Tenant>, Source), Trouble> {
        let mut tenant = Tenant::new(name.clone());
        tenant.key = self.key(name).await?;
        let (entities, source) = self.members(name).await?;
        let policies = EffectivePolicies::new(&self.things);
        tenant.members = stream::iter(entities)
            .map(|entity| policies.member(entity))
            .buffer_unordered(IN_FLIGHT)
            .try_collect()
            .await?;
        sort(&mut tenant.members);
        let found = tenant.key.is_some() || !tenant.members.is_empty();
        Ok((found.then_some(tenant), source))
    }

    /// The members of a tenant, each of which was looked for among all entities.
    ///
    /// # Errors
    /// What cannot be read, and what helps.
    pub async fn every_member(&self, name: &TenantName) -> Result<Vec<Member>, Trouble> {
        let entities = self.entities().await?;
        let of_it = entities.iter().filter(|entity| entity.tenant() == Some(name.as_str()));
        let mut members: Vec<_> = of_it.map(as_member).collect();
        sort(&mut members);
        Ok(members)
    }

    /// Sees to it that every member is on record, if that has never been done. Without it a tenant's
    /// members are looked for among all entities.
    ///
    /// # Errors
    /// What cannot be read or written, and what helps.
    pub async fn complete_record(&self) -> Result<(), Trouble> {
        match self.things.member_index(&self.mounts.kv).completed_at().await? {
            Some(_) => Ok(()),
            None => self.record(&self.entities().await?).await,
        }
    }

    /// Whether a tenant has a key.
    ///
    /// # Errors
    /// Why that cannot be told, and what helps.
    pub async fn has_key(&self, name: &TenantName) -> Result<bool, Trouble> {
        Ok(self.key(name).await?.is_some())
    }

    /// How many secrets a tenant has; `None` if the token may not know.
    ///
    /// # Errors
    /// Why Vault does not tell.
    pub async fn secrets(&self, name: &TenantName) -> Result<Option<usize>, Trouble> {
        let own = self.session.token().await.map_err(|error| Trouble(error.detail.to_string()))?;
        let secrets = Secrets::new(self.session.client(), self.mounts, &own.token);
        let mut names = secrets.names(name);
        let mut count = 0;
        loop {
            match names.next().await {
                Ok(Some(_)) => count += 1,
                Ok(None) => return Ok(Some(count)),
                Err(SecretError::Denied) => return Ok(None),
                Err(error) => return Err(Trouble(format!("cannot list the secrets: {error}"))),
            }
        }
    }

    /// The tenant's key; `None` if it has none.
    ///
    /// # Errors
    /// Why Vault does not tell.
    pub async fn key(&self, name: &TenantName) -> Result<Option<Key>, Trouble> {
        let path = format!("{}/keys/{}", self.mounts.transit, key_name(name));
        let key: Option<KeyData> = self.things.get_in_mount(&path).await?;
        let read = |key: KeyData| {
            let rotation = key.rotation.read(key.latest_version);
            Ok(Key {
                kind: key.kind,
                derived: key.derived,
                convergent: key.convergent_encryption,
                latest: key.latest_version,
                oldest: key.min_decryption_version,
                rotation: rotation
                    .map_err(|error| Trouble(format!("cannot read {path}: {error}")))?,
            })
        };
        key.map(read).transpose()
    }

    /// The members of a tenant, those on record if all are.
    async fn members(&self, name: &TenantName) -> Result<(Vec<Entity>, Source), Trouble> {
        let index = self.things.member_index(&self.mounts.kv);
        let belongs = |entity: &Entity| entity.tenant() == Some(name.as_str());
        // Who may not see the record looks everywhere.
        if let Ok(Some(complete_since)) = index.completed_at().await
            && let Ok(ids) = index.members(name.as_str()).await
        {
            let mut entities = self.read(ids).await?;
            entities.retain(belongs);
            return Ok((entities, Source::Recorded { complete_since }));
        }
        let mut entities = self.entities().await?;
        let _ = self.record(&entities).await;
        entities.retain(belongs);
        Ok((entities, Source::All))
    }

    /// Brings the record in line with all entities.
    async fn record(&self, entities: &[Entity]) -> Result<(), Trouble> {
        let kv = &self.mounts.kv;
        let engine = Thing::Engine { path: kv.clone(), engine: Engine::Kv };
        if self.things.look(&engine).await? != State::There {
            return Err(Trouble(format!("there is no KV version 2 at {kv}/")));
        }
        let index = self.things.member_index(kv);
        let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for entity in entities {
            if let Some(tenant) = entity.tenant().filter(|name| TenantName::parse(name).is_some()) {
                wanted.entry(tenant).or_default().insert(&entity.id);
            }
        }
        let mut recorded = BTreeMap::new();
        for tenant in index.tenants().await? {
            let ids: BTreeSet<String> = index.members(&tenant).await?.into_iter().collect();
            let of_it = wanted.get(tenant.as_str());
            for id in ids.iter().filter(|id| of_it.is_none_or(|of_it| !of_it.contains(id.as_str())))
            {
                self.strike(&index, &tenant, id).await?;
            }
            recorded.insert(tenant, ids);
        }
        let missing = wanted.iter().flat_map(|(tenant, ids)| {
            let known = recorded.get(*tenant);
            let missing =
                ids.iter().filter(move |id| known.is_none_or(|known| !known.contains(**id)));
            missing.map(|id| (*tenant, *id))
        });
        stream::iter(missing)
            .map(|(tenant, id)| index.add(tenant, id))
            .buffer_unordered(IN_FLIGHT)
            .try_collect::<Vec<()>>()
            .await?;
        index.complete().await
    }

    /// Deletes the record of an entity that did not belong to the tenant when all were read. It may
    /// have been put into the tenant since, or be just now.
    async fn strike(
        &self,
        index: &MemberIndex<'_, '_>,
        tenant: &str,
        id: &str,
    ) -> Result<(), Trouble> {
        let belongs = async || {
            let entity = self.things.entity_by_id(id).await?;
            Ok::<_, Trouble>(entity.is_some_and(|entity| entity.tenant() == Some(tenant)))
        };
        if belongs().await? {
            return Ok(());
        }
        index.remove(tenant, id).await?;
        if belongs().await? { index.add(tenant, id).await } else { Ok(()) }
    }

    /// Every entity.
    async fn entities(&self) -> Result<Vec<Entity>, Trouble> {
        self.read(self.things.entity_ids().await?).await
    }

    /// The entities with these ids.
    async fn read(&self, ids: Vec<String>) -> Result<Vec<Entity>, Trouble> {
        let read = |id: String| async move { self.things.entity_by_id(&id).await };
        let entities: Vec<_> =
            stream::iter(ids).map(read).buffer_unordered(IN_FLIGHT).try_collect().await?;
        // One that is gone since the list was read is none.
        Ok(entities.into_iter().flatten().collect())
    }
}

fn sort(members: &mut [Member]) {
    members.sort_by(|a, b| (a.name(), &a.id).cmp(&(b.name(), &b.id)));
}
