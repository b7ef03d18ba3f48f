//! Detection of a replaced credential file.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use tokio::time::sleep;

/// The interval between two checks of a credential file.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The size and the modification time of a file, which tell one version of it from another.
pub(super) type FileVersion = (u64, SystemTime);

/// Waits until the file exists in a version other than `seen`; for ever if there is no file to wait
/// for. Polls the file, since that detects every way of replacing it on every file system.
pub(super) async fn wait_for_change(file: Option<&Path>, seen: Option<FileVersion>) {
    if file.is_none() {
        std::future::pending::<()>().await;
    }
    loop {
        sleep(POLL_INTERVAL).await;
        let current = file_version(file).await;
        if current.is_some() && current != seen {
            return;
        }
    }
}

/// Returns the version of this file; `None` if it does not exist.
pub(super) async fn file_version(file: Option<&Path>) -> Option<FileVersion> {
    let metadata = tokio::fs::metadata(file?).await.ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}
