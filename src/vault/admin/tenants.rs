use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use super::{
    key_rotation::RotationData,
    things::{Entity, Things},
};
use crate::{
    policies::Mounts,
    provision::Trouble,
    secrets::{SecretError, key_name},
    tenants::{Key, Tenant, TenantName},
    vault::{Secrets, Session},
};

/// How many entities are read at once.
const READERS: usize = 8;

/// The tenants in Vault.
///
/// Whose an entity is stands in its own metadata and nowhere else, so every entity is read.
pub struct Tenants<'s> {
    things: Things<'s>,
    session: &'s Session,
    mounts: &'s Mounts,
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

    /// All, in the order of their names.
    ///
    /// # Errors
    /// What cannot be read, and what helps.
    pub async fn all(&self) -> Result<Vec<Tenant>, Trouble> {
        let mut tenants = BTreeMap::new();
        let named = |name: &TenantName| Tenant::new(name.clone());
        for key in self.things.keys(&format!("{}/keys", self.mounts.transit)).await? {
            let name = key.strip_prefix("tenant-").and_then(TenantName::parse);
            if let Some(name) = name {
                let key = self.key(&name).await?;
                tenants.entry(name.clone()).or_insert_with(|| named(&name)).key = key;
            }
        }
        for entity in self.entities().await? {
            if let Some(name) = entity.tenant().and_then(TenantName::parse) {
                let tenant = tenants.entry(name.clone()).or_insert_with(|| named(&name));
                tenant.members.push(entity.into_member());
            }
        }
        let mut tenants: Vec<_> = tenants.into_values().collect();
        for tenant in &mut tenants {
            tenant.members.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(tenants)
    }

    /// The one of this name, with the policies of its services' roles; `None` if there is neither
    /// a key nor anybody.
    ///
    /// # Errors
    /// What cannot be read, and what helps.
    pub async fn one(&self, name: &TenantName) -> Result<Option<Tenant>, Trouble> {
        let mut tenant = Tenant::new(name.clone());
        tenant.key = self.key(name).await?;
        for entity in self.entities().await? {
            if entity.tenant() == Some(name.as_str()) {
                let of_role = self.policies_by_role(&entity).await?;
                let mut member = entity.into_member();
                member.policies.extend(of_role);
                tenant.members.push(member);
            }
        }
        tenant.members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((tenant.key.is_some() || !tenant.members.is_empty()).then_some(tenant))
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
        let key: Option<KeyData> = self.things.get(&path).await?;
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

    /// The policies of the AppRole by which this entity logs in. It is called like the entity, if
    /// this program made it.
    async fn policies_by_role(&self, entity: &Entity) -> Result<BTreeSet<String>, Trouble> {
        match entity.role_id().filter(|_| can_be_a_role(&entity.name)) {
            Some(role_id) => self.things.policies_by_role_id(&entity.name, role_id).await,
            None => Ok(BTreeSet::new()),
        }
    }

    async fn entities(&self) -> Result<Vec<Entity>, Trouble> {
        let ids = self.things.keys("identity/entity/id").await?;
        let read = |id: String| async move {
            self.things.get::<Entity>(&format!("identity/entity/id/{id}")).await
        };
        let entities: Vec<_> =
            stream::iter(ids).map(read).buffer_unordered(READERS).try_collect().await?;
        // One that is gone since the list was read is none.
        Ok(entities.into_iter().flatten().collect())
    }
}

/// Whether an AppRole can be called so. Entities are called anything.
fn can_be_a_role(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(plain)
}
