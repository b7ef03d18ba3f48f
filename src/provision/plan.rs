use std::{error::Error, fmt};

use super::{Inventory, State, Step, Thing, Trouble};

/// The steps that create the wanted resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// A step for each resource, in the order in which they are created.
    pub steps: Vec<Step>,
}

/// The reason why there is no plan. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// Conflicting objects exist: each with what to do.
    InTheWay(Vec<String>),
    /// The token lacks these capabilities.
    Lacking(Vec<String>),
    /// A resource cannot be read.
    Unseen(Trouble),
}

impl Plan {
    /// Compares these resources with those in Vault.
    ///
    /// # Errors
    /// [`Hindrance`] if a step cannot be applied.
    pub async fn draw(things: Vec<Thing>, inventory: &impl Inventory) -> Result<Self, Hindrance> {
        let mut steps = Vec::with_capacity(things.len());
        let mut conflicts = Vec::new();
        for thing in things {
            let state = match inventory.look(&thing).await {
                Ok(state) => state,
                // A resource behind a conflicting mount cannot be read.
                Err(_) if !conflicts.is_empty() => continue,
                Err(error) => return Err(Hindrance::Unseen(error)),
            };
            if let State::InTheWay(conflict) = &state {
                conflicts.push(format!("{} {}: {conflict}", thing.kind(), thing.name()));
            }
            steps.push(Step { thing, state });
        }
        if !conflicts.is_empty() {
            return Err(Hindrance::InTheWay(conflicts));
        }
        let missing = inventory.lacking(&steps).await.map_err(Hindrance::Unseen)?;
        if !missing.is_empty() {
            return Err(Hindrance::Lacking(missing));
        }
        Ok(Self { steps })
    }

    /// Returns the plan for an empty Vault.
    #[must_use]
    pub fn from_nothing(things: Vec<Thing>) -> Self {
        let create = |thing| Step { thing, state: State::Missing };
        Self { steps: things.into_iter().map(create).collect() }
    }
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (headline, lines) = match self {
            Self::InTheWay(lines) => ("conflicting resources; nothing was changed:", lines),
            Self::Lacking(lines) => {
                ("your token lacks these capabilities; nothing was changed:", lines)
            }
            Self::Unseen(error) => return write!(f, "{error}"),
        };
        f.write_str(headline)?;
        lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Error for Hindrance {}
