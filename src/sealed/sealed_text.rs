//! The format of sealed credentials.
//!
//! A sealed credential is the base64url, without padding, of
//!
//! | bytes | content |
//! |---|---|
//! | 1 | the version of this format, 1 |
//! | 4 | the id of the key |
//! | 8 | the expiry, in seconds since 1970, big-endian |
//! | 12 | the nonce, random |
//! | as many as the data | the data, encrypted with AES-256-GCM |
//! | 16 | the authentication tag |
//!
//! The first 13 bytes, the purpose and the audience are the associated data. With random nonces a key
//! may seal 2³² times (NIST SP 800-38D, 8.3).

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{KeyRing, Purpose};

/// The version of the format.
const VERSION: u8 = 1;

/// The length of version, key id and expiry.
pub(super) const HEADER_LENGTH: usize = 1 + size_of::<KeyId>() + size_of::<i64>();

/// The context of the derivation of key ids from keys.
const KEY_ID_CONTEXT: &str = "vault-auth-validator 2026-11-28 sealing key id";

/// The id of a key, derived from the key.
pub(super) type KeyId = [u8; 4];

/// A key, and the id by which a sealed credential names it.
pub(super) struct SealingKey {
    id: KeyId,
    key: LessSafeKey,
}

/// The data is too large to be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealError;

/// The reason why a text is not a valid sealed credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsealError {
    /// The text does not have the format.
    Malformed,
    /// The text is sealed with a key that is not in the key ring.
    UnknownKey,
    /// The text was changed, or sealed for another purpose or another audience.
    NotAuthentic,
    /// The text is authentic, and has expired.
    Expired,
}

impl SealingKey {
    pub(super) fn new(key: &[u8; 32]) -> Option<Self> {
        let id: [u8; 32] = blake3::derive_key(KEY_ID_CONTEXT, key);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
        Some(Self { id: *id.first_chunk()?, key })
    }

    pub(super) fn id(&self) -> KeyId {
        self.id
    }
}

impl KeyRing {
    /// Seals data for a purpose and an audience until `expiry`, with a precision of seconds.
    ///
    /// # Errors
    /// [`SealError`] for more than 64 GB.
    pub fn seal(
        &self,
        purpose: Purpose,
        audience: &str,
        expiry: Timestamp,
        data: &[u8],
    ) -> Result<String, SealError> {
        let key = self.sealing_key().ok_or(SealError)?;
        let mut sealed = vec![VERSION];
        sealed.extend(key.id);
        sealed.extend(expiry.as_second().to_be_bytes());
        let associated = associated_data(&sealed, purpose, audience);
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut encrypted = Zeroizing::new(data.to_vec());
        let tag = key
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated),
                &mut encrypted,
            )
            .map_err(|_| SealError)?;
        sealed.extend(nonce);
        sealed.extend(encrypted.iter());
        sealed.extend(tag.as_ref());
        Ok(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Returns the data of a text that was sealed for this purpose and this audience and has not
    /// expired at `now`.
    ///
    /// # Errors
    /// [`UnsealError`]
    pub fn unseal(
        &self,
        purpose: Purpose,
        audience: &str,
        now: Timestamp,
        text: &str,
    ) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        self.unseal_with_expiry(purpose, audience, now, text).map(|(data, _)| data)
    }

    /// Returns the same, and the expiry of the text.
    ///
    /// # Errors
    /// [`UnsealError`]
    pub fn unseal_with_expiry(
        &self,
        purpose: Purpose,
        audience: &str,
        now: Timestamp,
        text: &str,
    ) -> Result<(Zeroizing<Vec<u8>>, Timestamp), UnsealError> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| UnsealError::Malformed)?;
        let (header, rest) =
            sealed.split_first_chunk::<HEADER_LENGTH>().ok_or(UnsealError::Malformed)?;
        let (nonce, encrypted) =
            rest.split_first_chunk::<NONCE_LEN>().ok_or(UnsealError::Malformed)?;
        let (id, expiry) = parse_header(header).ok_or(UnsealError::Malformed)?;
        let key = self.key(id).ok_or(UnsealError::UnknownKey)?;
        let mut data = Zeroizing::new(encrypted.to_vec());
        let associated = associated_data(header, purpose, audience);
        let length = key
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(associated), &mut data)
            .map_err(|_| UnsealError::NotAuthentic)?
            .len();
        data.truncate(length);
        let expiry = Timestamp::from_second(expiry).map_err(|_| UnsealError::Malformed)?;
        if now.as_second() < expiry.as_second() {
            Ok((data, expiry))
        } else {
            Err(UnsealError::Expired)
        }
    }
}

/// Returns the key id and the expiry; `None` for another version.
pub(super) fn parse_header(header: &[u8; HEADER_LENGTH]) -> Option<(KeyId, i64)> {
    let (version, rest) = header.split_first()?;
    let (id, expiry) = rest.split_first_chunk()?;
    (*version == VERSION).then_some((*id, i64::from_be_bytes(expiry.try_into().ok()?)))
}

/// Joins the header, which has a fixed length, and the purpose, which has no NUL, with the audience.
fn associated_data(header: &[u8], purpose: Purpose, audience: &str) -> Vec<u8> {
    [header, purpose.label().as_bytes(), b"\0", audience.as_bytes()].concat()
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data is too large to be sealed")
    }
}

impl std::error::Error for SealError {}

impl fmt::Display for UnsealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is not a sealed credential",
            Self::UnknownKey => "it is sealed with a key that is not in the key file",
            Self::NotAuthentic => "it was changed, or is for another host or another purpose",
            Self::Expired => "it has expired",
        })
    }
}

impl std::error::Error for UnsealError {}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use crate::sealed::{KeyRing, Purpose, UnsealError};

    const HOST: &str = "crm.example.com";
    const DATA: &[u8] = b"hvs.CAESIJ";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn ring(keys: &[&str]) -> KeyRing {
        KeyRing::parse(keys.join("").as_bytes()).expect("keys")
    }

    fn session(ring: &KeyRing) -> String {
        ring.seal(Purpose::Session, HOST, at(100), DATA).expect("a sealed text")
    }

    fn unseal(ring: &KeyRing, text: &str) -> Result<Vec<u8>, UnsealError> {
        ring.unseal(Purpose::Session, HOST, at(99), text).map(|data| data.to_vec())
    }

    #[test]
    fn sealed_data_is_read_back() {
        let ring = ring(&[&KeyRing::generate()]);
        let (first, second) = (session(&ring), session(&ring));
        assert_ne!(first, second);
        for text in [&first, &second] {
            assert_eq!(unseal(&ring, text).as_deref(), Ok(DATA));
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        }
        let empty = ring.seal(Purpose::Session, HOST, at(100), b"").expect("a sealed text");
        assert_eq!(unseal(&ring, &empty).as_deref(), Ok([].as_slice()));
    }

    #[test]
    fn purpose_and_audience_must_match() {
        let ring = ring(&[&KeyRing::generate()]);
        let text = session(&ring);
        let unseal = |purpose, audience| {
            ring.unseal(purpose, audience, at(99), &text).map(|data| data.to_vec())
        };
        for purpose in [Purpose::Ticket, Purpose::PendingLogin] {
            assert_eq!(unseal(purpose, HOST), Err(UnsealError::NotAuthentic));
        }
        for audience in
            ["", "crm.example.co", "crm.example.com.", "CRM.example.com", "\0crm.example.com"]
        {
            let result = unseal(Purpose::Session, audience);
            assert_eq!(result, Err(UnsealError::NotAuthentic), "{audience:?}");
        }
    }

    #[test]
    fn text_expires() {
        let ring = ring(&[&KeyRing::generate()]);
        let text = session(&ring);
        for (second, expected) in [
            (0, Ok(())),
            (99, Ok(())),
            (100, Err(UnsealError::Expired)),
            (101, Err(UnsealError::Expired)),
        ] {
            let result = ring.unseal(Purpose::Session, HOST, at(second), &text).map(drop);
            assert_eq!(result, expected, "{second}");
        }
    }

    #[test]
    fn old_key_unseals_until_it_is_removed() {
        let (old, new) = (KeyRing::generate(), KeyRing::generate());
        let text = session(&ring(&[&old]));
        let both = ring(&[&new, &old]);
        assert_eq!(unseal(&both, &text).as_deref(), Ok(DATA));
        assert_eq!(unseal(&ring(&[&new]), &text), Err(UnsealError::UnknownKey));
        let later = session(&both);
        assert_eq!(unseal(&ring(&[&new]), &later).as_deref(), Ok(DATA));
        assert_eq!(unseal(&ring(&[&old]), &later), Err(UnsealError::UnknownKey));
    }

    #[test]
    fn other_texts_are_malformed() {
        let ring = ring(&[&KeyRing::generate()]);
        let text = session(&ring);
        let padded = format!("{text}=");
        let version_2 = format!("Ag{}", &text[2..]);
        for other in ["", "hvs.CAESIJ", "AQ", &text[..20], &padded, &version_2, &format!(" {text}")]
        {
            assert_eq!(unseal(&ring, other), Err(UnsealError::Malformed), "{other}");
        }
    }

    proptest! {
        #[test]
        fn changed_text_is_rejected(position in 0_usize..200, bit in 0_u8..8) {
            let ring = ring(&[&KeyRing::generate()]);
            let text = session(&ring);
            let mut bytes = text.clone().into_bytes();
            let position = position % bytes.len();
            bytes[position] ^= 1 << bit;
            if let Ok(changed) = String::from_utf8(bytes) {
                prop_assert!(unseal(&ring, &changed).is_err());
            }
        }

        #[test]
        fn shortened_text_is_rejected(length in 0_usize..200) {
            let ring = ring(&[&KeyRing::generate()]);
            let text = session(&ring);
            let length = length % text.len();
            prop_assert!(unseal(&ring, &text[..length]).is_err());
        }
    }
}
