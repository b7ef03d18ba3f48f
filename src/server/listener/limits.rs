//! Connection limits, derived from the limit on open files: a connection takes one descriptor.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;

/// The number of files that the process has open without any connection, rounded up generously.
const RESERVED_DESCRIPTORS: usize = 32;

/// The maximum number of open connections of each listener. The rest of the process's file
/// descriptors is left to the admin listener, for whose responses Vault's audit device may wait,
/// and to connections to Vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct ConnectionLimits {
    pub(in crate::server) auth: usize,
    pub(in crate::server) api: usize,
    pub(in crate::server) admin: usize,
}

impl ConnectionLimits {
    /// Raises the process's limit on open files as far as allowed, and divides it up.
    pub(in crate::server) fn from_open_file_limit() -> Self {
        Self::from_descriptors(raise_file_limit())
    }

    /// Divides up this number of file descriptors.
    fn from_descriptors(descriptors: usize) -> Self {
        let free = descriptors.saturating_sub(RESERVED_DESCRIPTORS).min(Semaphore::MAX_PERMITS);
        Self { auth: (free / 2).max(1), api: (free / 4).max(1), admin: Semaphore::MAX_PERMITS }
    }
}

/// Raises the soft limit on open files to the hard one, and returns the resulting limit. The soft
/// one is often 1,024, for programs that use `select(2)`, which this one does not.
fn raise_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    // `None` means unlimited.
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::ConnectionLimits;

    #[test]
    fn quarter_of_descriptors_is_free() {
        let ConnectionLimits { auth, api, .. } = ConnectionLimits::from_descriptors(1024);
        assert_eq!((auth, api), (496, 248));
        let ConnectionLimits { auth, api, .. } = ConnectionLimits::from_descriptors(0);
        assert_eq!((auth, api), (1, 1));
        let ConnectionLimits { auth, api, admin } = ConnectionLimits::from_descriptors(usize::MAX);
        assert!(auth + api < admin && admin == Semaphore::MAX_PERMITS);
    }
}
