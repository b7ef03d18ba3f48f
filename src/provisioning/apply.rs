use std::ops::ControlFlow;

use super::{ProvisionError, ProvisionPlan, ProvisionStep, ResourceProvider, ResourceState};

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// The resource existed as wanted.
    Unchanged,
    /// The resource was created or changed, and read back.
    Done,
    /// The resource was not created, or it is not known whether it was.
    Failed(ProvisionError),
    /// A step before it failed, or the run was stopped.
    NotTried,
}

impl ProvisionPlan {
    /// Applies the plan, step by step, up to the first step that fails. `should_continue` is called
    /// before each step that changes something.
    ///
    /// Each resource is read again before it is created, since another run may have created it, and
    /// afterwards, since a call without an answer may have succeeded.
    pub async fn apply(
        &self,
        inventory: &impl ResourceProvider,
        mut should_continue: impl FnMut() -> ControlFlow<()>,
    ) -> Vec<StepOutcome> {
        let mut outcomes = Vec::with_capacity(self.steps.len());
        let mut flow = ControlFlow::Continue(());
        for step in &self.steps {
            if matches!(step.state, ResourceState::Present | ResourceState::Kept(_)) {
                outcomes.push(StepOutcome::Unchanged);
                continue;
            }
            if flow.is_continue() {
                flow = should_continue();
            }
            let outcome = match flow {
                ControlFlow::Break(()) => StepOutcome::NotTried,
                ControlFlow::Continue(()) => {
                    apply_step(step, inventory).await.unwrap_or_else(StepOutcome::Failed)
                }
            };
            if matches!(outcome, StepOutcome::Failed(_)) {
                flow = ControlFlow::Break(());
            }
            outcomes.push(outcome);
        }
        outcomes
    }
}

async fn apply_step(
    step: &ProvisionStep,
    inventory: &impl ResourceProvider,
) -> Result<StepOutcome, ProvisionError> {
    match inventory.read(&step.resource).await? {
        ResourceState::Present | ResourceState::Kept(_) => return Ok(StepOutcome::Unchanged),
        ResourceState::Conflict(conflict) => return Err(ProvisionError(conflict)),
        ResourceState::Absent | ResourceState::Drifted(_) => {}
    }
    let written = inventory.ensure(&step.resource).await;
    match (written, inventory.read(&step.resource).await) {
        (_, Ok(ResourceState::Present | ResourceState::Kept(_))) => Ok(StepOutcome::Done),
        (Err(error), _) | (Ok(()), Err(error)) => Err(error),
        (Ok(()), Ok(_)) => Err(ProvisionError(
            "Vault reports success, but the resource is not in the wanted state".to_owned(),
        )),
    }
}
