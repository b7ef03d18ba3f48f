mod groups;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use secrecy::SecretString;

use self::groups::TestGroups;
use super::OperatorClient;
use crate::{
    capabilities::{Capabilities, Capability},
    policy::{TestCaller, TestGroup, replace_templates},
    token::CallerToken,
    vault::{
        Client, VaultPolicies, VaultSession,
        api::{
            auth_methods::list_auth_methods,
            identity::{alias, entity, group},
            policies::delete_policy,
            sys::capabilities::capabilities,
            token_role::{self, TokenParameters, TokenRole},
        },
        client::{Consistency, FailureKind, VaultError},
    },
};

/// The prefix of the names of everything that is created here. The policy `operator` has it too.
const PREFIX: &str = "validator-test-";

/// The lifetime of the tokens.
const TOKEN_TTL: &str = "5m";

/// Temporary tokens, entities, groups and policies, for testing what Vault grants a caller.
///
/// A test caller has a token, an entity and groups if the caller has them, and copies of its
/// policies under unique names. In the copies, templates name the test groups in place of the
/// caller's. [`TestPrincipals::cleanup`] deletes all of it but the tokens. These are batch tokens: Vault
/// stores nothing of them, they expire within minutes, and their policies are deleted before.
pub struct TestPrincipals<'s> {
    operator: OperatorClient<'s>,
    policies: VaultPolicies<'s>,
    name: String,
    created: Mutex<Vec<CreatedResource>>,
    groups: TestGroups,
}

/// Something to be deleted, by its name.
#[derive(Clone, PartialEq)]
enum CreatedResource {
    Policy(String),
    TokenRole(String),
    Entity(String),
    Group(String),
}

/// An entity, whose alias has its name.
struct TestEntity {
    name: String,
    id: String,
}

impl<'s> TestPrincipals<'s> {
    /// Prepares for these callers, and creates nothing yet.
    #[must_use]
    pub fn new(session: &'s VaultSession, callers: &[TestCaller]) -> Self {
        let name = format!("{PREFIX}{:016x}", rand::random::<u64>());
        Self {
            operator: OperatorClient { session },
            policies: VaultPolicies::new(session),
            created: Mutex::default(),
            groups: TestGroups::new(&name, callers),
            name,
        }
    }

    /// Copies policies, given by name and text, and creates a token role that allows the copies.
    ///
    /// # Errors
    /// A message that says what could not be created, and what to do.
    pub async fn copy_policies<'p>(
        &self,
        policies: impl Iterator<Item = (&'p str, &'p str)>,
    ) -> Result<(), String> {
        let mut allowed_policies = vec!["default".to_owned()];
        for (name, text) in policies {
            let text = replace_templates(text, &|selector| self.groups.selector(selector));
            let text = text.map_err(|selector| {
                format!("policy {name}: write the template {selector:?} without escapes")
            })?;
            let copy = self.copy_name(name);
            let written = self.policies.put(&copy, &text, None);
            let action = format!("write a copy of the policy {name}");
            self.track(CreatedResource::Policy(copy.clone()), &action, written).await?;
            allowed_policies.push(copy);
        }
        let role = TokenRole {
            allowed_policies,
            allowed_entity_aliases: vec![format!("{}-*", self.name)],
            orphan: true,
            renewable: false,
            token_type: "batch",
        };
        let written = self.operator.call(async |client, token| {
            token_role::write_role(client, token, &self.name, &role).await
        });
        let created = CreatedResource::TokenRole(self.name.clone());
        self.track(created, "create a token role", written).await
    }

    /// Creates a token with the policies of this caller, and with an entity if the caller has
    /// metadata or groups. Until the next call the entity is the only member of those groups.
    ///
    /// # Errors
    /// A message that says what could not be created, and what to do.
    pub async fn create_token(&self, caller: &TestCaller) -> Result<SecretString, String> {
        let TestCaller { policies, metadata, groups, .. } = caller;
        let entity_alias = if metadata.is_empty() && groups.is_empty() {
            None
        } else {
            let TestEntity { name, id } = self.create_entity(metadata).await?;
            for (group, values) in groups {
                for key in groups::keys(group, values) {
                    self.write_group(&key, group, values, &id).await?;
                }
            }
            Some(name)
        };
        let parameters = TokenParameters {
            policies: policies.iter().map(|name| self.copy_name(name)).collect(),
            no_default_policy: true,
            entity_alias,
            ttl: TOKEN_TTL,
        };
        self.operator
            .call(async |client, token| {
                token_role::create_token(client, token, &self.name, &parameters).await
            })
            .await
            .map_err(|error| message(&error, "create a token"))
    }

    /// Returns the capabilities of a token on each of these paths, in the order of the paths.
    ///
    /// # Errors
    /// A message that says why they are not known.
    pub async fn capabilities(
        &self,
        token: &SecretString,
        paths: &[&str],
    ) -> Result<Vec<Capabilities>, String> {
        let subject = CallerToken::from(token.clone());
        let paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
        let ask = async |client: &Client, own: &SecretString| {
            capabilities(client, own, &subject, &paths, &Consistency::NotOlderThanSeen).await
        };
        let response = self.operator.call(ask).await;
        let response = response.map_err(|error| message(&error, "ask for capabilities"))?;
        let granted = |path: &String| {
            // An unknown capability must not count as none.
            response.names(path)?.iter().map(|name| Capability::parse(name)).collect()
        };
        let granted: Option<_> = paths.iter().map(granted).collect();
        granted.ok_or_else(|| "Vault's response with capabilities cannot be parsed".to_owned())
    }

    /// Deletes everything that was created, and returns what could not be deleted, each with the
    /// reason.
    pub async fn cleanup(&self) -> Vec<String> {
        let created = std::mem::take(&mut *self.created());
        let mut left = Vec::new();
        for resource in created.into_iter().rev() {
            let deleted = self.delete(&resource).await;
            left.extend(deleted.err().map(|reason| format!("{}: {reason}", resource.path())));
        }
        left
    }

    async fn delete(&self, resource: &CreatedResource) -> Result<(), String> {
        let delete = async |client: &Client, token: &SecretString| match resource {
            CreatedResource::Policy(name) => delete_policy(client, token, name).await,
            CreatedResource::TokenRole(name) => token_role::delete_role(client, token, name).await,
            CreatedResource::Entity(name) => entity::delete_entity(client, token, name).await,
            CreatedResource::Group(name) => group::delete_group(client, token, name).await,
        };
        self.operator.call(delete).await.map_err(|error| error.to_string())
    }

    /// Creates an entity, and the alias that the token is created with.
    async fn create_entity(
        &self,
        metadata: &BTreeMap<String, String>,
    ) -> Result<TestEntity, String> {
        let name = format!("{}-{:08x}", self.name, rand::random::<u32>());
        let created = self.operator.call(async |client, token| {
            let id = entity::create_entity(client, token, &name, metadata).await?;
            id.ok_or_else(|| VaultError::malformed("no id"))
        });
        let resource = CreatedResource::Entity(name.clone());
        let id = self.track(resource, "create an entity", created).await?;
        let methods = self.operator.call(list_auth_methods).await;
        let methods = methods.map_err(|error| message(&error, "read sys/auth"))?;
        let tokens = methods.get("token/").and_then(|mount| mount.accessor.as_deref());
        let accessor = tokens.ok_or("there is no auth method at token/")?;
        self.operator
            .call(async |client, token| {
                alias::create_alias(client, token, &name, accessor, &id).await
            })
            .await
            .map_err(|error| message(&error, "create an entity's alias"))?;
        Ok(TestEntity { name, id })
    }

    /// Makes this entity the only member of the test group for `group` with this key.
    async fn write_group(
        &self,
        key: &str,
        group: &str,
        values: &TestGroup,
        entity_id: &str,
    ) -> Result<(), String> {
        let Some(name) = self.groups.name(key) else {
            return Err(format!("there is no test group for {group:?}"));
        };
        let metadata = groups::metadata(group, values);
        let written = self.operator.call(async |client, token| {
            group::write_group(client, token, &name, &metadata, &[entity_id]).await
        });
        let resource = CreatedResource::Group(name.clone());
        self.track(resource, "create a group", written).await
    }

    /// Notes a resource before it is created, since a call without an answer may have created it. A
    /// new resource is dropped from the list again if Vault denies the call.
    async fn track<T>(
        &self,
        resource: CreatedResource,
        action: &str,
        request: impl Future<Output = Result<T, VaultError>>,
    ) -> Result<T, String> {
        let is_new = {
            let mut created = self.created();
            let is_new = !created.contains(&resource);
            if is_new {
                created.push(resource.clone());
            }
            is_new
        };
        request.await.map_err(|error| {
            if is_new && error.kind == FailureKind::PermissionDenied {
                self.created().retain(|other| *other != resource);
            }
            message(&error, action)
        })
    }

    fn created(&self) -> MutexGuard<'_, Vec<CreatedResource>> {
        self.created.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the name of the copy of a policy. Vault's `default` is not copied.
    fn copy_name(&self, policy: &str) -> String {
        if policy == "default" { policy.to_owned() } else { format!("{}-{policy}", self.name) }
    }
}

impl CreatedResource {
    /// Returns its path in Vault.
    fn path(&self) -> String {
        match self {
            Self::Policy(name) => format!("sys/policies/acl/{name}"),
            Self::TokenRole(name) => token_role::role_path(name),
            Self::Entity(name) => entity::path_by_name(name),
            Self::Group(name) => group::path_by_name(name),
        }
    }
}

fn message(error: &VaultError, action: &str) -> String {
    let hint = match error.kind {
        FailureKind::PermissionDenied => {
            "; your token needs what policies/operator.hcl grants, or use --dev"
        }
        _ => "",
    };
    format!("cannot {action}: {error}{hint}")
}
