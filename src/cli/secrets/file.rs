//! A file that is never seen half written, nor by others.

use std::{
    fs::{self, File, Metadata, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::Path,
};

use tempfile::Builder;
use zeroize::Zeroizing;

/// Who may do what with it: its owner may read and write.
const MODE: u32 = 0o600;

/// What became of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has new contents.
    Written,
    /// It had these contents, and is as it was.
    Unchanged,
}

/// Lets a file have these contents and be its owner's alone. Readers see the old file or the new
/// one, whole, and so does whoever looks after a crash. If there was one, its owner stays.
pub(super) fn replace(path: &Path, contents: &[u8]) -> io::Result<Outcome> {
    let before = present(path)?;
    if let Some(before) = &before
        && has(path, before, contents)?
    {
        return Ok(Outcome::Unchanged);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // Only a rename within one file system is atomic.
    let mut file = Builder::new()
        .prefix(".")
        .suffix(".tmp")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder)?;
    if let Some(before) = &before {
        keep_owner(file.as_file(), before)?;
    }
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok(Outcome::Written)
}

/// What is there; an error if it is no plain file, which would not be one afterwards.
fn present(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
        Ok(metadata) if metadata.is_symlink() => {
            Err(io::Error::other("it is a symbolic link: name the file that it points to"))
        }
        Ok(_) => Err(io::Error::other("it is there, and is no file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the file is what it should be already.
fn has(path: &Path, before: &Metadata, contents: &[u8]) -> io::Result<bool> {
    let alike = before.mode() & 0o7777 == MODE && before.len() == contents.len() as u64;
    Ok(alike && *Zeroizing::new(fs::read(path)?) == contents)
}

fn keep_owner(file: &File, before: &Metadata) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) == (before.uid(), before.gid()) {
        return Ok(());
    }
    fchown(file, Some(before.uid()), Some(before.gid())).map_err(|error| {
        let (uid, gid) = (before.uid(), before.gid());
        io::Error::new(
            error.kind(),
            format!("it belongs to user {uid}, group {gid}, and cannot be given to them: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    };

    use super::{Outcome, replace};

    #[test]
    fn a_file_is_replaced_and_not_written_into() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("crm.env");
        assert_eq!(replace(&path, b"A=1\n").expect("written"), Outcome::Written);
        let first = fs::metadata(&path).expect("a file");
        assert_eq!(first.permissions().mode() & 0o7777, 0o600);
        let reader = fs::File::open(&path).expect("a reader");
        assert_eq!(replace(&path, b"A=1\n").expect("as it was"), Outcome::Unchanged);
        assert_eq!(replace(&path, b"A=2\n").expect("written"), Outcome::Written);
        assert_ne!(fs::metadata(&path).expect("a file").ino(), first.ino());
        assert_eq!(std::io::read_to_string(reader).expect("the old one"), "A=1\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
        assert_eq!(replace(&path, b"A=2\n").expect("its mode"), Outcome::Written);
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left");
    }

    #[test]
    fn what_is_no_plain_file_stays_what_it_is() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "before").expect("a file");
        symlink(&file, &link).expect("a link");
        let error = replace(&link, b"A=1\n").expect_err("a link");
        assert!(error.to_string().contains("name the file that it points to"), "{error}");
        assert!(replace(folder.path(), b"A=1\n").is_err());
        assert!(replace(&folder.path().join("missing/file"), b"A=1\n").is_err());
        assert_eq!(fs::read_to_string(&file).expect("a file"), "before");
    }
}
