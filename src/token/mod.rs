//! Credentials, and Vault's information about tokens.
//!
//! A [`Credential`] is read from a request's headers and hashed into a [`TokenKey`]. The token
//! cache looks the key up, and calls Vault through the backend trait on a miss. Decisions are made
//! from the cached token information, and are not cached themselves.

mod access_token;
mod audit_join;
mod backend;
mod cache;
mod credential;
mod identity;
mod info;
mod key;

pub use access_token::{
    ACCESS_TOKEN_PREFIX, AUTHORIZATION_CODE_PREFIX, AccessToken, REFRESH_TOKEN_PREFIX,
};
pub use audit_join::AuditJoin;
pub use backend::{
    BackendFuture, CallerToken, CapabilitiesResult, LookupConsistency, LookupMode, LookupPriority,
    LookupResult, RenewedBy, TokenBackend, Unavailable, UnavailableReason, UseOutcome,
};
pub use cache::{
    AuditHash, CacheSettings, CacheStatus, CapabilityLookup, Change, EvictionCause, EvictionCounts,
    FeedCoverage, Invalidation, LookupHashes, TokenCache, TokenEntry, TokenLookup,
};
pub use credential::{
    Credential, CredentialError, CredentialReader, CredentialSource, CredentialSources,
    RequestAudience, SESSION_COOKIE,
};
pub use identity::CallerIdentity;
pub use info::{
    LookupSource, ResponseNode, TokenExpiry, TokenInfo, TokenKind, TokenType, TokenUsage,
};
use key::PrehashedHasher;
pub use key::{CacheKeyHasher, TokenKey};
