//! Sealed credentials: data that only this service can read, in a form that a client can keep.
//!
//! The data is encrypted and authenticated together with its [`Purpose`], its audience (a host, a
//! resource or a client) and its expiry. So a sealed credential is useless at Vault, for another
//! purpose, and for another audience. Replicas that share a [`KeyRing`] read each other's sealed
//! credentials, and share nothing else.

mod inspection;
mod json;
mod key_ring;
mod sealed_text;

pub use inspection::{KeyPosition, SealedHeader, SealedInspection};
pub use key_ring::{KeyRing, KeyRingError};
pub use sealed_text::{SealError, UnsealError};

/// The use of a sealed credential. A credential that is sealed for one is not valid for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The session cookie of a host.
    Session,
    /// The ticket by which the login host passes a session to another host.
    Ticket,
    /// The state of the logins that a browser has started and not finished.
    PendingLogin,
    /// A login that needs a second factor.
    PendingMfa,
    /// The request of an OAuth client, during the login that it needs.
    AuthorizationRequest,
    /// The token of a person who is asked for consent.
    Consent,
    /// An OAuth authorization code.
    AuthorizationCode,
    /// An OAuth access token.
    AccessToken,
    /// An OAuth refresh token.
    RefreshToken,
    /// The id of an OAuth client that registered itself.
    ClientRegistration,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Session,
        Self::Ticket,
        Self::PendingLogin,
        Self::PendingMfa,
        Self::AuthorizationRequest,
        Self::Consent,
        Self::AuthorizationCode,
        Self::AccessToken,
        Self::RefreshToken,
        Self::ClientRegistration,
    ];

    /// Returns the name that is authenticated with the data. It never changes.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Ticket => "ticket",
            Self::PendingLogin => "pending-login",
            Self::PendingMfa => "pending-mfa",
            Self::AuthorizationRequest => "authorization-request",
            Self::Consent => "consent",
            Self::AuthorizationCode => "authorization-code",
            Self::AccessToken => "access-token",
            Self::RefreshToken => "refresh-token",
            Self::ClientRegistration => "client-registration",
        }
    }
}
