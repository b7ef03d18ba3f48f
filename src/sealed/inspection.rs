//! The description of a sealed credential, for operators who have the keys.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;

use super::{
    KeyRing, Purpose, UnsealError,
    sealed_text::{HEADER_LENGTH, parse_header},
};

/// The part of a sealed credential that is not encrypted. It is authentic only if the credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedHeader {
    /// The key that it names.
    pub key: KeyPosition,
    /// The time at which it expires.
    pub expiry: Timestamp,
}

/// The position of a key in the key ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPosition {
    /// The first key, which seals.
    First,
    /// An older key, which only unseals; its number, the first key having 1.
    Older(usize),
    /// None of the keys.
    Unknown,
}

/// The description of a sealed credential for one audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedInspection {
    /// The text does not have the format.
    Malformed,
    /// The text is sealed with a key that is not in the key ring, or was changed.
    UnknownKey(SealedHeader),
    /// The text is sealed for another audience, or was changed.
    NotAuthentic(SealedHeader),
    /// The text was sealed for this purpose and this audience, and has expired.
    Expired(Purpose, SealedHeader),
    /// The text is sealed for this purpose and this audience.
    Valid(Purpose, SealedHeader),
}

impl KeyRing {
    /// Describes a text for an audience at `now`. The audience cannot be read from the text: it is only
    /// authenticated.
    #[must_use]
    pub fn inspect(&self, audience: &str, now: Timestamp, text: &str) -> SealedInspection {
        let Some(header) = self.header(text) else { return SealedInspection::Malformed };
        if header.key == KeyPosition::Unknown {
            return SealedInspection::UnknownKey(header);
        }
        for purpose in Purpose::ALL {
            match self.unseal(purpose, audience, now, text) {
                Ok(_) => return SealedInspection::Valid(purpose, header),
                Err(UnsealError::Expired) => return SealedInspection::Expired(purpose, header),
                Err(UnsealError::Malformed) => return SealedInspection::Malformed,
                Err(UnsealError::UnknownKey | UnsealError::NotAuthentic) => {}
            }
        }
        SealedInspection::NotAuthentic(header)
    }

    fn header(&self, text: &str) -> Option<SealedHeader> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, expiry) = parse_header(sealed.first_chunk::<HEADER_LENGTH>()?)?;
        let key = match self.position(id) {
            None => KeyPosition::Unknown,
            Some(0) => KeyPosition::First,
            Some(index) => KeyPosition::Older(index + 1),
        };
        Some(SealedHeader { key, expiry: Timestamp::from_second(expiry).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::sealed::{KeyPosition, KeyRing, Purpose, SealedHeader, SealedInspection};

    const HOST: &str = "crm.example.com";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn sealed_text_is_described() {
        let (old, new) = (KeyRing::generate(), KeyRing::generate());
        let ring = |keys: &str| KeyRing::parse(keys.as_bytes()).expect("keys");
        let (alone, both) = (ring(&old), ring(&format!("{}{}", *new, *old)));
        let header = |key| SealedHeader { key, expiry: at(100) };
        for purpose in Purpose::ALL {
            let sealed = alone.seal(purpose, HOST, at(100), b"data").expect("a sealed text");
            let inspect =
                |ring: &KeyRing, host: &str, second: i64| ring.inspect(host, at(second), &sealed);
            let valid = SealedInspection::Valid(purpose, header(KeyPosition::First));
            assert_eq!(inspect(&alone, HOST, 99), valid);
            let older = header(KeyPosition::Older(2));
            assert_eq!(inspect(&both, HOST, 99), SealedInspection::Valid(purpose, older));
            assert_eq!(inspect(&both, HOST, 100), SealedInspection::Expired(purpose, older));
            let other = SealedInspection::NotAuthentic(older);
            assert_eq!(inspect(&both, "erp.example.com", 99), other);
            let unknown = SealedInspection::UnknownKey(header(KeyPosition::Unknown));
            assert_eq!(inspect(&ring(&new), HOST, 99), unknown);
        }
    }

    #[test]
    fn other_text_is_malformed() {
        let ring = KeyRing::parse(KeyRing::generate().as_bytes()).expect("a key");
        let sealed = ring.seal(Purpose::Session, HOST, at(100), b"data").expect("a sealed text");
        for text in ["", "s.wXzGNLAYb2RT3tI5JWGkyUw0", "!", &sealed[..20], &sealed[1..]] {
            let found = ring.inspect(HOST, at(99), text);
            assert_eq!(found, SealedInspection::Malformed, "{text}");
        }
    }
}
