//! Folders into which nobody else may put a file, or put another in its place.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf, absolute},
};

use rustix::process::{getegid, geteuid};

const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const ROOT: u32 = 0;

/// Refuses a folder in which another user may put another file in place of one of ours: one that
/// belongs to somebody who is neither root nor this process's user nor `also`, or that others may
/// write to without the sticky bit; likewise the folders that it is in, and symbolic links there.
///
/// A group may write to it if it is root's or this process's own.
///
/// # Errors
/// Says which folder, and why.
pub(super) fn check(folder: &Path, also: Option<u32>) -> io::Result<()> {
    let named = absolute(folder)?;
    for part in named.ancestors() {
        let link = fs::symlink_metadata(part)?;
        if link.is_symlink() {
            check_owner(part, &link, None)?;
        }
    }
    let real = fs::canonicalize(folder)?;
    for part in named.ancestors().chain(real.ancestors()) {
        let found = fs::metadata(part)?;
        check_owner(part, &found, also)?;
        if let Some(who) = others_who_write(&found)
            && found.mode() & STICKY == 0
        {
            let (part, mode) = (part.display(), found.mode() & 0o7777);
            return Err(io::Error::other(format!(
                "{who} may write to the folder {part} (mode {mode:04o}), and so replace files in it"
            )));
        }
    }
    Ok(())
}

/// Returns true if nobody but root and this process's user can have put a file into this folder,
/// which was opened by this path.
///
/// # Errors
/// Those of `stat(2)`.
pub(super) fn is_private(opened: &File, path: &Path) -> io::Result<bool> {
    let is_safe = check(path, None).is_ok();
    let (opened, found) = (opened.metadata()?, fs::metadata(path)?);
    // Another may have been put in its place since, as long as that was possible.
    let is_still_there = (opened.dev(), opened.ino()) == (found.dev(), found.ino());
    Ok(is_safe && is_still_there && others_who_write(&opened).is_none())
}

/// Returns true if this is root's or this process's user's id.
pub(super) fn is_trusted(uid: u32) -> bool {
    uid == ROOT || uid == geteuid().as_raw()
}

fn check_owner(part: &Path, found: &Metadata, also: Option<u32>) -> io::Result<()> {
    if is_trusted(found.uid()) || Some(found.uid()) == also {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{} belongs to user {}, who may replace files in it",
        part.display(),
        found.uid()
    )))
}

fn others_who_write(found: &Metadata) -> Option<&'static str> {
    let own_group = found.gid() == ROOT || found.gid() == getegid().as_raw();
    if found.mode() & OTHERS_WRITE != 0 {
        Some("everybody")
    } else if found.mode() & GROUP_WRITES != 0 && !own_group {
        Some("its group")
    } else {
        None
    }
}

/// Returns the folder that a file is in.
pub(super) fn of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}
