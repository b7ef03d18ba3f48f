//! Mounts, keys, roles and entities: what there is, and making more.

mod accounts;
mod identity;
mod index;
mod keys;
mod membership;
mod mounts;
mod needs;
mod roles;
mod settings;

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub use self::accounts::{LoginMethod, account_path, is_user_name};
pub(super) use self::identity::{Aliases, Entity};
pub(super) use self::index::MemberIndex;
use self::roles::role_path;
use super::{Call, Desk, nameable, remedy};
use crate::{
    provision::{Inventory, State, Step, Thing, Trouble},
    vault::{
        Session,
        client::Operation,
        error::{Failure, VaultError},
    },
};

/// Where services log in.
pub(super) const APPROLE: &str = "approle";

/// What operators make and look up in Vault.
pub struct Things<'s> {
    desk: Desk<'s>,
}

/// The `data` of a list.
#[derive(Deserialize)]
struct Keys {
    keys: Vec<String>,
}

impl<'s> Things<'s> {
    /// What this session's token may see and make.
    #[must_use]
    pub fn new(session: &'s Session) -> Self {
        Self { desk: Desk { session } }
    }

    /// A secret id for the role of this name, wrapped for that long, or as it is.
    ///
    /// # Errors
    /// Why there is none, and what helps.
    pub async fn secret_id(
        &self,
        role: &str,
        wrapped: Option<Duration>,
    ) -> Result<SecretString, Trouble> {
        #[derive(Deserialize)]
        struct Made {
            secret_id: SecretString,
        }
        let path = format!("{}/secret-id", role_path(role));
        let call = Call::post(path.clone(), &json!({}));
        let made = match wrapped {
            Some(life) => self.desk.wrapped(&call, life).await,
            None => self.desk.data(&call).await.map(|Made { secret_id }| secret_id),
        };
        let needed = match wrapped {
            Some(_) => format!("update on {path}"),
            // Capabilities do not tell of it.
            None => format!(
                "update on {path} without min_wrapping_ttl: the policy `operator` grants wrapped \
                 secret ids alone"
            ),
        };
        made.map_err(|error| trouble(&error, "make a secret id", &needed))
    }

    /// How many secret ids there are for the role of this name, whoever has them.
    ///
    /// # Errors
    /// Why that cannot be told, and what helps.
    pub async fn secret_ids(&self, role: &str) -> Result<usize, Trouble> {
        Ok(self.keys(&format!("{}/secret-id", role_path(role))).await?.len())
    }

    /// The role id of the role of this name; `None` if there is no such role.
    ///
    /// # Errors
    /// Why that cannot be told, and what helps.
    pub async fn role_id(&self, role: &str) -> Result<Option<String>, Trouble> {
        #[derive(Deserialize)]
        struct RoleId {
            role_id: String,
        }
        let found: Option<RoleId> = self.get(&format!("{}/role-id", role_path(role))).await?;
        Ok(found.map(|found| found.role_id))
    }

    /// What is at this path; `None` if there is nothing, or nothing is mounted there.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Trouble> {
        let answer = unless_absent(self.desk.data(&Call::get(path)).await);
        answer.map_err(|error| trouble(&error, &format!("read {path}"), &format!("read on {path}")))
    }

    /// The same in a mount that has to be there.
    pub(super) async fn get_in_mount<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<T>, Trouble> {
        let answer = unless_not_found(self.desk.data(&Call::get(path)).await);
        answer.map_err(|error| trouble(&error, &format!("read {path}"), &format!("read on {path}")))
    }

    /// The names at this path.
    pub(super) async fn keys(&self, path: &str) -> Result<Vec<String>, Trouble> {
        self.keys_in(Operation::Admin, path).await
    }

    /// The ids of all entities. Vault knows no pages of them.
    pub(super) async fn entity_ids(&self) -> Result<Vec<String>, Trouble> {
        self.keys_in(Operation::EntityList, "identity/entity/id").await
    }

    async fn keys_in(&self, operation: Operation, path: &str) -> Result<Vec<String>, Trouble> {
        let answer = unless_absent(self.desk.data_in(operation, &Call::list(path)).await);
        let needed = format!("list on {path}/");
        let listed = answer.map_err(|error| trouble(&error, &format!("list {path}"), &needed))?;
        Ok(listed.map(|Keys { keys }| keys).unwrap_or_default())
    }

    /// Deletes what is at this path, if anything is.
    pub(super) async fn delete(&self, path: &str) -> Result<(), Trouble> {
        let answer = match nameable(path) {
            Ok(path) => unless_absent(self.desk.done(&Call::delete(path)).await),
            Err(error) => Err(error),
        };
        answer.map(drop).map_err(|error| {
            trouble(&error, &format!("delete {path}"), &format!("delete on {path}"))
        })
    }

    async fn post(&self, path: &str, body: Value) -> Result<(), Trouble> {
        let answer = self.desk.done(&Call::post(path, &body)).await;
        answer.map_err(|error| {
            trouble(&error, &format!("write {path}"), &format!("update on {path}"))
        })
    }
}

impl Inventory for Things<'_> {
    async fn look(&self, thing: &Thing) -> Result<State, Trouble> {
        match thing {
            Thing::AuditFile(file) => self.look_for_audit_file(file).await,
            Thing::Engine { path, engine } => self.look_for_engine(path, *engine).await,
            Thing::NoUpsert(transit) => self.look_for_no_upsert(transit).await,
            Thing::AppRoles => self.look_for_app_roles().await,
            Thing::People(path) => self.look_for_people(path).await,
            Thing::Key { transit, name } => self.look_for_key(transit, name).await,
            Thing::RotateEvery { kv, tenant, interval } => {
                self.look_for_rotate_every(kv, tenant, interval).await
            }
            Thing::Entity { kv, name, tenant } => self.look_for_entity(kv, name, tenant).await,
            Thing::Role(role) => self.look_for_role(role).await,
            Thing::Alias(name) => self.look_for_alias(name).await,
            Thing::Membership(wanted) => self.look_for_membership(wanted).await,
        }
    }

    async fn make(&self, thing: &Thing) -> Result<(), Trouble> {
        match thing {
            Thing::AuditFile(file) => self.make_audit_file(file).await,
            Thing::Engine { path, engine } => self.make_engine(path, *engine).await,
            Thing::NoUpsert(transit) => self.make_no_upsert(transit).await,
            Thing::AppRoles => self.make_app_roles().await,
            Thing::People(path) => self.make_people(path).await,
            Thing::Key { transit, name } => self.make_key(transit, name).await,
            Thing::RotateEvery { kv, tenant, interval } => {
                self.make_rotate_every(kv, tenant, interval).await
            }
            Thing::Entity { kv, name, tenant } => self.make_entity(kv, name, tenant).await,
            Thing::Role(role) => self.make_role(role).await,
            Thing::Alias(name) => self.make_alias(name).await,
            Thing::Membership(wanted) => self.make_membership(wanted).await,
        }
    }

    async fn lacking(&self, steps: &[Step]) -> Result<Vec<String>, Trouble> {
        self.lacking_for(steps).await
    }
}

/// The answer, with `None` where there is no such thing, and where there is no mount to have it.
fn unless_absent<T>(answer: Result<T, VaultError>) -> Result<Option<T>, VaultError> {
    match unless_not_found(answer) {
        Err(error) if error.failure == Failure::NoMount => Ok(None),
        answer => answer,
    }
}

/// The answer, with `None` where there is no such thing.
fn unless_not_found<T>(answer: Result<T, VaultError>) -> Result<Option<T>, VaultError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.failure == Failure::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What could not be done, why, and what helps.
fn trouble(error: &VaultError, what: &str, needed: &str) -> Trouble {
    Trouble(format!("cannot {what}: {error}{}", remedy(error, needed)))
}
