//! Credentials, and Vault's information about tokens.
//!
//! A [`Credential`] is read from a request's headers and hashed into a [`TokenKey`]. The token
//! cache looks the key up, and calls Vault through the backend trait on a miss. Decisions are made
//! from the cached token information, and are not cached themselves.

mod authority;
mod cache;
mod credential;
mod facts;
mod identity;
mod key;

pub use authority::{
    Answer, Authority, Cause, Granted, LookupPriority, Spent, Token, Unavailable, Verdict,
};
pub use cache::{CacheSettings, CacheStatus, CapabilityLookup, Entry, FactsCache, TokenLookup};
pub use credential::{Credential, CredentialError, Source, Sources};
pub use facts::{Expiry, Facts, Standing, TokenType, Usage};
pub use identity::Identity;
use key::PrehashedHasher;
pub use key::{CacheKeyHasher, TokenKey};
