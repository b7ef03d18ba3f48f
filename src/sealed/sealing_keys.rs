use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use super::{KeyRing, KeyRingError};

/// The key ring of a running service, and the file that it is read from again after a change.
#[derive(Debug)]
pub struct SealingKeys {
    file: PathBuf,
    ring: RwLock<Arc<KeyRing>>,
}

impl SealingKeys {
    /// Reads the keys of a file.
    ///
    /// # Errors
    /// [`KeyRingError`]
    pub fn read(file: PathBuf) -> Result<Self, KeyRingError> {
        let ring = RwLock::new(Arc::new(KeyRing::read(&file)?));
        Ok(Self { file, ring })
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// [`KeyRingError`]; the keys stay as they were.
    pub fn reload(&self) -> Result<(), KeyRingError> {
        let ring = Arc::new(KeyRing::read(&self.file)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    /// Returns the present keys.
    #[must_use]
    pub fn current(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the file with the keys.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::SealingKeys;
    use crate::sealed::KeyRing;

    #[test]
    fn invalid_file_keeps_the_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("keys");
        fs::write(&file, KeyRing::generate().as_str()).expect("a file");
        let keys = SealingKeys::read(file.clone()).expect("keys");
        fs::write(&file, "no key").expect("a file");
        assert!(keys.reload().is_err());
        assert_eq!(keys.current().key_count(), 1);
        fs::write(&file, [KeyRing::generate().as_str(), KeyRing::generate().as_str()].concat())
            .expect("a file");
        keys.reload().expect("keys");
        assert_eq!(keys.current().key_count(), 2);
    }
}
