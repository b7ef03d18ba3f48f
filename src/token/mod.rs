//! The credential of a request, and what Vault knows of it.
//!
//! A [`Credential`] is found in a request's headers, turned into a [`TokenKey`], and answered by
//! the [`FactsCache`], which asks a [`Lookup`] for what it does not hold. What comes back are
//! [`Facts`]: decisions are made from them, and are never kept.

mod cache;
mod credential;
mod facts;
mod identity;
mod key;
mod lookup;

pub use cache::{CacheSettings, CacheStatus, Entry, FactsCache, Known};
pub use credential::{Credential, CredentialError, Source, Sources};
pub use facts::{Expiry, Facts, Standing, TokenType, Usage};
pub use identity::Identity;
pub use key::{TokenKey, TokenKeys};
pub use lookup::{Cause, Lookup, LookupFuture, Token, Unavailable, Verdict};
