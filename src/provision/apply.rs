use std::ops::ControlFlow;

use super::{Inventory, Plan, State, Step, Trouble};

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The resource existed as wanted.
    Unchanged,
    /// The resource was created or changed, and read back.
    Done,
    /// The resource was not created, or it is not known whether it was.
    Failed(Trouble),
    /// A step before it failed, or the run was stopped.
    NotTried,
}

impl Plan {
    /// Applies the plan, step by step, up to the first step that fails. `should_continue` is called
    /// before each step that changes something.
    ///
    /// Each resource is read again before it is created, since another run may have created it, and
    /// afterwards, since a call without an answer may have succeeded.
    pub async fn apply(
        &self,
        inventory: &impl Inventory,
        mut should_continue: impl FnMut() -> ControlFlow<()>,
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(self.steps.len());
        let mut flow = ControlFlow::Continue(());
        for step in &self.steps {
            if step.state == State::There {
                outcomes.push(Outcome::Unchanged);
                continue;
            }
            if flow.is_continue() {
                flow = should_continue();
            }
            let outcome = match flow {
                ControlFlow::Break(()) => Outcome::NotTried,
                ControlFlow::Continue(()) => {
                    apply_step(step, inventory).await.unwrap_or_else(Outcome::Failed)
                }
            };
            if matches!(outcome, Outcome::Failed(_)) {
                flow = ControlFlow::Break(());
            }
            outcomes.push(outcome);
        }
        outcomes
    }
}

async fn apply_step(step: &Step, inventory: &impl Inventory) -> Result<Outcome, Trouble> {
    match inventory.look(&step.thing).await? {
        State::There => return Ok(Outcome::Unchanged),
        State::InTheWay(conflict) => return Err(Trouble(conflict)),
        State::Missing | State::Differs(_) => {}
    }
    let written = inventory.make(&step.thing).await;
    match (written, inventory.look(&step.thing).await) {
        (_, Ok(State::There)) => Ok(Outcome::Done),
        (Err(error), _) | (Ok(()), Err(error)) => Err(error),
        (Ok(()), Ok(_)) => Err(Trouble(
            "Vault reports success, but the resource is not in the wanted state".to_owned(),
        )),
    }
}
