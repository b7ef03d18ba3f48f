//! Credentials, and Vault's information about tokens.
//!
//! A [`Credential`] is read from a request's headers and hashed into a [`TokenKey`]. The token
//! cache looks the key up, and calls Vault through the backend trait on a miss. Decisions are made
//! from the cached token information, and are not cached themselves.

mod backend;
mod cache;
mod credential;
mod identity;
mod info;
mod key;

pub use backend::{
    Answer, Authority, Cause, Granted, LookupPriority, Spent, Token, Unavailable, Verdict,
};
pub use cache::{CacheSettings, CacheStatus, CapabilityLookup, Entry, FactsCache, TokenLookup};
pub use credential::{Credential, CredentialError, Source, Sources};
pub use identity::Identity;
pub use info::{Expiry, Facts, Standing, TokenType, Usage};
use key::PrehashedHasher;
pub use key::{CacheKeyHasher, TokenKey};
