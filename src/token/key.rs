use std::hash::{BuildHasher, Hash, Hasher};

use crate::token::Credential;

/// Stands for a token in the cache, so that the token itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// The first 64 bits.
    pub(super) fn part(self) -> u64 {
        self.0.first_chunk().map_or(0, |part| u64::from_ne_bytes(*part))
    }
}

impl Hash for TokenKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.part());
    }
}

/// Finds the place of a [`TokenKey`] in a table: a part of it, since it is a keyed hash itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Place(u64);

impl BuildHasher for Place {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Place {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, part: u64) {
        self.0 = part;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

/// Makes keys for the cache: BLAKE3 keyed with 256 random bits that never leave the process, so that
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
    fn keys_differ_between_processes() {
        let token = Credential::from_text("s.abc").expect("well formed");
        assert!(TokenKeys::random().key(&token) != TokenKeys::random().key(&token));
    }
}
