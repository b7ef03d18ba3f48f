use std::ops::ControlFlow;

use super::{Plan, Step, Store, StoreError};

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, and reads back as it should.
    Done,
    /// Somebody changed the policy after the plan was shown. It is left as they have it.
    Overtaken,
    /// It was not done.
    Failed(StoreError),
    /// Nobody knows whether it was.
    Unknown(StoreError),
    /// A step before it was not done, or somebody said stop, so it was not tried.
    NotTried,
}

impl Plan {
    /// Carries out the plan, step by step, up to the first that is not done. `tell` hears of each,
    /// and may say that it was the last.
    ///
    /// Just before a write the policy is read again; if it is not what the plan was drawn from,
    /// nothing is written. Where Vault counts versions, the write itself insists on it as well.
    pub async fn apply(
        &self,
        store: &impl Store,
        mut tell: impl FnMut(&Step, &Outcome) -> ControlFlow<()>,
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(self.steps.len());
        let mut go_on = ControlFlow::Continue(());
        for step in &self.steps {
            let outcome = match go_on {
                ControlFlow::Continue(()) => carry_out(step, store).await,
                ControlFlow::Break(()) => Outcome::NotTried,
            };
            let told = tell(step, &outcome);
            if outcome != Outcome::Done || told.is_break() {
                go_on = ControlFlow::Break(());
            }
            outcomes.push(outcome);
        }
        outcomes
    }
}

async fn carry_out(step: &Step, store: &impl Store) -> Outcome {
    match store.read(&step.name).await {
        Ok(now) if now == step.before => (),
        Ok(_) => return Outcome::Overtaken,
        Err(error) => return Outcome::Failed(error),
    }
    let done = match &step.after {
        Some(text) => store.write(&step.name, text, step.before.as_ref()).await,
        None => store.delete(&step.name).await,
    };
    // An answer that was lost says nothing about the write: what is there now does.
    let now = store.read(&step.name).await.map(|now| now.map(|stored| stored.text));
    match (done, now) {
        (_, Ok(now)) if now == step.after => Outcome::Done,
        (Err(error), Ok(now)) if now == step.before.as_ref().map(|before| before.text.clone()) => {
            Outcome::Failed(error)
        }
        (_, Ok(_)) => Outcome::Overtaken,
        (Err(error), Err(_)) | (Ok(()), Err(error)) => Outcome::Unknown(error),
    }
}
