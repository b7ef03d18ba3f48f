//! File descriptors, of which each connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;

/// So many files the process has open without any connection, with room to spare.
const WITHOUT_CONNECTIONS: usize = 32;

/// How many connections the listeners may have open, each. The rest of the process's file
/// descriptors is left to the admin listener, whose answers Vault may wait for, and to connections
/// to Vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionLimits {
    pub(super) auth: usize,
    pub(super) api: usize,
    pub(super) admin: usize,
}

impl ConnectionLimits {
    /// Raises the limit on open files as far as the process may, and divides it up.
    pub(super) fn of_this_process() -> Self {
        Self::within(raise_file_limit())
    }

    /// Divides up this number of file descriptors.
    fn within(descriptors: usize) -> Self {
        let free = descriptors.saturating_sub(WITHOUT_CONNECTIONS).min(Semaphore::MAX_PERMITS);
        Self { auth: (free / 2).max(1), api: (free / 4).max(1), admin: Semaphore::MAX_PERMITS }
    }
}

/// Raises the soft limit on open files to the hard one, and returns what holds then. The soft one
/// is often 1,024, for programs that use `select(2)`, which this one does not.
fn raise_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let holds = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    // None is no limit.
    holds.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::ConnectionLimits;

    #[test]
    fn quarter_of_the_descriptors_is_left_free() {
        let ConnectionLimits { auth, api, .. } = ConnectionLimits::within(1024);
        assert_eq!((auth, api), (496, 248));
        let ConnectionLimits { auth, api, .. } = ConnectionLimits::within(0);
        assert_eq!((auth, api), (1, 1));
        let ConnectionLimits { auth, api, admin } = ConnectionLimits::within(usize::MAX);
        assert!(auth + api < admin && admin == Semaphore::MAX_PERMITS);
    }
}
