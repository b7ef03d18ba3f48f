use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use clap::Args;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::cli::folder;

/// How much room a file takes before it is filled: more than all that is ever put into one.
const ROOM: usize = 16 * 1024;

/// For the owner alone.
const MODE: u32 = 0o600;

/// Where credentials are written to.
#[derive(Args, Clone)]
pub(super) struct Credentials {
    /// The folder that credentials are written to, for your eyes alone; made if it is not there. No
    /// file in it is ever overwritten.
    #[arg(long = "credentials", value_name = "DIR", default_value = "credentials")]
    dir: PathBuf,
}

/// How a file is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Not at all.
    Absent,
    /// Made by somebody who was stopped before there was anything to put into it.
    Blank,
    /// With something in it.
    Written,
}

/// A file that waits, with room on the disk, for what is put into it, and is nobody else's until
/// then.
pub(super) struct Reserved {
    path: PathBuf,
    file: File,
}

impl Credentials {
    /// Where the file of this name is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// How the file of this name is found.
    pub(super) fn look(&self, name: &str) -> Result<Content, String> {
        Ok(match self.text(name)? {
            None => Content::Absent,
            Some(text) if text.trim().is_empty() => Content::Blank,
            Some(_) => Content::Written,
        })
    }

    /// What is in the file of this name; `None` if there is nothing in it.
    pub(super) fn read(&self, name: &str) -> Result<Option<SecretString>, String> {
        let text = self.text(name)?;
        let text = text.as_ref().map(|text| text.trim()).filter(|text| !text.is_empty());
        Ok(text.map(SecretString::from))
    }

    /// Makes the file of this name, or takes up one that is blank.
    pub(super) fn reserve(&self, name: &str) -> Result<Reserved, String> {
        let path = self.path(name);
        let cannot = |why: &dyn fmt::Display| format!("cannot write {}: {why}", path.display());
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)
            .map_err(|error| cannot(&error))?;
        folder::check(&self.dir, None)
            .map_err(|error| cannot(&format!("{error}; name another folder with --credentials")))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(MODE);
        let mut file = match options.clone().create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => match self.look(name)? {
                Content::Blank => {
                    let file = options.open(&path).map_err(|error| cannot(&error))?;
                    check_private(&file).map_err(|error| cannot(&error))?;
                    file
                }
                _ => return Err(taken(&path)),
            },
            Err(error) => return Err(cannot(&error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(cannot(&"another run of this program is about to"));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(&error)),
        }
        // Whoever held the lock before may have filled it.
        if self.look(name)? == Content::Written {
            return Err(taken(&path));
        }
        file.set_permissions(Permissions::from_mode(MODE))
            .and_then(|()| file.write_all(&[b' '; ROOM]))
            .and_then(|()| file.sync_all())
            .and_then(|()| File::open(&self.dir)?.sync_all())
            .map_err(|error| cannot(&error))?;
        Ok(Reserved { path, file })
    }

    fn text(&self, name: &str) -> Result<Option<Zeroizing<String>>, String> {
        let path = self.path(name);
        let cannot = |why: &dyn fmt::Display| format!("cannot read {}: {why}", path.display());
        match fs::symlink_metadata(&path) {
            Ok(metadata) if !metadata.is_file() => return Err(cannot(&"it is no file")),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot(&error)),
        }
        let mut text = Zeroizing::new(String::new());
        let read = File::open(&path).and_then(|mut file| file.read_to_string(&mut text));
        read.map(|_| Some(text)).map_err(|error| cannot(&error))
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dir.display().fmt(f)
    }
}

/// Refuses a blank file that somebody else made, or that somebody else may have opened to read it once
/// it is filled.
fn check_private(file: &File) -> io::Result<()> {
    let found = file.metadata()?;
    if !folder::is_trusted(found.uid()) {
        let uid = found.uid();
        return Err(io::Error::other(format!("it belongs to user {uid}: remove it")));
    }
    if found.mode() & 0o077 != 0 {
        let mode = found.mode() & 0o7777;
        return Err(io::Error::other(format!("others may use it (mode {mode:04o}): remove it")));
    }
    Ok(())
}

/// That a file is not overwritten.
pub(super) fn taken(path: &Path) -> String {
    format!(
        "{} is there and would be overwritten: move it away, or name another folder with \
         --credentials",
        path.display()
    )
}

impl Reserved {
    /// Puts this into it, and a line break.
    pub(super) fn fill(mut self, text: &str) -> Result<(), String> {
        let text = Zeroizing::new(format!("{text}\n"));
        let written = self.file.rewind().and_then(|()| self.file.write_all(text.as_bytes()));
        // What is left of the room is blank, and whoever reads it is none the wiser.
        written
            .and_then(|()| self.file.set_len(text.len() as u64))
            .and_then(|()| self.file.sync_all())
            .map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, chown},
    };

    use secrecy::ExposeSecret;

    use super::{Content, Credentials};

    fn folder() -> (tempfile::TempDir, Credentials) {
        let dir = tempfile::tempdir().expect("a folder");
        let credentials = Credentials { dir: dir.path().join("new/credentials") };
        (dir, credentials)
    }

    #[test]
    fn a_file_is_for_its_owner_alone_and_holds_what_was_put_into_it() {
        let (_dir, credentials) = folder();
        credentials.reserve("a").and_then(|file| file.fill("secret")).expect("it is written");
        let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(credentials.path("a")), mode(credentials.dir.clone())), (0o600, 0o700));
        assert_eq!(fs::read_to_string(credentials.path("a")).expect("text"), "secret\n");
        let read = credentials.read("a").expect("it can be read");
        assert_eq!(read.expect("something").expose_secret(), "secret");
    }

    #[test]
    fn what_is_written_is_never_overwritten() {
        let (_dir, credentials) = folder();
        credentials.reserve("a").and_then(|file| file.fill("secret")).expect("it is written");
        assert!(credentials.reserve("a").is_err());
        assert_eq!(fs::read_to_string(credentials.path("a")).expect("text"), "secret\n");
    }

    #[test]
    fn blank_file_is_taken_up_unless_others_may_read_it() {
        let (_dir, credentials) = folder();
        drop(credentials.reserve("a").expect("a reservation"));
        assert_eq!(credentials.look("a"), Ok(Content::Blank));
        assert_eq!(credentials.look("b"), Ok(Content::Absent));
        fs::set_permissions(credentials.path("a"), fs::Permissions::from_mode(0o644)).expect("ok");
        let refused = credentials.reserve("a").err().expect("others may have opened it");
        assert!(refused.contains("others may use it (mode 0644): remove it"), "{refused}");
        assert_eq!(credentials.look("a"), Ok(Content::Blank));
        fs::set_permissions(credentials.path("a"), fs::Permissions::from_mode(0o600)).expect("ok");
        credentials.reserve("a").and_then(|file| file.fill("secret")).expect("it is written");
        assert_eq!(credentials.look("a"), Ok(Content::Written));
    }

    #[test]
    fn a_blank_file_or_a_folder_of_somebody_else_is_refused() {
        let (_dir, credentials) = folder();
        drop(credentials.reserve("a").expect("a reservation"));
        fs::set_permissions(&credentials.dir, fs::Permissions::from_mode(0o777)).expect("ok");
        let refused = credentials.reserve("b").err().expect("everybody's folder");
        assert!(refused.contains("everybody may write to the folder"), "{refused}");
        assert_eq!(credentials.look("b"), Ok(Content::Absent));
        fs::set_permissions(&credentials.dir, fs::Permissions::from_mode(0o1777)).expect("ok");
        if chown(credentials.path("a"), Some(12345), None).is_err() {
            eprintln!("skipped: giving files away needs root");
            return;
        }
        let refused = credentials.reserve("a").err().expect("somebody's file");
        assert!(refused.contains("it belongs to user 12345"), "{refused}");
        chown(&credentials.dir, Some(12345), None).expect("root");
        let refused = credentials.reserve("b").err().expect("somebody's folder");
        assert!(refused.contains("belongs to user 12345, who may replace"), "{refused}");
    }

    #[test]
    fn a_reservation_is_held_by_one_at_a_time() {
        let (_dir, credentials) = folder();
        let held = credentials.reserve("a").expect("a reservation");
        assert!(credentials.reserve("a").is_err());
        held.fill("secret").expect("it is written");
        assert_eq!(credentials.look("a"), Ok(Content::Written));
    }

    #[test]
    fn neither_a_link_nor_a_folder_is_written_through() {
        let (dir, credentials) = folder();
        drop(credentials.reserve("a").expect("a reservation"));
        fs::write(dir.path().join("other"), "").expect("a file");
        let link = credentials.path("link");
        std::os::unix::fs::symlink(dir.path().join("other"), link).expect("a link");
        fs::create_dir(credentials.path("folder")).expect("a folder");
        for name in ["link", "folder"] {
            assert!(credentials.reserve(name).is_err(), "{name}");
            assert!(credentials.read(name).is_err(), "{name}");
        }
        assert_eq!(fs::read_to_string(dir.path().join("other")).expect("text"), "");
    }
}
