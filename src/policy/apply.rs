use std::ops::ControlFlow;

use super::{PolicyChange, PolicyPlan, PolicyStore, PolicyStoreError};

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// It was done, and reads back as it should.
    Done,
    /// Somebody changed the policy after the plan was shown. It is left as they have it.
    Conflict,
    /// It was not done.
    Failed(PolicyStoreError),
    /// Nobody knows whether it was.
    Unknown(PolicyStoreError),
    /// A change before it was not done, or somebody said stop, so it was not tried.
    Skipped,
}

impl PolicyPlan {
    /// Carries out the plan, change by change, up to the first that is not done. `on_change` hears of each,
    /// and may say that it was the last.
    ///
    /// Just before a write the policy is read again; if it is not what the plan was drawn from,
    /// nothing is written. Where Vault counts versions, the write itself insists on it as well.
    pub async fn apply(
        &self,
        store: &impl PolicyStore,
        mut on_change: impl FnMut(&PolicyChange, &ApplyOutcome) -> ControlFlow<()>,
    ) -> Vec<ApplyOutcome> {
        let mut outcomes = Vec::with_capacity(self.changes.len());
        let mut flow = ControlFlow::Continue(());
        for change in &self.changes {
            let outcome = match flow {
                ControlFlow::Continue(()) => apply_change(change, store).await,
                ControlFlow::Break(()) => ApplyOutcome::Skipped,
            };
            let told = on_change(change, &outcome);
            if outcome != ApplyOutcome::Done || told.is_break() {
                flow = ControlFlow::Break(());
            }
            outcomes.push(outcome);
        }
        outcomes
    }
}

async fn apply_change(change: &PolicyChange, store: &impl PolicyStore) -> ApplyOutcome {
    match store.read(&change.name).await {
        Ok(now) if now == change.before => (),
        Ok(_) => return ApplyOutcome::Conflict,
        Err(error) => return ApplyOutcome::Failed(error),
    }
    let done = match &change.after {
        Some(text) => store.write(&change.name, text, change.before.as_ref()).await,
        None => store.delete(&change.name).await,
    };
    // An answer that was lost says nothing about the write: what is there now does.
    let now = store.read(&change.name).await.map(|now| now.map(|stored| stored.text));
    match (done, now) {
        (_, Ok(now)) if now == change.after => ApplyOutcome::Done,
        (Err(error), Ok(now))
            if now == change.before.as_ref().map(|before| before.text.clone()) =>
        {
            ApplyOutcome::Failed(error)
        }
        (_, Ok(_)) => ApplyOutcome::Conflict,
        (Err(error), Err(_)) | (Ok(()), Err(error)) => ApplyOutcome::Unknown(error),
    }
}
