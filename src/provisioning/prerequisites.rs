//! Checks of what must exist in Vault before a change is planned.

use super::{ProvisionError, Resource, ResourceProvider, ResourceState};
use crate::policy::PolicyStore;

/// Checks that these resources exist.
///
/// # Errors
/// Names the first that is missing, conflicts with another object or cannot be read.
pub async fn check_resources(
    provider: &impl ResourceProvider,
    required: impl IntoIterator<Item = Resource>,
) -> Result<(), ProvisionError> {
    for resource in required {
        let state = provider.read(&resource).await?;
        let (kind, name, detail) = (resource.kind(), resource.name(), resource.detail());
        match state {
            ResourceState::Present | ResourceState::Kept(_) => {}
            ResourceState::Conflict(why) => {
                return Err(ProvisionError(format!(
                    "{kind} {name} is not {detail}: {why}; nothing was changed"
                )));
            }
            ResourceState::Absent | ResourceState::Drifted(_) => {
                return Err(ProvisionError(format!(
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
    store: &impl PolicyStore,
    required: impl IntoIterator<Item = &String>,
) -> Result<(), ProvisionError> {
    for name in required {
        let stored = store.read(name).await.map_err(|error| ProvisionError(error.to_string()))?;
        if stored.is_none() {
            return Err(ProvisionError(format!(
                "there is no policy {name} in Vault: `vault-auth-validator policies apply` loads \
                 policies; nothing was changed"
            )));
        }
    }
    Ok(())
}
