use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::task::AbortOnDropHandle;

/// Starts the tasks that the service cannot run without.
#[derive(Clone)]
pub(super) struct BackgroundTasks(UnboundedSender<&'static str>);

/// Receives the names of such tasks that have exited by themselves, which never happens in normal
/// operation.
pub(super) type ExitedTasks = UnboundedReceiver<&'static str>;

impl BackgroundTasks {
    pub(super) fn new() -> (Self, ExitedTasks) {
        let (sender, exited) = unbounded_channel();
        (Self(sender), exited)
    }

    /// Runs a task until the handle is dropped. If it exits before, also by a panic, reports its name.
    pub(super) fn spawn(
        &self,
        name: &'static str,
        task: impl Future + Send + 'static,
    ) -> AbortOnDropHandle<()> {
        let exited = self.0.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            // The hook for panics has logged one.
            drop(AssertUnwindSafe(task).catch_unwind().await);
            // Fails only when the service has ended.
            let _ = exited.send(name);
        }))
    }
}
