mod groups;
mod requests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use secrecy::{ExposeSecret, SecretString};

use self::{
    groups::StandInGroups,
    requests::{
        Auth, AuthMount, AuthMountsRequest, CreateAliasRequest, CreateEntityRequest,
        CreateTokenRequest, Created, DeleteEntityRequest, DeleteGroupRequest, DeleteRoleRequest,
        WriteGroupRequest, WriteRoleRequest,
    },
};
use super::Desk;
use crate::{
    capabilities::{Capabilities, Capability},
    policies::{Caller, Group, Store, with_templates},
    vault::{
        Policies, Session,
        error::{Failure, VaultError},
        questions::CapabilitiesRequest,
    },
};

/// What all that is made here is named with at first. The policy `operator` knows it too.
const PREFIX: &str = "validator-test-";

/// How long the tokens live that nobody takes back.
const LIFETIME: &str = "5m";

/// Callers that stand in for real ones, so that Vault can be asked what it would grant those.
///
/// Each has a token, an entity and groups if the caller has them, and copies of policies under
/// names that nobody else has. In the copies, templates name the groups that stand in for the
/// caller's. [`StandIns::end`] takes all of it away but the tokens. Those are batch tokens:
/// nothing of them is stored, they die within minutes, and their policies are gone before.
pub struct StandIns<'s> {
    desk: Desk<'s>,
    policies: Policies<'s>,
    name: String,
    made: Mutex<Vec<Made>>,
    groups: StandInGroups,
}

/// Something to be taken away, by its name.
#[derive(Clone, PartialEq)]
enum Made {
    Policy(String),
    Role(String),
    Entity(String),
    Group(String),
}

/// An entity, whose alias has its name.
struct Entity {
    name: String,
    id: String,
}

impl<'s> StandIns<'s> {
    /// Prepares for these callers; nothing is made yet.
    #[must_use]
    pub fn new(session: &'s Session, callers: &[Caller]) -> Self {
        let name = format!("{PREFIX}{:016x}", rand::random::<u64>());
        Self {
            desk: Desk { session },
            policies: Policies::new(session),
            made: Mutex::default(),
            groups: StandInGroups::new(&name, callers),
            name,
        }
    }

    /// Copies policies, given by name and text, and prepares for callers who have some of them.
    ///
    /// # Errors
    /// What could not be made, and what helps.
    pub async fn with_policies<'p>(
        &self,
        policies: impl Iterator<Item = (&'p str, &'p str)>,
    ) -> Result<(), String> {
        let mut allowed = vec!["default".to_owned()];
        for (name, text) in policies {
            let text = with_templates(text, &|selector| self.groups.selector(selector));
            let text = text.map_err(|selector| {
                format!("policy {name}: write the template {selector:?} without escapes")
            })?;
            let copy = self.copy_of(name);
            let written = self.policies.put(&copy, &text, None);
            let what = format!("write a copy of the policy {name}");
            self.making(Made::Policy(copy.clone()), &what, written).await?;
            allowed.push(copy);
        }
        let request = WriteRoleRequest {
            name: self.name.clone(),
            allowed_policies: allowed,
            allowed_entity_aliases: vec![format!("{}-*", self.name)],
            orphan: true,
            renewable: false,
            token_type: "batch",
        };
        let role = Made::Role(self.name.clone());
        self.making(role, "make a token role", self.desk.done(request)).await
    }

    /// The token of somebody with the policies of this caller, with an entity if it has metadata or
    /// groups, and the one member of those groups until the next caller is made.
    ///
    /// # Errors
    /// What could not be made, and what helps.
    pub async fn caller(&self, caller: &Caller) -> Result<SecretString, String> {
        let Caller { policies, metadata, groups, .. } = caller;
        let entity_alias = if metadata.is_empty() && groups.is_empty() {
            None
        } else {
            let Entity { name, id } = self.entity(metadata.clone()).await?;
            for (group, values) in groups {
                for key in groups::keys(group, values) {
                    self.join(&key, group, values, &id).await?;
                }
            }
            Some(name)
        };
        let request = CreateTokenRequest {
            role: self.name.clone(),
            policies: policies.iter().map(|name| self.copy_of(name)).collect(),
            no_default_policy: true,
            entity_alias,
            ttl: LIFETIME,
        };
        let auth: Result<Auth, _> = self.desk.auth(request).await;
        auth.map(|auth| auth.client_token).map_err(|error| explain(&error, "make a token"))
    }

    /// What Vault grants a token on each of these paths, in their order.
    ///
    /// # Errors
    /// Why Vault does not tell.
    pub async fn granted(
        &self,
        token: &SecretString,
        paths: &[&str],
    ) -> Result<Vec<Capabilities>, String> {
        let request = CapabilitiesRequest {
            token: token.expose_secret().to_owned(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        };
        let words: Result<HashMap<String, Vec<String>>, _> = self.desk.data(request).await;
        let words = words.map_err(|error| explain(&error, "ask for capabilities"))?;
        let granted = |path: &&str| {
            let words = words.get(*path)?;
            // A word that is not known must not pass for nothing.
            words.iter().map(|word| Capability::parse(word)).collect()
        };
        let granted: Option<_> = paths.iter().map(granted).collect();
        granted.ok_or_else(|| "Vault's answer on capabilities cannot be read".to_owned())
    }

    /// Takes away all that was made, as far as it goes, and says what is left.
    pub async fn end(&self) -> Vec<String> {
        let made = std::mem::take(&mut *self.made());
        let mut left = Vec::new();
        for one in made.into_iter().rev() {
            let (what, gone) = match one {
                Made::Policy(name) => {
                    let gone = self.policies.delete(&name).await.map_err(|error| error.to_string());
                    (format!("sys/policies/acl/{name}"), gone)
                }
                Made::Role(name) => {
                    let what = format!("auth/token/roles/{name}");
                    (what, self.delete(DeleteRoleRequest { name }).await)
                }
                Made::Group(name) => {
                    let what = format!("identity/group/name/{name}");
                    (what, self.delete(DeleteGroupRequest { name }).await)
                }
                Made::Entity(name) => {
                    let what = format!("identity/entity/name/{name}");
                    (what, self.delete(DeleteEntityRequest { name }).await)
                }
            };
            left.extend(gone.err().map(|why| format!("{what}: {why}")));
        }
        left
    }

    async fn delete(&self, endpoint: impl rustify::endpoint::Endpoint) -> Result<(), String> {
        self.desk.done(endpoint).await.map_err(|error| error.to_string())
    }

    /// Makes an entity, and the alias that it is to be found by.
    async fn entity(&self, metadata: BTreeMap<String, String>) -> Result<Entity, String> {
        let name = format!("{}-{:08x}", self.name, rand::random::<u32>());
        let request = CreateEntityRequest { name: name.clone(), metadata };
        let entity = Made::Entity(name.clone());
        let created: Created =
            self.making(entity, "make an entity", self.desk.data(request)).await?;
        let mounts: Result<HashMap<String, AuthMount>, _> =
            self.desk.data(AuthMountsRequest {}).await;
        let mut mounts = mounts.map_err(|error| explain(&error, "read sys/auth"))?;
        let tokens = mounts.remove("token/").ok_or("there is no auth method at token/")?;
        let request = CreateAliasRequest {
            name: name.clone(),
            canonical_id: created.id.clone(),
            mount_accessor: tokens.accessor,
        };
        let alias = self.desk.done(request).await;
        alias.map_err(|error| explain(&error, "make an entity's alias"))?;
        Ok(Entity { name, id: created.id })
    }

    /// Makes this entity the one member of the group that stands in for `group` under this key.
    async fn join(
        &self,
        key: &str,
        group: &str,
        values: &Group,
        entity_id: &str,
    ) -> Result<(), String> {
        let Some(name) = self.groups.name(key) else {
            return Err(format!("no group stands in for {group:?}"));
        };
        let made = Made::Group(name.clone());
        let metadata = groups::metadata(group, values);
        let member_entity_ids = vec![entity_id.to_owned()];
        let request = WriteGroupRequest { name, metadata, member_entity_ids };
        self.making(made, "make a group", self.desk.done(request)).await
    }

    /// Notes what is about to be made, since an answer that is lost says nothing of whether it was.
    /// What was not there and is refused is not.
    async fn making<T>(
        &self,
        made: Made,
        what: &str,
        request: impl Future<Output = Result<T, VaultError>>,
    ) -> Result<T, String> {
        let is_new = {
            let mut all = self.made();
            let is_new = !all.contains(&made);
            if is_new {
                all.push(made.clone());
            }
            is_new
        };
        request.await.map_err(|error| {
            if is_new && error.failure == Failure::OwnPolicy {
                self.made().retain(|one| *one != made);
            }
            explain(&error, what)
        })
    }

    fn made(&self) -> MutexGuard<'_, Vec<Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the copy of a policy is called. Vault's `default` is the same for all.
    fn copy_of(&self, policy: &str) -> String {
        if policy == "default" { policy.to_owned() } else { format!("{}-{policy}", self.name) }
    }
}

fn explain(error: &VaultError, what: &str) -> String {
    let remedy = match error.failure {
        Failure::OwnPolicy => "; your token needs what policies/operator.hcl grants, or use --dev",
        _ => "",
    };
    format!("cannot {what}: {error}{remedy}")
}
