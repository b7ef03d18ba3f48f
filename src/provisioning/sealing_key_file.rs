//! The file of the keys that seal the sessions of browser logins.

use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::{CredentialDir, PlanRow, ProvisionError, StepOutcome};
use crate::sealed::KeyRing;

/// The name of the file.
const FILE: &str = "sealing-keys";

/// The planned creation of the file. An existing file is kept, since sessions are sealed with its keys.
pub struct SealingKeyFile {
    directory: CredentialDir,
    /// The number of keys; `None` if the file is to be created.
    existing_keys: Option<usize>,
}

impl SealingKeyFile {
    /// Plans the file. Nothing is written.
    ///
    /// # Errors
    /// Fails if there is a file that cannot be read, or whose content is not a list of keys.
    pub fn plan(directory: &CredentialDir) -> Result<Self, ProvisionError> {
        let existing_keys = match directory.read(FILE)? {
            None => None,
            Some(content) => match KeyRing::parse(content.expose_secret().as_bytes()) {
                Ok(ring) => Some(ring.key_count()),
                Err(error) => {
                    let file = directory.file_path(FILE);
                    return Err(ProvisionError(format!(
                        "{}: {error}. Correct the file, or move it away to have a new one created, \
                         which ends all sessions; nothing was changed",
                        file.display()
                    )));
                }
            },
        };
        Ok(Self { directory: directory.clone(), existing_keys })
    }

    /// Returns true if the file is created.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.existing_keys.is_none()
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.file_path(FILE)
    }

    /// Returns the row of the plan.
    #[must_use]
    pub fn row(&self) -> PlanRow {
        let path = self.path();
        let (action, detail) = match self.existing_keys {
            None => (PlanRow::CREATE, format!("a new key into {}", path.display())),
            Some(1) => (PlanRow::UNCHANGED, format!("one key in {}", path.display())),
            Some(count) => (PlanRow::UNCHANGED, format!("{count} keys in {}", path.display())),
        };
        PlanRow { action, kind: "sealing key", name: "sessions".to_owned(), detail }
    }

    /// Creates the file, unless it exists.
    #[must_use]
    pub fn apply(&self) -> StepOutcome {
        if !self.is_needed() {
            return StepOutcome::Unchanged;
        }
        let written = self
            .directory
            .reserve(FILE)
            .and_then(|file| file.write(KeyRing::generate().trim_ascii_end()));
        written.map_or_else(StepOutcome::Failed, |()| StepOutcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, fs};

    use super::SealingKeyFile;
    use crate::{
        provisioning::{CredentialDir, StepOutcome},
        sealed::KeyRing,
    };

    #[test]
    fn sealing_key_file_is_created_once() {
        let folder = tempfile::tempdir().expect("a directory");
        let directory = CredentialDir::from(OsString::from(folder.path()));
        let planned = SealingKeyFile::plan(&directory).expect("a plan");
        assert!(planned.is_needed() && !planned.path().exists());
        assert_eq!(planned.apply(), StepOutcome::Done);
        assert_eq!(KeyRing::read(&planned.path()).expect("keys").key_count(), 1);
        let content = fs::read(planned.path()).expect("the file");
        let again = SealingKeyFile::plan(&directory).expect("a plan");
        assert_eq!((again.is_needed(), again.apply()), (false, StepOutcome::Unchanged));
        assert!(matches!(planned.apply(), StepOutcome::Failed(_)), "made in the meantime");
        assert_eq!(fs::read(planned.path()).expect("the file"), content);
    }

    #[test]
    fn invalid_sealing_key_file_is_an_error() {
        let folder = tempfile::tempdir().expect("a directory");
        let directory = CredentialDir::from(OsString::from(folder.path()));
        fs::write(directory.file_path(super::FILE), "no key\n").expect("a file");
        let error = SealingKeyFile::plan(&directory).err().expect("an error").to_string();
        for words in
            ["sealing-keys: line 1 is not a sealing key", "move it away", "ends all sessions"]
        {
            assert!(error.contains(words), "{error}");
        }
    }
}
