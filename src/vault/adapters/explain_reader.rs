use std::collections::{BTreeSet, HashMap};

use rustify::endpoint::Endpoint;
use serde_json::Value;
use vaultrs::api::identity::{
    entity::requests::ReadEntityByIdRequest,
    group::requests::{ReadGroupByIdRequest, ReadGroupByNameRequest},
};

use crate::{
    policy::{GroupKey, GroupSelector},
    vault::{
        VaultSession,
        api::policies::{AclPolicy, read_policy},
        client::{FailureKind, Operation, VaultError},
    },
};

/// Reads policies and entities with an operator's token, to explain a decision.
pub struct ExplainReader<'s> {
    session: &'s VaultSession,
}

/// A policy, entity or group could not be read.
#[derive(Debug)]
pub struct ExplainReadError(VaultError);

impl std::fmt::Display for ExplainReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.detail())
    }
}

impl std::error::Error for ExplainReadError {}

impl<'s> ExplainReader<'s> {
    /// Creates a reader that uses this session's token.
    #[must_use]
    pub fn new(session: &'s VaultSession) -> Self {
        Self { session }
    }

    /// Returns the text of the policy with this name; `None` if it does not exist, as for `root`.
    ///
    /// # Errors
    /// If the token may not read it, or Vault does not respond.
    pub async fn policy(&self, name: &str) -> Result<Option<String>, ExplainReadError> {
        let own = self.session.token().await.map_err(|error| ExplainReadError(error.into()))?;
        let client = self.session.client();
        let policy = read_policy(client, &own.token, name).await.map_err(ExplainReadError)?;
        Ok(policy.map(|AclPolicy { policy, .. }| policy))
    }

    /// Returns the values that Vault fills into these templates for this entity, by the selectors
    /// between the braces, such as `identity.entity.metadata.tenant`. Reads the groups that the
    /// selectors name.
    ///
    /// # Errors
    /// If the token may not read the entity or a group, or Vault does not respond.
    pub async fn entity_values(
        &self,
        entity_id: &str,
        selectors: &BTreeSet<&str>,
    ) -> Result<HashMap<String, String>, ExplainReadError> {
        let request = ReadEntityByIdRequest { id: entity_id.to_owned() };
        let entity = self.read(request).await?;
        let mut values = HashMap::new();
        collect("identity.entity", &entity, &mut values);
        for alias in entity["aliases"].as_array().into_iter().flatten() {
            if let Some(mount) = alias["mount_accessor"].as_str() {
                collect(&format!("identity.entity.aliases.{mount}"), alias, &mut values);
            }
        }
        let groups = selectors.iter().filter_map(|selector| GroupSelector::parse(selector));
        let groups: BTreeSet<GroupKey<'_>> = groups.map(|selector| selector.group).collect();
        for key in groups {
            let (group, prefix) = match key {
                GroupKey::Id(id) => {
                    let request = ReadGroupByIdRequest { id: id.to_owned() };
                    (self.read(request).await, format!("identity.groups.ids.{id}"))
                }
                GroupKey::Name(name) => {
                    let request = ReadGroupByNameRequest { name: name.to_owned() };
                    (self.read(request).await, format!("identity.groups.names.{name}"))
                }
            };
            match group {
                // The list also has the groups that the entity is in through another group.
                Ok(group) if contains(&entity["group_ids"], &group["id"]) => {
                    collect(&prefix, &group, &mut values);
                }
                Ok(_) => (),
                Err(ExplainReadError(error)) if error.kind == FailureKind::NotFound => (),
                Err(error) => return Err(error),
            }
        }
        Ok(values)
    }

    async fn read(&self, request: impl Endpoint) -> Result<Value, ExplainReadError> {
        let own = self.session.token().await.map_err(|error| ExplainReadError(error.into()))?;
        let client = self.session.client();
        client.data(Operation::Entity, &own.token, request).await.map_err(ExplainReadError)
    }
}

fn contains(list: &Value, item: &Value) -> bool {
    item.is_string() && list.as_array().is_some_and(|list| list.contains(item))
}

/// Collects the id, the name and the metadata of an entity, alias or group under this prefix.
fn collect(prefix: &str, record: &Value, values: &mut HashMap<String, String>) {
    let named = ["id", "name"].into_iter().map(|key| (key.to_owned(), &record[key]));
    let metadata = ["metadata", "custom_metadata"].into_iter().flat_map(|kind| {
        let pairs = record[kind].as_object().into_iter().flatten();
        pairs.map(move |(key, value)| (format!("{kind}.{key}"), value))
    });
    for (key, value) in named.chain(metadata) {
        if let Some(value) = value.as_str() {
            values.insert(format!("{prefix}.{key}"), value.to_owned());
        }
    }
}
