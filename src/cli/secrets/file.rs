//! A file that is never seen half written, nor by others.

use std::{
    ffi::OsStr,
    fs::{File, Permissions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::PathBuf,
};

use clap::Args;
use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat, open, openat, renameat, statat, unlinkat},
    io::Errno,
    process::{getegid, geteuid},
};
use zeroize::Zeroizing;

use super::owner::Owner;
use crate::provision::private_dir as folder;

/// Read and written by its owner, and by nobody else.
const MODE: u32 = 0o600;

/// A file that secrets are written to.
#[derive(Args)]
pub(super) struct Target {
    /// The file.
    #[arg(long)]
    pub(super) file: PathBuf,
    /// The user that the file is given to, by name or number; only root can do that. The folder may
    /// then be that user's.
    #[arg(long, value_name = "USER[:GROUP]")]
    owner: Option<Owner>,
    /// Write into a folder in which other users may replace the file by another, such as
    /// Kubernetes's emptyDir. A file that is theirs is refused all the same.
    #[arg(long)]
    allow_shared_folder: bool,
}

/// The outcome of [`Target::replace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has new contents.
    Written,
    /// It had these contents, and is as it was.
    Unchanged,
}

/// The user and the group of a file.
type Ids = (u32, u32);

impl Target {
    /// Lets the file have these contents and be its owner's alone. Readers see the old file or the
    /// new one, whole, and so does whoever looks after a crash.
    ///
    /// # Errors
    /// Says why nothing was changed. An error that lasts has the same text each time.
    pub(super) fn replace(&self, contents: &[u8]) -> io::Result<Outcome> {
        let name = self.file.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
        let path = folder::of(&self.file);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = File::from(open(&path, flags, Mode::empty())?);
        if !self.allow_shared_folder {
            folder::check(&path, self.owner.map(|owner| owner.uid)).map_err(|error| {
                let hint = "name another, or allow it with --allow-shared-folder";
                io::Error::new(error.kind(), format!("{error}; {hint}"))
            })?;
        }
        let before = present(&folder, name)?;
        let owner = match &before {
            Some(before) => self.owner_after(before, &folder)?,
            None => self.wanted(),
        };
        if let Some(before) = &before
            && has(&folder, name, before, owner, contents)?
        {
            return Ok(Outcome::Unchanged);
        }
        let mut new = Unfinished::create(&folder)?;
        new.file.write_all(contents)?;
        give(&new.file, owner)?;
        new.file.sync_all()?;
        new.put_in_place(name)?;
        folder.sync_all()?;
        Ok(Outcome::Written)
    }

    /// Whose a file becomes that was not there.
    fn wanted(&self) -> Ids {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        self.owner.map_or((uid, gid), |owner| (owner.uid, owner.gid.unwrap_or(gid)))
    }

    /// Whose a file stays or becomes. Another's is refused where others can have put it.
    fn owner_after(&self, before: &Stat, folder: &File) -> io::Result<Ids> {
        let (wanted, ids) = (self.wanted(), (before.st_uid, before.st_gid));
        if ids.0 == wanted.0 {
            return Ok(if self.owner.is_some() { wanted } else { ids });
        }
        if !folder::is_private(folder, &folder::of(&self.file))? {
            return Err(io::Error::other(format!(
                "it belongs to user {}, and other users can have put it there: remove it{}",
                ids.0,
                if self.owner.is_some() { "" } else { ", or name its owner with --owner" }
            )));
        }
        Ok(if self.owner.is_some() { wanted } else { ids })
    }
}

/// A new file beside the one that it is to replace. Removed unless it was put in its place.
struct Unfinished<'a> {
    folder: &'a File,
    name: String,
    file: File,
}

impl<'a> Unfinished<'a> {
    fn create(folder: &'a File) -> io::Result<Self> {
        // Only a rename within one folder is atomic in each file system.
        let name = format!(".{:032x}.tmp", rand::random::<u128>());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(folder, &name, flags | OFlags::NOFOLLOW, Mode::from_raw_mode(MODE))?;
        let new = Self { folder, name, file: File::from(file) };
        new.file.set_permissions(Permissions::from_mode(MODE))?;
        Ok(new)
    }

    fn put_in_place(self, name: &OsStr) -> io::Result<()> {
        renameat(self.folder, &self.name, self.folder, name).map_err(|error| match error {
            Errno::BUSY => io::Error::new(
                ErrorKind::ResourceBusy,
                "it is a mount point, and cannot be replaced: mount the folder that it is in",
            ),
            error => error.into(),
        })
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // After the rename there is none of this name any more.
        let _ = unlinkat(self.folder, &self.name, AtFlags::empty());
    }
}

/// Looks at the file that is there; an error if it is no plain file, which would not be one afterwards.
fn present(folder: &File, name: &OsStr) -> io::Result<Option<Stat>> {
    let found = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Ok(Some(found)),
        FileType::Symlink => {
            Err(io::Error::other("it is a symbolic link: name the file that it points to"))
        }
        _ => Err(io::Error::other("it is there, and is no file")),
    }
}

/// Returns true if the file is what it should be already.
fn has(
    folder: &File,
    name: &OsStr,
    before: &Stat,
    owner: Ids,
    contents: &[u8],
) -> io::Result<bool> {
    let alike = before.st_mode & 0o7777 == MODE
        && (before.st_uid, before.st_gid) == owner
        && u64::try_from(before.st_size) == Ok(contents.len() as u64);
    if !alike {
        return Ok(false);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(folder, name, flags, Mode::empty())?);
    let mut found = Zeroizing::new(Vec::with_capacity(contents.len()));
    file.take(contents.len() as u64).read_to_end(&mut found)?;
    Ok(*found == contents)
}

fn give(file: &File, (uid, gid): Ids) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) == (uid, gid) {
        return Ok(());
    }
    fchown(file, Some(uid), Some(gid)).map_err(|error| {
        let why = format!("it cannot be given to user {uid}, group {gid}: {error}");
        io::Error::new(error.kind(), why)
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt, symlink},
        path::Path,
        process::Command,
    };

    use super::{Outcome, Target};

    fn target(file: &Path) -> Target {
        Target { file: file.to_owned(), owner: None, allow_shared_folder: false }
    }

    #[test]
    fn a_file_is_replaced_and_not_written_into() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("crm.env");
        let target = target(&path);
        assert_eq!(target.replace(b"A=1\n").expect("written"), Outcome::Written);
        let first = fs::metadata(&path).expect("a file");
        assert_eq!(first.permissions().mode() & 0o7777, 0o600);
        let reader = fs::File::open(&path).expect("a reader");
        assert_eq!(target.replace(b"A=1\n").expect("as it was"), Outcome::Unchanged);
        assert_eq!(target.replace(b"A=2\n").expect("written"), Outcome::Written);
        assert_ne!(fs::metadata(&path).expect("a file").ino(), first.ino());
        assert_eq!(std::io::read_to_string(reader).expect("the old one"), "A=1\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
        assert_eq!(target.replace(b"A=2\n").expect("its mode"), Outcome::Written);
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left");
    }

    #[test]
    fn what_is_no_plain_file_stays_what_it_is() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        let pipe = folder.path().join("pipe");
        fs::write(&file, "before").expect("a file");
        symlink(&file, &link).expect("a link");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let error = target(&link).replace(b"A=1\n").expect_err("a link");
        assert!(error.to_string().contains("name the file that it points to"), "{error}");
        for path in [folder.path(), &pipe, &folder.path().join("missing/file"), Path::new("/")] {
            assert!(target(path).replace(b"A=1\n").is_err(), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(&file).expect("a file"), "before");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 3, "nothing is left");
    }
}
