use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;

use super::{APPROLE, Things};
use crate::provision::{Holder, Role, State, Trouble};

/// An AppRole in Vault, as far as it matters here.
#[derive(Deserialize)]
struct RoleData {
    token_policies: Option<BTreeSet<String>>,
    #[serde(default)]
    token_period: u64,
    #[serde(default)]
    token_no_default_policy: bool,
    #[serde(default)]
    bind_secret_id: bool,
}

impl Things<'_> {
    pub(super) async fn look_for_role(&self, role: &Role) -> Result<State, Trouble> {
        let Some(found) = self.role(&role.name).await? else { return Ok(State::Missing) };
        Ok(match role.holder {
            Holder::Validator => found.as_the_validators(role),
            Holder::Service if self.entity(&role.name).await?.is_none() => State::InTheWay(
                "there is an AppRole of this name that is no tenant's service: name the service \
                 otherwise, or delete the AppRole"
                    .to_owned(),
            ),
            Holder::Service => found.as_a_services(role),
        })
    }

    pub(super) async fn make_role(&self, role: &Role) -> Result<(), Trouble> {
        let path = role_path(&role.name);
        let period = format!("{}s", Role::PERIOD.as_secs());
        let body = match (role.holder, self.role(&role.name).await?) {
            (Holder::Validator, _) => json!({
                "token_policies": role.policies,
                "token_no_default_policy": true,
                "token_period": period,
                "bind_secret_id": true,
            }),
            (Holder::Service, None) => {
                json!({"token_policies": role.policies, "token_period": period})
            }
            (Holder::Service, Some(found)) => {
                let all: BTreeSet<_> = found.policies().union(&role.policies).cloned().collect();
                json!({"token_policies": all})
            }
        };
        self.post(&path, body).await
    }

    /// Deletes an AppRole with its secret ids. Tokens of it live on, and are not renewed.
    pub(in crate::vault::admin) async fn delete_role(&self, name: &str) -> Result<(), Trouble> {
        self.delete(&role_path(name)).await
    }

    /// The policies of the AppRole of this name; `None` if it is not the one with this role id.
    pub(in crate::vault::admin) async fn policies_by_role_id(
        &self,
        name: &str,
        role_id: &str,
    ) -> Result<Option<BTreeSet<String>>, Trouble> {
        if self.role_id(name).await?.as_deref() != Some(role_id) {
            return Ok(None);
        }
        Ok(self.role(name).await?.map(|role| role.policies()))
    }

    /// The name of the AppRole with this role id; `None` if there is none. Reads the role ids of all.
    pub(in crate::vault::admin) async fn role_with_id(
        &self,
        role_id: &str,
    ) -> Result<Option<String>, Trouble> {
        for name in self.keys(&format!("auth/{APPROLE}/role")).await? {
            if self.role_id(&name).await?.as_deref() == Some(role_id) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    async fn role(&self, name: &str) -> Result<Option<RoleData>, Trouble> {
        self.get(&role_path(name)).await
    }
}

/// The path of an AppRole.
pub(super) fn role_path(name: &str) -> String {
    format!("auth/{APPROLE}/role/{name}")
}

impl RoleData {
    fn policies(&self) -> BTreeSet<String> {
        self.token_policies.clone().unwrap_or_default()
    }

    /// Exactly what it needs, since more would be lost if somebody broke in.
    fn as_the_validators(&self, role: &Role) -> State {
        let period = Role::PERIOD.as_secs();
        let mut differs = Vec::new();
        if self.policies() != role.policies {
            differs.push(format!("its policies are {}", listed(&self.policies())));
        }
        if !self.token_no_default_policy {
            differs.push("its tokens have the policy `default` too".to_owned());
        }
        if self.token_period != period {
            differs.push(format!("token_period is {}s, not {period}s", self.token_period));
        }
        if !self.bind_secret_id {
            differs.push("it asks for no secret id".to_owned());
        }
        if differs.is_empty() { State::There } else { State::Differs(differs.join("; ")) }
    }

    /// At least what it needs: an operator may have given it more.
    fn as_a_services(&self, role: &Role) -> State {
        let missing: BTreeSet<_> = role.policies.difference(&self.policies()).cloned().collect();
        if missing.is_empty() {
            return State::There;
        }
        State::Differs(format!("it has yet to get the policies {}", listed(&missing)))
    }
}

fn listed(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
