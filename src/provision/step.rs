use super::Thing;

/// A wanted resource, and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The resource.
    pub thing: Thing,
    /// The state in which it was found.
    pub state: State,
}

/// The state of a resource in Vault, compared with the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The resource exists as wanted.
    There,
    /// The resource does not exist.
    Missing,
    /// The resource differs from the wanted one, and applying the plan changes it. The text says how.
    Differs(String),
    /// A conflicting object exists, which this program does not change. The text says which, and
    /// what to do.
    InTheWay(String),
}

impl Step {
    /// Returns the action of the step in a word.
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
