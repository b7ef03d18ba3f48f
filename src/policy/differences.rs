use super::PolicyPlan;

/// The names of the policies that differ between Vault and a set; each list is sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyDifferences {
    /// Policies with other rules, or with settings that Vault keeps in addition.
    pub changed: Vec<String>,
    /// Policies that Vault lacks.
    pub missing: Vec<String>,
    /// Policies that only Vault has.
    pub extra: Vec<String>,
}

impl PolicyDifferences {
    /// Returns whether there are no differences.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.missing.is_empty() && self.extra.is_empty()
    }
}

impl From<PolicyPlan> for PolicyDifferences {
    /// Returns the differences that led to a plan which deletes nothing.
    fn from(plan: PolicyPlan) -> Self {
        let (changed, missing): (Vec<_>, Vec<_>) =
            plan.changes.into_iter().partition(|change| change.before.is_some());
        let names = |changes: Vec<super::PolicyChange>| {
            changes.into_iter().map(|change| change.name).collect()
        };
        Self { changed: names(changed), missing: names(missing), extra: plan.unmanaged }
    }
}
