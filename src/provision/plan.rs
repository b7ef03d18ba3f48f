use std::{error::Error, fmt};

use super::{Inventory, Thing, Trouble};

/// What has to be made for things to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Every thing, in the order in which they are made.
    pub steps: Vec<Step>,
}

/// A thing, and whether it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The thing.
    pub thing: Thing,
    /// How it was found.
    pub state: State,
}

/// How a thing was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// As it is to be.
    There,
    /// Not at all.
    Missing,
    /// Otherwise than it is to be, and this would be changed.
    Differs(String),
    /// Something else is in its place, which is not for this program to change.
    InTheWay(String),
}

/// Why there is no plan. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// Other things are in the way: what, and what helps.
    InTheWay(Vec<String>),
    /// The token may not do all of it: what it is not granted.
    Lacking(Vec<String>),
    /// Something could not be seen.
    Unseen(Trouble),
}

impl Plan {
    /// Compares these things with what is there.
    ///
    /// # Errors
    /// [`Hindrance`] if not all of it could be carried out.
    pub async fn draw(things: Vec<Thing>, inventory: &impl Inventory) -> Result<Self, Hindrance> {
        let mut steps = Vec::with_capacity(things.len());
        let mut in_the_way = Vec::new();
        for thing in things {
            let state = match inventory.look(&thing).await {
                Ok(state) => state,
                // What is behind something else cannot be seen.
                Err(_) if !in_the_way.is_empty() => continue,
                Err(trouble) => return Err(Hindrance::Unseen(trouble)),
            };
            if let State::InTheWay(why) = &state {
                in_the_way.push(format!("{} {}: {why}", thing.kind(), thing.name()));
            }
            steps.push(Step { thing, state });
        }
        if !in_the_way.is_empty() {
            return Err(Hindrance::InTheWay(in_the_way));
        }
        let lacking = inventory.lacking(&steps).await.map_err(Hindrance::Unseen)?;
        if !lacking.is_empty() {
            return Err(Hindrance::Lacking(lacking));
        }
        Ok(Self { steps })
    }

    /// The plan for a Vault in which there is nothing yet.
    #[must_use]
    pub fn from_nothing(things: Vec<Thing>) -> Self {
        let missing = |thing| Step { thing, state: State::Missing };
        Self { steps: things.into_iter().map(missing).collect() }
    }
}

impl Step {
    /// What it does, in a word.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self.state {
            State::There => "same",
            State::Missing => "create",
            State::Differs(_) => "update",
            State::InTheWay(_) => "none",
        }
    }
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (headline, lines) = match self {
            Self::InTheWay(lines) => ("this is in the way; nothing was changed:", lines),
            Self::Lacking(lines) => ("your token lacks this; nothing was changed:", lines),
            Self::Unseen(trouble) => return write!(f, "{trouble}"),
        };
        f.write_str(headline)?;
        lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Error for Hindrance {}
