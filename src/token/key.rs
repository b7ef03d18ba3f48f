use std::hash::{BuildHasher, Hash, Hasher};

use crate::token::Credential;

/// The keyed hash of a token: the cache key, so that the token itself is not stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// Returns the first 64 bits.
    pub(super) fn prefix(self) -> u64 {
        self.0.first_chunk().map_or(0, |prefix| u64::from_ne_bytes(*prefix))
    }
}

impl Hash for TokenKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.prefix());
    }
}

/// A hasher for [`TokenKey`] that uses its first 64 bits, since the key is a keyed hash already.
#[derive(Clone, Copy, Default)]
pub(super) struct PrehashedHasher(u64);

impl BuildHasher for PrehashedHasher {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for PrehashedHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, prefix: u64) {
        self.0 = prefix;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

/// Hashes tokens into cache keys: BLAKE3, keyed with 256 random bits that never leave the process.
/// So a memory image contains no plain token hashes, and clients cannot choose colliding keys.
#[derive(Clone)]
pub struct CacheKeyHasher([u8; 32]);

impl CacheKeyHasher {
    /// Creates a hasher with a random key, different in each process.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// Hashes a session cookie and its host, separated by NUL. Short ones are joined first, since hashing
    /// one text is much faster than hashing it in parts.
    fn hash_session(&self, session: &str, authority: &str) -> blake3::Hash {
        let (session, authority) = (session.as_bytes(), authority.as_bytes());
        let length = session.len() + 1 + authority.len();
        let mut joined = [0; 320];
        if let Some(text) = joined.get_mut(..length) {
            text[..session.len()].copy_from_slice(session);
            text[session.len() + 1..].copy_from_slice(authority);
            return blake3::keyed_hash(&self.0, text);
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(session).update(b"\0").update(authority);
        hasher.finalize()
    }

    /// Returns the cache key of a credential.
    #[must_use]
    pub fn key(&self, credential: &Credential<'_>) -> TokenKey {
        let hash = match credential.key_parts() {
            (token, None) => blake3::keyed_hash(&self.0, token.as_bytes()),
            (session, Some(authority)) => self.hash_session(session, authority),
        };
        TokenKey(*hash.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::CacheKeyHasher;
    use crate::token::Credential;

    #[test]
    fn keys_are_equal_for_equal_tokens_only() {
        let keys = CacheKeyHasher::random();
        let key = |token| keys.key(&Credential::from_text(token).expect("well formed"));
        assert!(key("s.abc") == key("s.abc"));
        for other in ["s.abC", "s.ab", "s.abcd", "s.abc.root"] {
            assert!(key("s.abc") != key(other), "{other}");
        }
    }

    #[test]
    fn long_sessions_are_hashed_in_the_same_way() {
        let keys = CacheKeyHasher::random();
        for length in [0, 1, 90, 298, 299, 300, 4_000] {
            let session = "s".repeat(length);
            let whole = format!("{session}\0crm.example.com/host");
            let expected = blake3::keyed_hash(&keys.0, whole.as_bytes());
            assert_eq!(keys.hash_session(&session, "crm.example.com/host"), expected, "{length}");
        }
    }

    #[test]
    fn keys_differ_between_processes() {
        let token = Credential::from_text("s.abc").expect("well formed");
        assert!(CacheKeyHasher::random().key(&token) != CacheKeyHasher::random().key(&token));
    }
}
