use std::borrow::Cow;

use crate::token::Credential;

/// Stands for a token in the cache, so that the token itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenKey([u8; 32]);

/// Stands for what one answer of Vault says about some paths.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PathsKey([u8; 32]);

/// Makes keys for the caches: BLAKE3 keyed with 256 random bits that never leave the process, so that
/// a memory image is no table of token hashes, and nobody outside can choose colliding keys.
pub struct TokenKeys([u8; 32]);

impl TokenKeys {
    /// Keys that no other process, and no other start of this one, makes.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// The key of this credential.
    #[must_use]
    pub fn key(&self, credential: &Credential<'_>) -> TokenKey {
        TokenKey(*blake3::keyed_hash(&self.0, credential.expose().as_bytes()).as_bytes())
    }

    /// The key of these paths for the entry with this number. Each path goes in with its length
    /// before it, so that no two lists make the same text.
    #[must_use]
    pub fn paths_key(&self, entry: u64, paths: &[Cow<'_, str>]) -> PathsKey {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(b"paths").update(&entry.to_le_bytes());
        for path in paths {
            hasher.update(&path.len().to_le_bytes()).update(path.as_bytes());
        }
        PathsKey(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::TokenKeys;
    use crate::token::Credential;

    #[test]
    fn one_token_has_one_key_and_any_other_token_another() {
        let keys = TokenKeys::random();
        let key = |token| keys.key(&Credential::from_text(token).expect("well formed"));
        assert!(key("s.abc") == key("s.abc"));
        for other in ["s.abC", "s.ab", "s.abcd", "s.abc.root"] {
            assert!(key("s.abc") != key(other), "{other}");
        }
    }

    #[test]
    fn paths_do_not_run_into_each_other() {
        let keys = TokenKeys::random();
        let key = |entry, paths: &[&str]| {
            keys.paths_key(entry, &paths.iter().map(|path| (*path).into()).collect::<Vec<_>>())
        };
        assert!(key(1, &["a", "b"]) == key(1, &["a", "b"]));
        for (entry, paths) in [(2, ["a", "b"].as_slice()), (1, &["ab"]), (1, &["b", "a"]), (1, &[])]
        {
            assert!(key(1, &["a", "b"]) != key(entry, paths), "{entry} {paths:?}");
        }
    }

    #[test]
    fn keys_differ_between_processes() {
        let token = Credential::from_text("s.abc").expect("well formed");
        assert!(TokenKeys::random().key(&token) != TokenKeys::random().key(&token));
    }
}
