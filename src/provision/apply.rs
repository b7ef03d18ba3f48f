use std::ops::ControlFlow;

use super::{Inventory, Plan, State, Step, Trouble};

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was there already.
    Unchanged,
    /// It was made, and is there.
    Done,
    /// It was not made, or nobody knows.
    Failed(Trouble),
    /// A step before it failed, or somebody said stop.
    NotTried,
}

impl Plan {
    /// Carries out the plan, step by step, up to the first that fails. `go_on` is asked before each.
    ///
    /// Each thing is looked at again before it is made, since making one takes it away from
    /// whoever has it by now, and after: an answer that was lost says nothing of what was done.
    pub async fn apply(
        &self,
        inventory: &impl Inventory,
        mut go_on: impl FnMut() -> ControlFlow<()>,
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(self.steps.len());
        let mut state = ControlFlow::Continue(());
        for step in &self.steps {
            if step.state == State::There {
                outcomes.push(Outcome::Unchanged);
                continue;
            }
            if state.is_continue() {
                state = go_on();
            }
            let outcome = match state {
                ControlFlow::Break(()) => Outcome::NotTried,
                ControlFlow::Continue(()) => {
                    carry_out(step, inventory).await.unwrap_or_else(Outcome::Failed)
                }
            };
            if matches!(outcome, Outcome::Failed(_)) {
                state = ControlFlow::Break(());
            }
            outcomes.push(outcome);
        }
        outcomes
    }
}

async fn carry_out(step: &Step, inventory: &impl Inventory) -> Result<Outcome, Trouble> {
    match inventory.look(&step.thing).await? {
        State::There => return Ok(Outcome::Unchanged),
        State::InTheWay(why) => return Err(Trouble(why)),
        State::Missing | State::Differs(_) => {}
    }
    let made = inventory.make(&step.thing).await;
    match (made, inventory.look(&step.thing).await) {
        (_, Ok(State::There)) => Ok(Outcome::Done),
        (Err(trouble), _) | (Ok(()), Err(trouble)) => Err(trouble),
        (Ok(()), Ok(_)) => {
            Err(Trouble("Vault says that it is done, and it is not as it should be".to_owned()))
        }
    }
}
