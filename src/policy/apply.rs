use std::ops::ControlFlow;

use super::{PolicyChange, PolicyPlan, PolicyStore, PolicyStoreError};

/// The outcome of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// The change was written and verified by reading it back.
    Done,
    /// The policy was changed after the plan was shown. The newer version is kept.
    Conflict,
    /// The change was not written.
    Failed(PolicyStoreError),
    /// The result is unknown.
    Unknown(PolicyStoreError),
    /// An earlier change failed, or the run was stopped, so this one was not attempted.
    Skipped,
}

impl PolicyPlan {
    /// Applies the changes in order up to the first that fails. `on_change` is called after each,
    /// and can stop the run.
    ///
    /// Before each write the policy is read again; if it differs from the planned state, nothing
    /// is written. If the server counts versions, the write is also conditional on the version.
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
            let next = on_change(change, &outcome);
            if outcome != ApplyOutcome::Done || next.is_break() {
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
    // After a lost response only the current state shows whether the write succeeded.
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
