use std::io;

use tokio::runtime::{Builder, EnterGuard, Runtime};

/// The runtime of gRPC connections. It is apart from the service's, which has ended when the last items
/// are sent.
pub(in crate::telemetry) struct ExportRuntime(Option<Runtime>);

impl ExportRuntime {
    /// Starts it, with one thread.
    pub(in crate::telemetry) fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("otlp").enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Makes it the current one: exporters that are built now use it.
    pub(in crate::telemetry) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.as_ref().map(Runtime::enter)
    }
}

impl Drop for ExportRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // A hanging connection is not waited for.
            runtime.shutdown_background();
        }
    }
}
