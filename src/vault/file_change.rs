//! A file that somebody else replaces.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use tokio::time::sleep;

/// How often a token file is looked at.
const FILE_CHECK: Duration = Duration::from_secs(1);

/// What tells one state of a file from another.
pub(super) type Stamp = (u64, SystemTime);

/// Waits until the file is another than the one that was seen; for ever if there is none to wait
/// for. It is looked at rather than subscribed to, since that sees every way of replacing a file
/// on every file system.
pub(super) async fn file_change(file: Option<&Path>, seen: Option<Stamp>) {
    if file.is_none() {
        std::future::pending::<()>().await;
    }
    loop {
        sleep(FILE_CHECK).await;
        let now = stamp(file).await;
        if now.is_some() && now != seen {
            return;
        }
    }
}

/// The state that this file is in; `None` if it is not there.
pub(super) async fn stamp(file: Option<&Path>) -> Option<Stamp> {
    let metadata = tokio::fs::metadata(file?).await.ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}
