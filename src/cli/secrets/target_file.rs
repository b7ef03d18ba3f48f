//! A file that is replaced atomically and is readable by its owner only.

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

use crate::{cli::secrets::owner::FileOwner, provisioning::private_dir};

/// Readable and writable by the owner only.
const MODE: u32 = 0o600;

/// A file that secrets are written to.
#[derive(Args)]
pub(super) struct TargetFile {
    /// The file to write.
    #[arg(long)]
    pub(super) file: PathBuf,
    /// The owner to give the file to, by name or id; needs root. The folder may then belong to that
    /// user.
    #[arg(long, value_name = "USER[:GROUP]")]
    owner: Option<FileOwner>,
    /// Allow a folder in which other users can replace the file, such as Kubernetes's emptyDir. An
    /// existing file of another user is rejected even so.
    #[arg(long)]
    allow_shared_folder: bool,
}

/// The outcome of [`TargetFile::replace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteOutcome {
    /// The file was replaced.
    Written,
    /// The file had the right contents, mode and owner, and was not touched.
    Unchanged,
}

/// The user id and group id of a file.
type OwnerIds = (u32, u32);

impl TargetFile {
    /// Replaces the file atomically by one with these contents that only its owner can read.
    /// Readers see either the old file or the new one, also after a crash.
    ///
    /// # Errors
    /// The reason; nothing was changed then. A persistent error has the same text each time.
    pub(super) fn replace(&self, contents: &[u8]) -> io::Result<WriteOutcome> {
        let name =
            self.file.file_name().ok_or_else(|| io::Error::other("the path has no file name"))?;
        let path = private_dir::parent_dir(&self.file);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = File::from(open(&path, flags, Mode::empty())?);
        if !self.allow_shared_folder {
            private_dir::check(&path, self.owner.map(|owner| owner.uid)).map_err(|error| {
                let hint = "use another folder, or allow it with --allow-shared-folder";
                io::Error::new(error.kind(), format!("{error}; {hint}"))
            })?;
        }
        let existing = existing_file(&folder, name)?;
        let owner = match &existing {
            Some(existing) => self.resulting_owner(existing, &folder)?,
            None => self.requested_owner(),
        };
        if let Some(existing) = &existing
            && is_up_to_date(&folder, name, existing, owner, contents)?
        {
            return Ok(WriteOutcome::Unchanged);
        }
        let mut new = TempFile::create(&folder)?;
        new.file.write_all(contents)?;
        set_owner(&new.file, owner)?;
        new.file.sync_all()?;
        new.rename_to(name)?;
        folder.sync_all()?;
        Ok(WriteOutcome::Written)
    }

    /// Returns the owner of a new file: `--owner`, else this process's user and group.
    fn requested_owner(&self) -> OwnerIds {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        self.owner.map_or((uid, gid), |owner| (owner.uid, owner.gid.unwrap_or(gid)))
    }

    /// Returns the owner of a file that replaces an existing one. Rejects a file of another user if
    /// other users can have created it.
    fn resulting_owner(&self, existing: &Stat, folder: &File) -> io::Result<OwnerIds> {
        let (requested, ids) = (self.requested_owner(), (existing.st_uid, existing.st_gid));
        if ids.0 == requested.0 {
            return Ok(if self.owner.is_some() { requested } else { ids });
        }
        if !private_dir::is_private(folder, &private_dir::parent_dir(&self.file))? {
            return Err(io::Error::other(format!(
                "the file belongs to user {}, and other users can have created it: remove it{}",
                ids.0,
                if self.owner.is_some() { "" } else { ", or set its owner with --owner" }
            )));
        }
        Ok(if self.owner.is_some() { requested } else { ids })
    }
}

/// A temporary file in the folder of the file that it will replace. Removed on drop unless it was
/// renamed.
struct TempFile<'a> {
    folder: &'a File,
    name: String,
    file: File,
}

impl<'a> TempFile<'a> {
    fn create(folder: &'a File) -> io::Result<Self> {
        // Only a rename within one folder is atomic in each file system.
        let name = format!(".{:032x}.tmp", rand::random::<u128>());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(folder, &name, flags | OFlags::NOFOLLOW, Mode::from_raw_mode(MODE))?;
        let new = Self { folder, name, file: File::from(file) };
        new.file.set_permissions(Permissions::from_mode(MODE))?;
        Ok(new)
    }

    fn rename_to(self, name: &OsStr) -> io::Result<()> {
        renameat(self.folder, &self.name, self.folder, name).map_err(|error| match error {
            Errno::BUSY => io::Error::new(
                ErrorKind::ResourceBusy,
                "the file is a mount point and cannot be replaced: mount its folder instead",
            ),
            error => error.into(),
        })
    }
}

impl Drop for TempFile<'_> {
    fn drop(&mut self) {
        // After the rename no file has this name.
        let _ = unlinkat(self.folder, &self.name, AtFlags::empty());
    }
}

/// Returns the metadata of the existing file, if there is one.
///
/// # Errors
/// The file is not a regular file: the replacement would be one.
fn existing_file(folder: &File, name: &OsStr) -> io::Result<Option<Stat>> {
    let found = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Ok(Some(found)),
        FileType::Symlink => {
            Err(io::Error::other("the file is a symbolic link: use the path of its target"))
        }
        _ => Err(io::Error::other("the path exists and is not a regular file")),
    }
}

/// Returns true if the file has this owner, these contents and the right mode already.
fn is_up_to_date(
    folder: &File,
    name: &OsStr,
    existing: &Stat,
    owner: OwnerIds,
    contents: &[u8],
) -> io::Result<bool> {
    let is_alike = existing.st_mode & 0o7777 == MODE
        && (existing.st_uid, existing.st_gid) == owner
        && u64::try_from(existing.st_size) == Ok(contents.len() as u64);
    if !is_alike {
        return Ok(false);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(folder, name, flags, Mode::empty())?);
    let mut found = Zeroizing::new(Vec::with_capacity(contents.len()));
    file.take(contents.len() as u64).read_to_end(&mut found)?;
    Ok(*found == contents)
}

fn set_owner(file: &File, (uid, gid): OwnerIds) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) == (uid, gid) {
        return Ok(());
    }
    fchown(file, Some(uid), Some(gid)).map_err(|error| {
        let why = format!("cannot change the owner to user {uid}, group {gid}: {error}");
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

    use super::{TargetFile, WriteOutcome};

    fn target(file: &Path) -> TargetFile {
        TargetFile { file: file.to_owned(), owner: None, allow_shared_folder: false }
    }

    #[test]
    fn replace_creates_a_new_inode() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("crm.env");
        let target = target(&path);
        assert_eq!(target.replace(b"A=1\n").expect("written"), WriteOutcome::Written);
        let first = fs::metadata(&path).expect("a file");
        assert_eq!(first.permissions().mode() & 0o7777, 0o600);
        let reader = fs::File::open(&path).expect("a reader");
        assert_eq!(target.replace(b"A=1\n").expect("as it was"), WriteOutcome::Unchanged);
        assert_eq!(target.replace(b"A=2\n").expect("written"), WriteOutcome::Written);
        assert_ne!(fs::metadata(&path).expect("a file").ino(), first.ino());
        assert_eq!(std::io::read_to_string(reader).expect("the old one"), "A=1\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
        assert_eq!(target.replace(b"A=2\n").expect("its mode"), WriteOutcome::Written);
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left");
    }

    #[test]
    fn special_files_are_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        let pipe = folder.path().join("pipe");
        fs::write(&file, "before").expect("a file");
        symlink(&file, &link).expect("a link");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let error = target(&link).replace(b"A=1\n").expect_err("a link");
        assert!(error.to_string().contains("use the path of its target"), "{error}");
        for path in [folder.path(), &pipe, &folder.path().join("missing/file"), Path::new("/")] {
            assert!(target(path).replace(b"A=1\n").is_err(), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(&file).expect("a file"), "before");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 3, "nothing is left");
    }
}
