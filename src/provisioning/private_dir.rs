//! Directories in which no other user can create or replace a file.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf, absolute},
};

use rustix::process::{getegid, geteuid};

/// The mode bits of `stat(2)` that decide who may create and replace files in a directory.
const STICKY: u32 = 0o1000;
const GROUP_WRITE: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

const ROOT_UID: u32 = 0;
const ROOT_GID: u32 = 0;

/// Checks that no other user can replace a file of this process in the directory.
///
/// The directory and each of its parents must be owned by root, by this process's user or by
/// `also_trusted`, and must not be writable by other users unless the sticky bit is set. Symbolic
/// links on the path must be owned by root or by this process's user. Group write permission is
/// accepted for root's group and for this process's own.
///
/// # Errors
/// Names the directory or link, and the reason; also the errors of `stat(2)`.
pub fn check(directory: &Path, also_trusted: Option<u32>) -> io::Result<()> {
    let given = absolute(directory)?;
    for part in given.ancestors() {
        let link = fs::symlink_metadata(part)?;
        if link.is_symlink() {
            check_owner(part, &link, None)?;
        }
    }
    let real = fs::canonicalize(directory)?;
    for part in given.ancestors().chain(real.ancestors()) {
        let metadata = fs::metadata(part)?;
        check_owner(part, &metadata, also_trusted)?;
        if let Some(writers) = other_writers(&metadata)
            && metadata.mode() & STICKY == 0
        {
            let (part, mode) = (part.display(), metadata.mode() & 0o7777);
            return Err(io::Error::other(format!(
                "{writers} may write to the directory {part} (mode {mode:04o}), and so replace \
                 files in it"
            )));
        }
    }
    Ok(())
}

/// Returns true if only root and this process's user can have created the files in the directory
/// that was opened at this path.
///
/// # Errors
/// Those of `stat(2)`.
pub fn is_private(opened: &File, path: &Path) -> io::Result<bool> {
    let is_safe = check(path, None).is_ok();
    let (opened, current) = (opened.metadata()?, fs::metadata(path)?);
    // While the path was not safe, another directory may have replaced the one that was opened.
    let was_kept = (opened.dev(), opened.ino()) == (current.dev(), current.ino());
    Ok(is_safe && was_kept && other_writers(&opened).is_none())
}

/// Returns true if this is the id of root or of this process's user.
pub(super) fn is_trusted_uid(uid: u32) -> bool {
    uid == ROOT_UID || uid == geteuid().as_raw()
}

fn check_owner(part: &Path, metadata: &Metadata, also_trusted: Option<u32>) -> io::Result<()> {
    if is_trusted_uid(metadata.uid()) || Some(metadata.uid()) == also_trusted {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{} belongs to user {}, who may replace files in it",
        part.display(),
        metadata.uid()
    )))
}

/// Returns the users besides owner, root and own group that may write to the directory, for a
/// message.
fn other_writers(metadata: &Metadata) -> Option<&'static str> {
    let own_group = metadata.gid() == ROOT_GID || metadata.gid() == getegid().as_raw();
    if metadata.mode() & OTHERS_WRITE != 0 {
        Some("every user")
    } else if metadata.mode() & GROUP_WRITE != 0 && !own_group {
        Some("its group")
    } else {
        None
    }
}

/// Returns the directory that contains a file; `.` for a bare file name.
#[must_use]
pub fn parent_dir(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}
