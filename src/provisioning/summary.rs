//! The steps of a plan as they are displayed, and whether a run may continue.

use std::ops::ControlFlow;

use super::{ProvisionPlan, ResourceState, StepOutcome};

/// One step of a plan, as it is displayed before it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRow {
    /// The action, such as `create`.
    pub action: &'static str,
    /// The kind of object that the action applies to.
    pub kind: &'static str,
    /// The name of the object.
    pub name: String,
    /// Details of the object, or of the change.
    pub detail: String,
}

impl PlanRow {
    /// The action of a step that changes nothing.
    pub const UNCHANGED: &'static str = "same";
    /// The action of a step that creates an object.
    pub const CREATE: &'static str = "create";
    /// The action of a step that changes an existing object.
    pub const UPDATE: &'static str = "update";
}

impl ProvisionPlan {
    /// Returns one row per step.
    pub fn rows(&self) -> impl Iterator<Item = PlanRow> {
        self.steps.iter().map(|step| PlanRow {
            action: step.verb(),
            kind: step.resource.kind(),
            name: step.resource.name(),
            detail: match &step.state {
                ResourceState::Drifted(text) | ResourceState::Kept(text) => text.clone(),
                _ => step.resource.detail(),
            },
        })
    }
}

/// Returns the number of steps that failed or were not tried.
#[must_use]
pub fn incomplete_count(outcomes: &[StepOutcome]) -> usize {
    outcomes.iter().filter(|outcome| is_incomplete(outcome)).count()
}

/// Returns true if a step may be applied after steps with these outcomes: all of them are complete,
/// and `should_continue` does not break.
pub fn may_continue(
    outcomes: &[StepOutcome],
    should_continue: impl Fn() -> ControlFlow<()>,
) -> bool {
    !outcomes.iter().any(is_incomplete) && should_continue().is_continue()
}

fn is_incomplete(outcome: &StepOutcome) -> bool {
    matches!(outcome, StepOutcome::Failed(_) | StepOutcome::NotTried)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::{incomplete_count, may_continue};
    use crate::provisioning::{ProvisionError, StepOutcome};

    #[test]
    fn incomplete_step_stops_later_steps() {
        let proceed = || ControlFlow::Continue(());
        let failed = StepOutcome::Failed(ProvisionError("no".to_owned()));
        assert!(may_continue(&[StepOutcome::Unchanged, StepOutcome::Done], proceed));
        assert!(!may_continue(&[StepOutcome::Done], || ControlFlow::Break(())));
        assert!(!may_continue(&[StepOutcome::Done, failed.clone()], proceed));
        assert!(!may_continue(&[StepOutcome::NotTried], proceed));
        assert_eq!(incomplete_count(&[StepOutcome::Done, failed, StepOutcome::NotTried]), 2);
    }
}
