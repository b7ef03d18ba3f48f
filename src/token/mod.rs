//! The credential of a request, and what Vault knows of it.
//!
//! A [`Credential`] is found in a request's headers, turned into a [`TokenKey`], and answered by
//! the [`FactsCache`], which asks the [`Authority`] for what it does not hold. What comes back are
//! [`Facts`]: decisions are made from them, and are never kept.

mod authority;
mod cache;
mod credential;
mod facts;
mod identity;
mod key;

pub use authority::{
    Answer, Authority, Cause, Granted, LookupPriority, Spent, Token, Unavailable, Verdict,
};
pub use cache::{CacheSettings, CacheStatus, Entry, FactsCache, Known, KnownGrants};
pub use credential::{Credential, CredentialError, Source, Sources};
pub use facts::{Expiry, Facts, Standing, TokenType, Usage};
pub use identity::Identity;
use key::Place;
pub use key::{TokenKey, TokenKeys};
