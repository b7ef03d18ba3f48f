//! Credential files: readable by their owner only, and never overwritten.

use std::{
    ffi::OsString,
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{ProvisionError, private_dir};

/// The number of bytes that a file occupies until its content is written: more than the content of
/// any credential file.
const RESERVED_BYTES: usize = 16 * 1024;

/// The mode of a file: readable and writable by its owner only.
const FILE_MODE: u32 = 0o600;

/// The mode of a directory that is created.
const DIR_MODE: u32 = 0o700;

/// The directory that credential files are written to.
#[derive(Clone, Debug)]
pub struct CredentialDir {
    path: PathBuf,
}

/// The content of a credential file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// The file does not exist.
    Absent,
    /// White space only: the run that created the file ended before it had the credential.
    Blank,
    /// Anything else.
    Written,
}

/// A preallocated, locked file that a credential will be written to.
pub struct ReservedFile {
    path: PathBuf,
    file: File,
}

impl CredentialDir {
    /// Returns the path of the file with this name.
    #[must_use]
    pub fn file_path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the state of the file with this name.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn content(&self, name: &str) -> Result<FileContent, ProvisionError> {
        Ok(match self.text(name)? {
            None => FileContent::Absent,
            Some(text) if text.trim().is_empty() => FileContent::Blank,
            Some(_) => FileContent::Written,
        })
    }

    /// Returns the trimmed content of the file with this name; `None` if it is absent or blank.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<SecretString>, ProvisionError> {
        let text = self.text(name)?;
        let text = text.as_ref().map(|text| text.trim()).filter(|text| !text.is_empty());
        Ok(text.map(SecretString::from))
    }

    /// Creates the file with this name, or reuses a blank one, and locks it.
    ///
    /// # Errors
    /// Fails if the file has content, another process has locked it, the directory or the
    /// blank file is accessible to other users, or writing fails.
    pub fn reserve(&self, name: &str) -> Result<ReservedFile, ProvisionError> {
        let path = self.file_path(name);
        let cannot = |why: &dyn fmt::Display| cannot_write(&path, why);
        DirBuilder::new()
            .recursive(true)
            .mode(DIR_MODE)
            .create(&self.path)
            .map_err(|error| cannot(&error))?;
        private_dir::check(&self.path, None).map_err(|error| {
            cannot(&format!("{error}; choose another directory with --credentials"))
        })?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(FILE_MODE);
        let mut file = match options.clone().create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => match self.content(name)? {
                FileContent::Blank => {
                    let file = options.open(&path).map_err(|error| cannot(&error))?;
                    check_private(&file).map_err(|error| cannot(&error))?;
                    file
                }
                _ => return Err(already_exists(&path)),
            },
            Err(error) => return Err(cannot(&error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(cannot(&"another run of this program has reserved the file"));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(&error)),
        }
        // The previous holder of the lock may have written it.
        if self.content(name)? == FileContent::Written {
            return Err(already_exists(&path));
        }
        file.set_permissions(Permissions::from_mode(FILE_MODE))
            .and_then(|()| file.write_all(&[b' '; RESERVED_BYTES]))
            .and_then(|()| file.sync_all())
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|error| cannot(&error))?;
        Ok(ReservedFile { path, file })
    }

    fn text(&self, name: &str) -> Result<Option<Zeroizing<String>>, ProvisionError> {
        let path = self.file_path(name);
        let cannot = |why: &dyn fmt::Display| {
            ProvisionError(format!("cannot read {}: {why}", path.display()))
        };
        match fs::symlink_metadata(&path) {
            Ok(metadata) if !metadata.is_file() => return Err(cannot(&"it is not a regular file")),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot(&error)),
        }
        let mut text = Zeroizing::new(String::new());
        let read = File::open(&path).and_then(|mut file| file.read_to_string(&mut text));
        read.map(|_| Some(text)).map_err(|error| cannot(&error))
    }
}

impl From<OsString> for CredentialDir {
    fn from(path: OsString) -> Self {
        Self { path: path.into() }
    }
}

impl fmt::Display for CredentialDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl ReservedFile {
    /// Writes the text and a line break.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn write(mut self, text: &str) -> Result<(), ProvisionError> {
        let text = Zeroizing::new(format!("{text}\n"));
        let written = self.file.rewind().and_then(|()| self.file.write_all(text.as_bytes()));
        // Readers trim the file, so that the blanks after the text do no harm until it is truncated.
        written
            .and_then(|()| self.file.set_len(text.len() as u64))
            .and_then(|()| self.file.sync_all())
            .map_err(|error| cannot_write(&self.path, &error))
    }
}

/// Rejects a blank file that another user owns, or may have opened to read the credential later.
fn check_private(file: &File) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !private_dir::is_trusted_uid(metadata.uid()) {
        let uid = metadata.uid();
        return Err(io::Error::other(format!("it belongs to user {uid}: remove it")));
    }
    if metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o7777;
        return Err(io::Error::other(format!(
            "other users may access it (mode {mode:04o}): remove it"
        )));
    }
    Ok(())
}

fn cannot_write(path: &Path, why: &dyn fmt::Display) -> ProvisionError {
    ProvisionError(format!("cannot write {}: {why}", path.display()))
}

/// Returns the error for a file that would be overwritten.
pub(crate) fn already_exists(path: &Path) -> ProvisionError {
    ProvisionError(format!(
        "{} exists and would be overwritten: move it away, or choose another directory with \
         --credentials",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, chown},
    };

    use secrecy::ExposeSecret;

    use super::{CredentialDir, FileContent};

    fn new_dir() -> (tempfile::TempDir, CredentialDir) {
        let parent = tempfile::tempdir().expect("a directory");
        let credentials = CredentialDir { path: parent.path().join("new/credentials") };
        (parent, credentials)
    }

    #[test]
    fn written_file_has_mode_0600() {
        let (_parent, credentials) = new_dir();
        credentials.reserve("a").and_then(|file| file.write("secret")).expect("it is written");
        let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(
            (mode(credentials.file_path("a")), mode(credentials.path.clone())),
            (0o600, 0o700)
        );
        assert_eq!(fs::read_to_string(credentials.file_path("a")).expect("text"), "secret\n");
        let read = credentials.read("a").expect("it can be read");
        assert_eq!(read.expect("something").expose_secret(), "secret");
    }

    #[test]
    fn written_file_is_not_overwritten() {
        let (_parent, credentials) = new_dir();
        credentials.reserve("a").and_then(|file| file.write("secret")).expect("it is written");
        assert!(credentials.reserve("a").is_err());
        assert_eq!(fs::read_to_string(credentials.file_path("a")).expect("text"), "secret\n");
    }

    #[test]
    fn blank_private_file_is_reused() {
        let (_parent, credentials) = new_dir();
        drop(credentials.reserve("a").expect("a reservation"));
        assert_eq!(credentials.content("a"), Ok(FileContent::Blank));
        assert_eq!(credentials.content("b"), Ok(FileContent::Absent));
        fs::set_permissions(credentials.file_path("a"), fs::Permissions::from_mode(0o644))
            .expect("ok");
        let error = credentials.reserve("a").err().expect("mode 0644").to_string();
        assert!(error.contains("other users may access it (mode 0644): remove it"), "{error}");
        assert_eq!(credentials.content("a"), Ok(FileContent::Blank));
        fs::set_permissions(credentials.file_path("a"), fs::Permissions::from_mode(0o600))
            .expect("ok");
        credentials.reserve("a").and_then(|file| file.write("secret")).expect("it is written");
        assert_eq!(credentials.content("a"), Ok(FileContent::Written));
    }

    #[test]
    fn foreign_file_or_directory_is_rejected() {
        let (_parent, credentials) = new_dir();
        drop(credentials.reserve("a").expect("a reservation"));
        fs::set_permissions(&credentials.path, fs::Permissions::from_mode(0o777)).expect("ok");
        let error = credentials.reserve("b").err().expect("mode 0777").to_string();
        assert!(error.contains("every user may write to the directory"), "{error}");
        assert_eq!(credentials.content("b"), Ok(FileContent::Absent));
        fs::set_permissions(&credentials.path, fs::Permissions::from_mode(0o1777)).expect("ok");
        if chown(credentials.file_path("a"), Some(12345), None).is_err() {
            eprintln!("skipped: chown needs root");
            return;
        }
        let error = credentials.reserve("a").err().expect("another owner").to_string();
        assert!(error.contains("it belongs to user 12345"), "{error}");
        chown(&credentials.path, Some(12345), None).expect("root");
        let error = credentials.reserve("b").err().expect("another owner").to_string();
        assert!(error.contains("belongs to user 12345, who may replace"), "{error}");
    }

    #[test]
    fn reservation_is_exclusive() {
        let (_parent, credentials) = new_dir();
        let held = credentials.reserve("a").expect("a reservation");
        assert!(credentials.reserve("a").is_err());
        held.write("secret").expect("it is written");
        assert_eq!(credentials.content("a"), Ok(FileContent::Written));
    }

    #[test]
    fn links_and_directories_are_rejected() {
        let (parent, credentials) = new_dir();
        drop(credentials.reserve("a").expect("a reservation"));
        fs::write(parent.path().join("other"), "").expect("a file");
        let link = credentials.file_path("link");
        std::os::unix::fs::symlink(parent.path().join("other"), link).expect("a link");
        fs::create_dir(credentials.file_path("folder")).expect("a directory");
        for name in ["link", "folder"] {
            assert!(credentials.reserve(name).is_err(), "{name}");
            assert!(credentials.read(name).is_err(), "{name}");
        }
        assert_eq!(fs::read_to_string(parent.path().join("other")).expect("text"), "");
    }
}
