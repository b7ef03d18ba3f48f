use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

/// The longest key, in bytes.
const MAX_KEY: usize = 128;

/// What a value goes by: `[A-Za-z_][A-Za-z0-9_]{0,127}`, the name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<str>);

impl Key {
    /// The key, if it has exactly the form of one.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let [first, rest @ ..] = key.as_bytes() else { return None };
        let valid = key.len() <= MAX_KEY
            && (first.is_ascii_alphabetic() || *first == b'_')
            && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        valid.then(|| Self(key.into()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a secret holds, in the clear: strings by their keys, in the order of the keys. They are
/// wiped when they are dropped, and `Debug` shows none.
#[derive(Debug, Default)]
pub struct SecretData(BTreeMap<Key, SecretString>);

/// A change of some values (RFC 7396): a string is put, and what is `None` is taken out.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    values: BTreeMap<Key, Option<SecretString>>,
    /// The keys that have to be there before. RFC 7396 asks for none.
    required: BTreeSet<Key>,
}

/// A key that was to be taken out is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbsentKey {
    /// The key.
    pub key: Key,
    /// The keys that are there.
    pub present: Vec<Key>,
}

impl fmt::Display for AbsentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it has no key `{}` to take out", self.key)?;
        let present: Vec<&str> = self.present.iter().map(Key::as_str).collect();
        match present[..] {
            [] => f.write_str(", and no other key"),
            _ => write!(f, "; it has {}", present.join(", ")),
        }
    }
}

impl std::error::Error for AbsentKey {}

impl SecretData {
    /// The value of this key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&SecretString> {
        self.0.get(key)
    }

    /// Each key with its value, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &SecretString)> {
        self.0.iter()
    }

    /// The same with this change.
    ///
    /// # Errors
    /// [`AbsentKey`] if a key is not there that has to be.
    pub fn patched(mut self, patch: Patch) -> Result<Self, AbsentKey> {
        if let Some(key) = patch.required.into_iter().find(|key| !self.0.contains_key(key)) {
            return Err(AbsentKey { key, present: self.0.into_keys().collect() });
        }
        for (key, value) in patch.values {
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
        Ok(self)
    }

    /// The same, and what another holds, which goes before.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The values in the clear, to be serialised.
    #[must_use]
    pub fn exposed(&self) -> Exposed<'_> {
        Exposed(self)
    }
}

impl Patch {
    /// The same change, which also takes these keys out, and fails if one is not there.
    #[must_use]
    pub fn without(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.required.extend(keys);
        self.values.extend(self.required.iter().map(|key| (key.clone(), None)));
        self
    }

    /// Whether it can be made only to a secret that is there.
    #[must_use]
    pub fn needs_a_secret(&self) -> bool {
        !self.required.is_empty()
    }
}

impl FromIterator<(Key, SecretString)> for SecretData {
    fn from_iter<I: IntoIterator<Item = (Key, SecretString)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl FromIterator<(Key, Option<SecretString>)> for Patch {
    fn from_iter<I: IntoIterator<Item = (Key, Option<SecretString>)>>(values: I) -> Self {
        Self { values: values.into_iter().collect(), required: BTreeSet::new() }
    }
}

/// What a secret holds, for once to be seen: it serialises in the clear.
pub struct Exposed<'d>(&'d SecretData);

impl Serialize for Exposed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.0.iter().map(|(key, value)| (key.as_str(), value.expose_secret()));
        serializer.collect_map(values)
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Patch, SecretData};

    #[test]
    fn a_key_is_the_name_of_an_environment_variable() {
        for key in ["A", "_", "DATABASE_URL", "a1", &"A".repeat(128)] {
            assert_eq!(Key::parse(key).expect("a key").as_str(), key);
        }
        let long = "A".repeat(129);
        for key in ["", "1A", "A-B", "A.B", "A B", "A=B", "Ä", "A\0", "A\n", &long] {
            assert_eq!(Key::parse(key), None, "{key:?}");
        }
    }

    #[test]
    fn a_patch_puts_strings_and_takes_nulls_out() {
        let key = |key| Key::parse(key).expect("a key");
        let data: SecretData =
            [(key("A"), "1".into()), (key("B"), "2".into())].into_iter().collect();
        let patch: Patch = [
            (key("B"), None),
            (key("C"), Some("3".into())),
            (key("A"), Some("4".into())),
            (key("D"), None),
        ]
        .into_iter()
        .collect();
        let patched = data.patched(patch).expect("nothing has to be there");
        let json = serde_json::to_string(&patched.exposed()).expect("JSON");
        assert_eq!(json, r#"{"A":"4","C":"3"}"#);
    }

    #[test]
    fn key_that_is_to_be_taken_out_has_to_be_there() {
        let key = |key| Key::parse(key).expect("a key");
        let data = || -> SecretData {
            [(key("A"), "1".into()), (key("B"), "2".into())].into_iter().collect()
        };
        let without = |keys: &[&'static str]| Patch::default().without(keys.iter().map(|k| key(k)));
        let left = data().patched(without(&["B"])).expect("it is there");
        assert_eq!(serde_json::to_string(&left.exposed()).expect("JSON"), r#"{"A":"1"}"#);
        let absent = data().patched(without(&["A", "C"])).map(drop).expect_err("C is not there");
        assert_eq!(absent.to_string(), "it has no key `C` to take out; it has A, B");
        assert!(without(&["A"]).needs_a_secret() && !Patch::default().needs_a_secret());
    }

    #[test]
    fn no_value_is_shown_when_it_is_printed() {
        let key = Key::parse("A").expect("a key");
        let data: SecretData = [(key.clone(), "plain".into())].into_iter().collect();
        let patch: Patch = [(key, Some("plain".into()))].into_iter().collect();
        assert!(!format!("{data:?} {patch:?}").contains("plain"));
    }
}
