use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// A code challenge of the method `S256` (RFC 7636, 4.2): the base64url of a SHA-256 hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// Parses a challenge.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hash = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        (hash.len() == SHA256.output_len()).then(|| Self(text.to_owned()))
    }

    /// Returns true if this is the verifier of the challenge: 43 to 128 unreserved characters (RFC 7636,
    /// 4.1).
    #[must_use]
    pub fn matches(&self, verifier: &str) -> bool {
        let is_unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let is_verifier =
            (43..=128).contains(&verifier.len()) && verifier.bytes().all(is_unreserved);
        // The challenge is no secret, so that the time of the comparison tells nothing.
        let hash = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        is_verifier && hash == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::CodeChallenge;

    // RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn m14_only_the_verifier_of_the_challenge_matches() {
        let challenge = CodeChallenge::parse(CHALLENGE).expect("a challenge");
        assert!(challenge.matches(VERIFIER));
        for other in ["", CHALLENGE, &VERIFIER[1..], &format!("{VERIFIER}x"), &"a".repeat(43)] {
            assert!(!challenge.matches(other), "{other}");
        }
        for text in ["", "plain", VERIFIER.trim_end_matches('k'), &format!("{CHALLENGE}=")] {
            assert_eq!(CodeChallenge::parse(text), None, "{text}");
        }
    }
}
