//! Checks of what must exist in Vault before a change is planned.

use super::{Inventory, State, Thing, Trouble};
use crate::policies::Store;

/// Checks that these resources exist.
///
/// # Errors
/// Names the first that is missing, conflicts with another object or cannot be read.
pub async fn check_resources(
    provider: &impl Inventory,
    required: impl IntoIterator<Item = Thing>,
) -> Result<(), Trouble> {
    for resource in required {
        let state = provider.look(&resource).await?;
        let (kind, name, detail) = (resource.kind(), resource.name(), resource.detail());
        match state {
            State::There => {}
            State::InTheWay(why) => {
                return Err(Trouble(format!(
                    "{kind} {name} is not {detail}: {why}; nothing was changed"
                )));
            }
            State::Missing | State::Differs(_) => {
                return Err(Trouble(format!(
                    "there is no {kind} {name} ({detail}) in Vault: `vault-auth-validator \
                     bootstrap` creates what is missing; nothing was changed"
                )));
            }
        }
    }
    Ok(())
}

/// Checks that policies with these names exist.
///
/// # Errors
/// Names the first that is missing or cannot be read.
pub async fn check_policies(
    store: &impl Store,
    required: impl IntoIterator<Item = &String>,
) -> Result<(), Trouble> {
    for name in required {
        let stored = store.read(name).await.map_err(|error| Trouble(error.to_string()))?;
        if stored.is_none() {
            return Err(Trouble(format!(
                "there is no policy {name} in Vault: `vault-auth-validator policies apply` loads \
                 policies; nothing was changed"
            )));
        }
    }
    Ok(())
}
