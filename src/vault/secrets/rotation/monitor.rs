use std::time::Duration;

use crate::secrets::{LeaseHolder, SecretError};

/// The caller's side of a rotation: its progress messages, and the request to stop.
pub trait RotationMonitor {
    /// Completes when the rotation is to stop. It is called for each part of the rotation that can be
    /// interrupted.
    fn stopped(&self) -> impl Future<Output = ()>;

    /// Reports that another process holds the lease, and the maximum time to wait for it.
    fn waiting_for_lease(&self, holder: &LeaseHolder, max_wait: Duration);

    /// Reports the time to wait for writes that began with the previous version of the key.
    fn waiting_for_writes(&self, duration: Duration);

    /// Reports a pass over all secrets, of which there are `total`; 0 if that is not known. The
    /// returned function is called after each secret, and dropped at the end of the pass.
    fn pass_started(&self, pass: RotationPass, total: u64) -> impl FnMut();

    /// Returns the text by which the report lists a secret that failed.
    fn describe_failure(&self, error: &SecretError) -> String {
        error.to_string()
    }
}

/// A pass over all of a tenant's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationPass {
    /// The secrets are inspected and not changed.
    Inspect,
    /// The secrets are rewrapped.
    Rewrap,
}
