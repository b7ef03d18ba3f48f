use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

/// The maximum length of a key, in bytes.
const MAX_KEY_LEN: usize = 128;

/// The key of a value: `[A-Za-z_][A-Za-z0-9_]{0,127}`, the name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretKey(Box<str>);

impl SecretKey {
    /// Parses a key; `None` unless it has exactly this form.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let [first, rest @ ..] = key.as_bytes() else { return None };
        let valid = key.len() <= MAX_KEY_LEN
            && (first.is_ascii_alphabetic() || *first == b'_')
            && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        valid.then(|| Self(key.into()))
    }

    /// Returns the key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The plaintext of a secret: strings by key, in the order of the keys. The strings are zeroized
/// when they are dropped, and `Debug` does not show them.
#[derive(Debug, Default)]
pub struct SecretData(BTreeMap<SecretKey, SecretString>);

/// A change of some values, as a JSON merge patch (RFC 7396): a string is set, and `None` removes
/// the key.
#[derive(Clone, Debug, Default)]
pub struct SecretPatch {
    values: BTreeMap<SecretKey, Option<SecretString>>,
    /// The keys that have to exist before the change. RFC 7396 requires none.
    required: BTreeSet<SecretKey>,
}

/// The error of removing a key that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingKeyError {
    /// The key.
    pub key: SecretKey,
    /// The keys that exist.
    pub present: Vec<SecretKey>,
}

impl fmt::Display for MissingKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it has no key `{}` to remove", self.key)?;
        let present: Vec<&str> = self.present.iter().map(SecretKey::as_str).collect();
        match present[..] {
            [] => f.write_str(", and no other key"),
            _ => write!(f, "; it has {}", present.join(", ")),
        }
    }
}

impl std::error::Error for MissingKeyError {}

impl SecretData {
    /// Returns the value of this key.
    #[must_use]
    pub fn get(&self, key: &SecretKey) -> Option<&SecretString> {
        self.0.get(key)
    }

    /// Returns the keys with their values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&SecretKey, &SecretString)> {
        self.0.iter()
    }

    /// Applies a change.
    ///
    /// # Errors
    /// [`MissingKeyError`] if a required key does not exist.
    pub fn apply_patch(mut self, patch: SecretPatch) -> Result<Self, MissingKeyError> {
        if let Some(key) = patch.required.into_iter().find(|key| !self.0.contains_key(key)) {
            return Err(MissingKeyError { key, present: self.0.into_keys().collect() });
        }
        for (key, value) in patch.values {
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
        Ok(self)
    }

    /// Adds the values of `other`, which take precedence.
    #[must_use]
    pub fn merged_with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns a view that serializes the plaintext.
    #[must_use]
    pub fn exposed(&self) -> ExposedData<'_> {
        ExposedData(self)
    }
}

impl SecretPatch {
    /// Adds the removal of these keys, which have to exist.
    #[must_use]
    pub fn removing_keys(mut self, keys: impl IntoIterator<Item = SecretKey>) -> Self {
        self.required.extend(keys);
        self.values.extend(self.required.iter().map(|key| (key.clone(), None)));
        self
    }

    /// Returns true if the change can be made only to an existing secret.
    #[must_use]
    pub fn requires_existing_secret(&self) -> bool {
        !self.required.is_empty()
    }
}

impl FromIterator<(SecretKey, SecretString)> for SecretData {
    fn from_iter<I: IntoIterator<Item = (SecretKey, SecretString)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl FromIterator<(SecretKey, Option<SecretString>)> for SecretPatch {
    fn from_iter<I: IntoIterator<Item = (SecretKey, Option<SecretString>)>>(values: I) -> Self {
        Self { values: values.into_iter().collect(), required: BTreeSet::new() }
    }
}

/// A view of a secret that serializes its plaintext.
pub struct ExposedData<'d>(&'d SecretData);

impl Serialize for ExposedData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.0.iter().map(|(key, value)| (key.as_str(), value.expose_secret()));
        serializer.collect_map(values)
    }
}

#[cfg(test)]
mod tests {
    use super::{SecretData, SecretKey, SecretPatch};

    #[test]
    fn key_is_env_var_name() {
        for key in ["A", "_", "DATABASE_URL", "a1", &"A".repeat(128)] {
            assert_eq!(SecretKey::parse(key).expect("a key").as_str(), key);
        }
        let long = "A".repeat(129);
        for key in ["", "1A", "A-B", "A.B", "A B", "A=B", "Ä", "A\0", "A\n", &long] {
            assert_eq!(SecretKey::parse(key), None, "{key:?}");
        }
    }

    #[test]
    fn patch_sets_and_removes() {
        let key = |key| SecretKey::parse(key).expect("a key");
        let data: SecretData =
            [(key("A"), "1".into()), (key("B"), "2".into())].into_iter().collect();
        let patch: SecretPatch = [
            (key("B"), None),
            (key("C"), Some("3".into())),
            (key("A"), Some("4".into())),
            (key("D"), None),
        ]
        .into_iter()
        .collect();
        let patched = data.apply_patch(patch).expect("no key is required");
        let json = serde_json::to_string(&patched.exposed()).expect("JSON");
        assert_eq!(json, r#"{"A":"4","C":"3"}"#);
    }

    #[test]
    fn removed_key_has_to_exist() {
        let key = |key| SecretKey::parse(key).expect("a key");
        let data = || -> SecretData {
            [(key("A"), "1".into()), (key("B"), "2".into())].into_iter().collect()
        };
        let without = |keys: &[&'static str]| {
            SecretPatch::default().removing_keys(keys.iter().map(|k| key(k)))
        };
        let left = data().apply_patch(without(&["B"])).expect("B exists");
        assert_eq!(serde_json::to_string(&left.exposed()).expect("JSON"), r#"{"A":"1"}"#);
        let absent =
            data().apply_patch(without(&["A", "C"])).map(drop).expect_err("C does not exist");
        assert_eq!(absent.to_string(), "it has no key `C` to remove; it has A, B");
        assert!(
            without(&["A"]).requires_existing_secret()
                && !SecretPatch::default().requires_existing_secret()
        );
    }

    #[test]
    fn debug_does_not_show_values() {
        let key = SecretKey::parse("A").expect("a key");
        let data: SecretData = [(key.clone(), "plain".into())].into_iter().collect();
        let patch: SecretPatch = [(key, Some("plain".into()))].into_iter().collect();
        assert!(!format!("{data:?} {patch:?}").contains("plain"));
    }
}
