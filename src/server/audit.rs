//! Entries of Vault's audit log, and the cached tokens that each makes stale.
//!
//! A help and no guarantee: Vault writes no entry when a token expires, or when it ends with its
//! parent.

mod excerpt;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Deserializer, error::Category, value::RawValue};
use tracing::warn;

use self::{excerpt::Excerpt, scope::Scope};
use crate::server::log_limit::LogLimit;

/// The errors of a request that Vault denied before it did anything: the messages of OpenBao and of
/// HashiCorp Vault. Any other error may be a plugin's own, of a request that is half done.
const DENIALS: [&str; 3] = [
    "permission denied",
    "1 error occurred:\n\t* permission denied\n\n",
    "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
];

/// Entries that arrive in pieces: JSON objects one after another, with or without white space
/// between them, of any size.
#[derive(Default)]
pub(super) struct EntryReader {
    excerpt: Excerpt,
    is_unreadable: bool,
}

/// The cached tokens that some audit entries make stale.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Evictions {
    /// All tokens.
    All,
    /// Some tokens, or none.
    Some {
        /// The accessors of tokens.
        accessors: HashSet<String>,
        /// The ids of entities, for all of their tokens.
        entities: HashSet<String>,
    },
}

/// The tokens that one entry makes stale.
enum Stale {
    Nothing,
    Token(String),
    Entity(String),
    All,
}

/// An audit entry, as far as it matters here. A member that is added to it, or to what it holds,
/// has to be among those that an [`Excerpt`] keeps.
///
/// What a caller can choose freely (`request.data`) is not looked into before it is needed: it may
/// be any JSON.
#[derive(Deserialize)]
struct Entry<'e> {
    #[serde(rename = "type")]
    kind: String,
    error: Option<String>,
    auth: Option<Auth>,
    #[serde(borrow)]
    request: Option<Request<'e>>,
}

#[derive(Default, Deserialize)]
struct Auth {
    accessor: Option<String>,
    entity_id: Option<String>,
    policies: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
struct Request<'e> {
    operation: Option<String>,
    path: String,
    namespace: Option<Namespace>,
    #[serde(borrow)]
    data: Option<&'e RawValue>,
}

#[derive(Deserialize)]
struct Namespace {
    path: Option<String>,
}

#[derive(Deserialize)]
struct Data {
    accessor: Option<String>,
}

impl EntryReader {
    /// Reads the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.is_unreadable = self.is_unreadable || self.excerpt.push(piece).is_err();
    }

    /// Returns the tokens that the entries make stale: all of them if one cannot be read.
    pub(super) fn finish(self) -> Evictions {
        if self.is_unreadable {
            warn_unreadable(None);
            return Evictions::All;
        }
        Evictions::read(self.excerpt.text())
    }
}

/// Logs that entries could not be read, with the kind of the error alone: its text may quote them.
fn warn_unreadable(category: Option<Category>) {
    static LIMIT: LogLimit = LogLimit::per_second();
    LIMIT.log(|| warn!(?category, "an audit entry cannot be read: all tokens evicted"));
}

impl Evictions {
    /// Reads excerpts of entries.
    fn read(entries: &[u8]) -> Self {
        let (mut accessors, mut entities) = (HashSet::new(), HashSet::new());
        for entry in Deserializer::from_slice(entries).into_iter::<&RawValue>() {
            match entry.and_then(|entry| serde_json::from_str(entry.get())).map(stale) {
                Ok(Stale::Nothing) => {}
                Ok(Stale::Token(accessor)) => {
                    accessors.insert(accessor);
                }
                Ok(Stale::Entity(id)) => {
                    entities.insert(id);
                }
                Ok(Stale::All) => return Self::All,
                Err(error) => {
                    warn_unreadable(Some(error.classify()));
                    return Self::All;
                }
            }
        }
        Self::Some { accessors, entities }
    }
}

impl Auth {
    /// Returns whether Vault knew a token of the caller's. Batch tokens have no accessor.
    fn is_authenticated(&self) -> bool {
        let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        is_set(&self.accessor)
            || is_set(&self.entity_id)
            || self.policies.as_ref().is_some_and(|policies| !policies.is_empty())
    }
}

impl Request<'_> {
    /// The path within its namespace. Vault writes it so today; older versions may not. No
    /// namespace can be named like a mount that matters here: those names are reserved.
    fn path_in_namespace(&self) -> &str {
        let namespace = self.namespace.as_ref().and_then(|namespace| namespace.path.as_deref());
        namespace
            .filter(|namespace| !namespace.is_empty())
            .and_then(|namespace| self.path.strip_prefix(namespace))
            .unwrap_or(&self.path)
    }
}

/// Returns the tokens that an entry makes stale. Of the two entries of a request it is the second,
/// of type `response`, that is written when the change is done.
fn stale(entry: Entry<'_>) -> Stale {
    match entry.kind.as_str() {
        "request" => return Stale::Nothing,
        "response" => {}
        _ => return Stale::All,
    }
    let Some(request) = entry.request else {
        return Stale::All;
    };
    let error = entry.error.unwrap_or_default();
    let auth = entry.auth.unwrap_or_default();
    match scope::of_request(request.path_in_namespace(), request.operation.as_deref()) {
        Scope::Nothing => Stale::Nothing,
        // Nobody without a token makes all others be looked up again. What failed for another
        // reason than a missing right may be half done: a prefix of leases, for one.
        Scope::AllTokens if !auth.is_authenticated() || DENIALS.contains(&&*error) => {
            Stale::Nothing
        }
        Scope::AllTokens => Stale::All,
        _ if !error.is_empty() => Stale::Nothing,
        Scope::TokenInBody => token(request.data.and_then(accessor_in)),
        Scope::TokenOfCaller => token(auth.accessor),
        Scope::Entity(id) => Stale::Entity(id.to_owned()),
    }
}

/// The accessor in the body of a request, if it has one that is a string.
fn accessor_in(data: &RawValue) -> Option<String> {
    serde_json::from_str::<Data>(data.get()).ok()?.accessor
}

/// An accessor that is missing, or hashed (`hmac_accessor`), may be any token's.
fn token(accessor: Option<String>) -> Stale {
    match accessor {
        Some(accessor) if !accessor.is_empty() && !accessor.starts_with("hmac-") => {
            Stale::Token(accessor)
        }
        _ => Stale::All,
    }
}
