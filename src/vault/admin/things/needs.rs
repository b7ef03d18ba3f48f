use std::collections::HashMap;

use serde_json::json;

use super::{APPROLE, Call, Things, index::record_path, role_path, trouble};
use crate::{
    provision::{Membership, State, Step, Thing, Trouble},
    vault::error::Failure,
};

/// Capabilities on a path.
struct Need {
    path: String,
    capabilities: &'static [&'static str],
}

const UPDATE: &[&str] = &["update"];

/// What Vault counts among the paths that only root may change.
const GUARDED: &[&str] = &["update", "sudo"];

impl Things<'_> {
    /// What these steps need and the token is not granted. A token that may not even ask finds out
    /// on the way.
    pub(super) async fn lacking_for(&self, steps: &[Step]) -> Result<Vec<String>, Trouble> {
        let needs = steps.iter().filter_map(need);
        self.not_granted(needs.chain(steps.iter().filter_map(record)).collect()).await
    }

    /// On which of these paths the token is not granted `update`, each as `update on PATH`.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub async fn lacking_update(&self, paths: Vec<String>) -> Result<Vec<String>, Trouble> {
        let need = |path| Need { path, capabilities: UPDATE };
        self.not_granted(paths.into_iter().map(need).collect()).await
    }

    async fn not_granted(&self, needs: Vec<Need>) -> Result<Vec<String>, Trouble> {
        if needs.is_empty() {
            return Ok(Vec::new());
        }
        let paths: Vec<&str> = needs.iter().map(|need| need.path.as_str()).collect();
        let call = Call::post("sys/capabilities-self", &json!({"paths": paths}));
        let granted: HashMap<String, Vec<String>> = match self.desk.data(&call).await {
            Ok(granted) => granted,
            Err(error) if error.failure == Failure::OwnPolicy => return Ok(Vec::new()),
            Err(error) => {
                return Err(trouble(&error, "ask for capabilities", "the policy `default`"));
            }
        };
        let lacking = needs.iter().filter_map(|need| need.lacking(&granted));
        Ok(lacking.collect())
    }
}

impl Need {
    fn lacking(&self, granted: &HashMap<String, Vec<String>>) -> Option<String> {
        let granted = granted.get(&self.path).map(Vec::as_slice).unwrap_or_default();
        let has = |wanted: &str| granted.iter().any(|word| word == wanted || word == "root");
        let missing: Vec<_> =
            self.capabilities.iter().filter(|wanted| !has(wanted)).copied().collect();
        (!missing.is_empty()).then(|| format!("{} on {}", missing.join(" and "), self.path))
    }
}

fn need(step: &Step) -> Option<Need> {
    let (path, capabilities) = match (&step.thing, &step.state) {
        (_, State::There | State::InTheWay(_)) => return None,
        (Thing::AuditFile(_), _) => ("sys/audit/file".to_owned(), GUARDED),
        (Thing::Engine { path, .. }, _) => (format!("sys/mounts/{path}"), UPDATE),
        (Thing::NoUpsert(transit), _) => (format!("{transit}/config/keys"), UPDATE),
        (Thing::AppRoles, _) => (format!("sys/auth/{APPROLE}"), GUARDED),
        (Thing::People(path), _) => (format!("sys/auth/{path}"), GUARDED),
        (Thing::Key { transit, name }, _) => (format!("{transit}/keys/{name}"), UPDATE),
        (Thing::RotateEvery { kv, tenant, .. }, state) => {
            let path = format!("{kv}/data/tenant-settings/{tenant}");
            (path, if *state == State::Missing { &["create"][..] } else { UPDATE })
        }
        (Thing::Entity { .. } | Thing::Membership(_), _) => ("identity/entity".to_owned(), UPDATE),
        (Thing::Role(role), State::Missing) => (role_path(&role.name), &["create"][..]),
        (Thing::Role(role), State::Differs(_)) => (role_path(&role.name), UPDATE),
        (Thing::Alias(_), _) => ("identity/entity-alias".to_owned(), UPDATE),
    };
    Some(Need { path, capabilities })
}

/// What it takes to record a member. Its id is not known yet; any name stands for it.
fn record(step: &Step) -> Option<Need> {
    let (kv, tenant) = match (&step.thing, &step.state) {
        (_, State::There | State::InTheWay(_)) => return None,
        (
            Thing::Entity { kv, tenant, .. } | Thing::Membership(Membership { kv, tenant, .. }),
            _,
        ) => (kv, tenant),
        _ => return None,
    };
    Some(Need { path: record_path(kv, tenant, "ID"), capabilities: &["create"] })
}
