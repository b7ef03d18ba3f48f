use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::AuthorizationRequest;
use crate::{
    sealed::{KeyRing, Purpose, SealError},
    token::CallerToken,
    wall_clock::now,
};

/// The time within which a person has to answer the question for consent.
pub const CONSENT_TIME: SignedDuration = SignedDuration::from_mins(10);

/// The question for consent, which is answered once: a person has logged in for a client's request.
pub struct PendingConsent {
    /// The request.
    pub request: AuthorizationRequest,
    /// The person's token.
    pub token: CallerToken,
    /// The response-wrapping token with the same token, which can be exchanged once.
    pub wrapping_token: SecretString,
}

#[derive(Serialize, Deserialize)]
struct SealedConsent {
    request: AuthorizationRequest,
    token: String,
    wrapping_token: String,
}

impl PendingConsent {
    /// Seals the question.
    ///
    /// # Errors
    /// [`SealError`], which does not occur in practice.
    pub fn seal(self, keys: &KeyRing, issuer: &str) -> Result<String, SealError> {
        let wrapping_token = self.wrapping_token.expose_secret().to_owned();
        let token = self.token.expose().to_owned();
        let data = SealedConsent { request: self.request, token, wrapping_token };
        keys.seal_json(Purpose::Consent, issuer, now() + CONSENT_TIME, &data)
    }

    /// Unseals a question; `None` if it is not one of this issuer or has expired.
    #[must_use]
    pub fn unseal(keys: &KeyRing, issuer: &str, text: &str) -> Option<Self> {
        let data: SealedConsent = keys.unseal_json(Purpose::Consent, issuer, now(), text).ok()?;
        let token = CallerToken::from(data.token.as_str());
        Some(Self { request: data.request, token, wrapping_token: data.wrapping_token.into() })
    }
}
