//! Passcodes as an authenticator app computes them (RFC 6238).

use std::time::{SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::json;
use url::Url;

use super::bao::Bao;

/// The time for which a passcode is shown, in seconds.
const PERIOD: u64 = 30;

/// The secret that a person shares with Vault.
#[derive(Debug, Clone)]
pub struct Totp {
    key: Vec<u8>,
}

/// Requires passcodes for logins of this entity, and returns the secret.
pub async fn require(bao: &Bao, entity: &str) -> Totp {
    let method =
        json!({"method_name": "staff-totp", "issuer": "acme", "max_validation_attempts": 3});
    let method = bao.must("POST", "identity/mfa/method/totp", Some(method)).await;
    let method = &method["data"]["method_id"];
    let enforcement = json!({"mfa_method_ids": [method], "identity_entity_ids": [entity]});
    bao.must("POST", "identity/mfa/login-enforcement/staff", Some(enforcement)).await;
    let person = json!({"method_id": method, "entity_id": entity});
    let enrolled = bao.must("POST", "identity/mfa/method/totp/admin-generate", Some(person)).await;
    Totp::from_url(enrolled["data"]["url"].as_str().expect("a URL"))
}

impl Totp {
    /// Reads the `otpauth://` URL of Vault, with SHA-1, six digits and 30 seconds.
    ///
    /// # Panics
    /// If there is no secret in it.
    pub fn from_url(url: &str) -> Self {
        let url = Url::parse(url).expect("a URL");
        let secret = url.query_pairs().find(|(name, _)| name == "secret").expect("a secret").1;
        Self { key: base32(&secret) }
    }

    /// Returns the passcode of this moment.
    pub fn code(&self) -> String {
        hotp(&self.key, time_step())
    }

    /// Returns the passcode of the next 30 seconds, which Vault accepts already.
    pub fn next_code(&self) -> String {
        hotp(&self.key, time_step() + 1)
    }

    /// Returns a passcode that Vault does not accept within the next minutes.
    pub fn wrong_code(&self) -> String {
        let now = time_step();
        let valid: Vec<_> = (now - 3..now + 9).map(|step| hotp(&self.key, step)).collect();
        let mut codes = (0..).map(|code: u32| format!("{code:06}"));
        codes.find(|code| !valid.contains(code)).expect("a wrong code")
    }
}

#[expect(clippy::disallowed_methods, reason = "passcodes depend on the time of day")]
fn time_step() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() / PERIOD
}

/// Returns the six digits for this counter (RFC 4226, 5.3).
fn hotp(key: &[u8], counter: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let digest = hmac::sign(&key, &counter.to_be_bytes());
    let digest = digest.as_ref();
    let offset = usize::from(digest[digest.len() - 1] & 0x0f);
    let bytes = digest[offset..offset + 4].try_into().expect("four bytes");
    format!("{:06}", (u32::from_be_bytes(bytes) & 0x7fff_ffff) % 1_000_000)
}

/// Decodes base32 without padding (RFC 4648, 6).
fn base32(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digits = text.chars().map(|c| alphabet.find(c).unwrap_or_else(|| panic!("{c} in base32")));
    let bits: Vec<_> =
        digits.flat_map(|digit| (0..5).rev().map(move |bit| (digit >> bit) & 1)).collect();
    let byte = |bits: &[usize]| bits.iter().fold(0, |byte, bit| (byte << 1) | bit);
    bits.chunks_exact(8).map(|bits| u8::try_from(byte(bits)).expect("eight bits")).collect()
}

#[test]
fn passcodes_are_those_of_the_rfc() {
    let key = base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_eq!(key, b"12345678901234567890");
    for (counter, code) in [(0, "755224"), (1, "287082"), (9, "520489"), (37_037_036, "081804")] {
        assert_eq!(hotp(&key, counter), code);
    }
}
