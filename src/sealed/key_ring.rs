use std::{
    collections::HashSet,
    fmt,
    fs::File,
    io::{self, Read},
    path::Path,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use super::sealed_text::{KeyId, SealingKey};

/// The length of a key, in bytes.
const KEY_LENGTH: usize = 32;

/// The maximum size of a key file, in bytes.
const MAX_FILE_SIZE: usize = 64 * 1024;

/// The keys of `VALIDATOR_SEALING_KEY_FILE`: the first seals, all unseal. To rotate them, write a new
/// key as the first line, and remove the old one when everything sealed with it has expired.
pub struct KeyRing {
    /// At least one.
    keys: Vec<SealingKey>,
}

/// The error in a file of sealing keys. It contains nothing of the file.
#[derive(Debug)]
pub enum KeyRingError {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// The file is larger than any list of keys.
    TooLarge,
    /// The file has no key.
    Empty,
    /// The line with this number is not the base64 of 32 bytes.
    InvalidKey(usize),
    /// The line with this number repeats a key.
    RepeatedKey(usize),
}

impl KeyRing {
    /// Reads the keys of a file.
    ///
    /// # Errors
    /// [`KeyRingError`]
    pub fn read(file: &Path) -> Result<Self, KeyRingError> {
        // Capacity for the whole file, so that no reallocation leaves a copy.
        let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE_SIZE + 1));
        File::open(file)
            .and_then(|file| file.take(MAX_FILE_SIZE as u64 + 1).read_to_end(&mut content))
            .map_err(KeyRingError::Unreadable)?;
        if content.len() > MAX_FILE_SIZE {
            return Err(KeyRingError::TooLarge);
        }
        Self::parse(&content)
    }

    /// Parses the content of a file: a key per line, in base64. Empty lines are ignored.
    ///
    /// # Errors
    /// [`KeyRingError`]
    pub fn parse(content: &[u8]) -> Result<Self, KeyRingError> {
        let mut keys = Vec::new();
        let mut ids = HashSet::new();
        for (number, line) in (1..).zip(content.split(|byte| *byte == b'\n')) {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let key = BASE64_STANDARD.decode(line).map(Zeroizing::new);
            let key: Option<&[u8; KEY_LENGTH]> =
                key.as_ref().ok().and_then(|key| key.as_slice().try_into().ok());
            let key = key.and_then(SealingKey::new).ok_or(KeyRingError::InvalidKey(number))?;
            if !ids.insert(key.id()) {
                return Err(KeyRingError::RepeatedKey(number));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(KeyRingError::Empty) } else { Ok(Self { keys }) }
    }

    /// Returns the content of a file with one new random key.
    #[must_use]
    pub fn generate() -> Zeroizing<String> {
        let key = Zeroizing::new(rand::random::<[u8; KEY_LENGTH]>());
        Zeroizing::new(BASE64_STANDARD.encode(*key) + "\n")
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Returns true if all keys of the other ring are in this one, so that it unseals whatever the other
    /// one does.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        other.keys.iter().all(|key| self.position(key.id()).is_some())
    }

    /// Returns the key that seals.
    pub(super) fn sealing_key(&self) -> Option<&SealingKey> {
        self.keys.first()
    }

    /// Returns the position of the key with this id, from 0.
    pub(super) fn position(&self, id: KeyId) -> Option<usize> {
        self.keys.iter().position(|key| key.id() == id)
    }

    /// Returns the key with this id.
    pub(super) fn key(&self, id: KeyId) -> Option<&SealingKey> {
        self.keys.iter().find(|key| key.id() == id)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("key_count", &self.key_count()).finish_non_exhaustive()
    }
}

impl fmt::Display for KeyRingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = "a key is 32 random bytes in base64: `openssl rand -base64 32`";
        match self {
            Self::Unreadable(error) => write!(f, "cannot read the sealing keys: {error}"),
            Self::TooLarge => f.write_str("the file is too large for a list of sealing keys"),
            Self::Empty => write!(f, "the file has no sealing key; {remedy}"),
            Self::InvalidKey(line) => write!(f, "line {line} is not a sealing key; {remedy}"),
            Self::RepeatedKey(line) => {
                write!(f, "line {line} repeats a sealing key: remove one of the two lines")
            }
        }
    }
}

impl std::error::Error for KeyRingError {}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use base64::{Engine, prelude::BASE64_STANDARD};

    use super::{KeyRing, KeyRingError};

    fn line(byte: u8) -> String {
        BASE64_STANDARD.encode([byte; 32])
    }

    #[test]
    fn valid_files_are_parsed() {
        let (one, two) = (line(1), line(2));
        for (content, number) in [
            (one.clone(), 1),
            (format!("{one}\n"), 1),
            (format!("\n {one} \r\n\n{two}\n"), 2),
            (KeyRing::generate().to_string(), 1),
        ] {
            let ring = KeyRing::parse(content.as_bytes()).expect("keys");
            assert_eq!(ring.key_count(), number, "{content}");
        }
    }

    #[test]
    fn invalid_files_name_the_line() {
        let (one, short) = (line(1), BASE64_STANDARD.encode([1; 31]));
        let error = |content: &str| KeyRing::parse(content.as_bytes()).expect_err("an error");
        for empty in ["", "\n", " \r\n\t\n"] {
            assert!(matches!(error(empty), KeyRingError::Empty), "{empty:?}");
        }
        let long = BASE64_STANDARD.encode([1; 33]);
        for invalid in
            [&short, &long, "# comment", one.trim_end_matches('='), &one.replace('A', "-")]
        {
            let error = error(&format!("{one}\n\n{invalid}\n"));
            assert!(matches!(error, KeyRingError::InvalidKey(3)), "{invalid}: {error}");
            assert!(!error.to_string().contains(invalid), "{error}");
        }
        assert!(matches!(error(&format!("{one}\n{one}")), KeyRingError::RepeatedKey(2)));
    }

    #[test]
    fn endless_and_missing_files_are_errors() {
        let error = |file: &str| KeyRing::read(Path::new(file)).expect_err("an error");
        assert!(matches!(error("/dev/zero"), KeyRingError::TooLarge));
        assert!(matches!(error("/nonexistent"), KeyRingError::Unreadable(_)));
    }

    #[test]
    fn generated_keys_differ() {
        assert_ne!(*KeyRing::generate(), *KeyRing::generate());
    }

    #[test]
    fn debug_output_has_no_key() {
        let ring = KeyRing::parse(line(7).as_bytes()).expect("a key");
        assert_eq!(format!("{ring:?}"), "KeyRing { key_count: 1, .. }");
    }
}
