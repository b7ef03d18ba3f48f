use std::{error::Error, fmt};

use super::{ProvisionError, ProvisionStep, Resource, ResourceProvider, ResourceState};

/// The steps that create the wanted resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionPlan {
    /// A step for each resource, in the order in which they are created.
    pub steps: Vec<ProvisionStep>,
}

/// The reason why there is no plan. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// Conflicting objects exist: each with what to do.
    Conflict(Vec<String>),
    /// The token lacks these capabilities.
    MissingCapabilities(Vec<String>),
    /// A resource cannot be read.
    Unreadable(ProvisionError),
}

impl ProvisionPlan {
    /// Compares these resources with those in Vault.
    ///
    /// # Errors
    /// [`PlanError`] if a step cannot be applied.
    pub async fn compute(
        things: Vec<Resource>,
        inventory: &impl ResourceProvider,
    ) -> Result<Self, PlanError> {
        let mut steps = Vec::with_capacity(things.len());
        let mut conflicts = Vec::new();
        for thing in things {
            let state = match inventory.read(&thing).await {
                Ok(state) => state,
                // A resource behind a conflicting mount cannot be read.
                Err(_) if !conflicts.is_empty() => continue,
                Err(error) => return Err(PlanError::Unreadable(error)),
            };
            if let ResourceState::Conflict(conflict) = &state {
                conflicts.push(format!("{} {}: {conflict}", thing.kind(), thing.name()));
            }
            steps.push(ProvisionStep { resource: thing, state });
        }
        if !conflicts.is_empty() {
            return Err(PlanError::Conflict(conflicts));
        }
        let missing =
            inventory.missing_capabilities(&steps).await.map_err(PlanError::Unreadable)?;
        if !missing.is_empty() {
            return Err(PlanError::MissingCapabilities(missing));
        }
        Ok(Self { steps })
    }

    /// Returns the plan for an empty Vault.
    #[must_use]
    pub fn for_empty_vault(things: Vec<Resource>) -> Self {
        let create = |thing| ProvisionStep { resource: thing, state: ResourceState::Absent };
        Self { steps: things.into_iter().map(create).collect() }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (headline, lines) = match self {
            Self::Conflict(lines) => ("conflicting resources; nothing was changed:", lines),
            Self::MissingCapabilities(lines) => {
                ("your token lacks these capabilities; nothing was changed:", lines)
            }
            Self::Unreadable(error) => return write!(f, "{error}"),
        };
        f.write_str(headline)?;
        lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Error for PlanError {}
