use super::Resource;

/// A wanted resource, and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionStep {
    /// The resource.
    pub resource: Resource,
    /// The state in which it was found.
    pub state: ResourceState,
}

/// The state of a resource in Vault, compared with the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceState {
    /// The resource exists as wanted.
    Present,
    /// The resource exists with settings of an operator, which are kept. The text says which.
    Kept(String),
    /// The resource does not exist.
    Absent,
    /// The resource differs from the wanted one, and applying the plan changes it. The text says how.
    Drifted(String),
    /// A conflicting object exists, which this program does not change. The text says which, and
    /// what to do.
    Conflict(String),
}

impl ProvisionStep {
    /// Returns the action of the step in a word.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self.state {
            ResourceState::Present | ResourceState::Kept(_) => "same",
            ResourceState::Absent => "create",
            ResourceState::Drifted(_) => "update",
            ResourceState::Conflict(_) => "none",
        }
    }
}
