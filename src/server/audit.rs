//! Entries of Vault's audit log, and the cached tokens that each makes stale.
//!
//! No complete source of revocations: Vault writes no entry when a token expires, or when it is
//! revoked with its parent.

mod excerpt;
mod report;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Deserializer, error::Category, value::RawValue};
use tracing::warn;

pub(super) use self::report::FeedReport;
use self::{excerpt::EntryExcerpt, report::EntryFacts, scope::Scope};
use crate::telemetry::{LimitedLog, line_size};

/// The errors of a request that Vault denied before it changed anything: the messages of OpenBao
/// and of HashiCorp Vault. Any other error may be a plugin's own, from a request that is partly
/// done.
const DENIALS: [&str; 3] = [
    "permission denied",
    "1 error occurred:\n\t* permission denied\n\n",
    "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
];

/// A reader of audit entries that arrive in chunks: JSON objects one after another, of any size,
/// with or without white space between them.
#[derive(Default)]
pub(super) struct EntryReader {
    excerpt: EntryExcerpt,
    is_unreadable: bool,
}

/// The cached tokens that a sequence of audit entries makes stale.
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

/// The cached tokens that one entry makes stale.
enum StaleTokens {
    None,
    Token(String),
    Entity(String),
    All,
}

/// The members of an audit entry that are used here. A member that is added to this type, or to one
/// of its fields' types, has to be added to those that an [`EntryExcerpt`] keeps.
///
/// `request.data` is parsed only when it is needed: the caller chooses it, and it may be any JSON.
#[derive(Deserialize)]
struct AuditEntry<'e> {
    #[serde(rename = "type")]
    kind: String,
    time: Option<String>,
    error: Option<String>,
    auth: Option<AuditAuth>,
    #[serde(borrow)]
    request: Option<AuditRequest<'e>>,
}

#[derive(Default, Deserialize)]
struct AuditAuth {
    accessor: Option<String>,
    entity_id: Option<String>,
    policies: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
struct AuditRequest<'e> {
    operation: Option<String>,
    path: String,
    namespace: Option<AuditNamespace>,
    #[serde(borrow)]
    data: Option<&'e RawValue>,
}

#[derive(Deserialize)]
struct AuditNamespace {
    path: Option<String>,
}

#[derive(Deserialize)]
struct RequestData {
    accessor: Option<String>,
}

impl EntryReader {
    /// Reads the next chunk.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.is_unreadable = self.is_unreadable || self.excerpt.push(chunk).is_err();
    }

    /// Returns the tokens that the entries make stale, all tokens if an entry cannot be read, and what is
    /// measured of the entries.
    pub(super) fn finish(self) -> FeedReport {
        if self.is_unreadable {
            warn_unreadable(None);
            return FeedReport::new().unreadable();
        }
        parse(self.excerpt.as_bytes())
    }
}

/// Logs that entries could not be read, with the category of the error only: its text may quote
/// them.
fn warn_unreadable(category: Option<Category>) {
    LimitedLog::Audit.log(line_size(["Syntax"]), || {
        warn!(?category, "an audit entry cannot be read; evicted all tokens from the cache");
    });
}

/// Parses excerpts of entries.
fn parse(entries: &[u8]) -> FeedReport {
    let mut report = FeedReport::new();
    for entry in Deserializer::from_slice(entries).into_iter::<&RawValue>() {
        match entry.and_then(|entry| serde_json::from_str::<AuditEntry<'_>>(entry.get())) {
            Ok(entry) => report.add(&EntryFacts::of(&entry), stale_tokens(entry)),
            Err(error) => {
                warn_unreadable(Some(error.classify()));
                return report.unreadable();
            }
        }
    }
    report
}

impl Evictions {
    fn none() -> Self {
        Self::Some { accessors: HashSet::new(), entities: HashSet::new() }
    }

    fn add(&mut self, stale: StaleTokens) {
        let Self::Some { accessors, entities } = self else { return };
        match stale {
            StaleTokens::None => {}
            StaleTokens::Token(accessor) => {
                accessors.insert(accessor);
            }
            StaleTokens::Entity(id) => {
                entities.insert(id);
            }
            StaleTokens::All => *self = Self::All,
        }
    }
}

impl AuditAuth {
    /// Returns true if the caller had a valid token. Batch tokens have no accessor.
    fn is_authenticated(&self) -> bool {
        let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        is_set(&self.accessor)
            || is_set(&self.entity_id)
            || self.policies.as_ref().is_some_and(|policies| !policies.is_empty())
    }
}

impl AuditRequest<'_> {
    /// Returns the path without its namespace. Today's Vault writes it so; older versions may not.
    /// No namespace can have the name of a mount that is used here: those names are reserved.
    fn path_in_namespace(&self) -> &str {
        let namespace = self.namespace.as_ref().and_then(|namespace| namespace.path.as_deref());
        namespace
            .filter(|namespace| !namespace.is_empty())
            .and_then(|namespace| self.path.strip_prefix(namespace))
            .unwrap_or(&self.path)
    }
}

/// Returns the tokens that an entry makes stale. Of the two entries of a request, the second, of
/// type `response`, is written when the change is done.
fn stale_tokens(entry: AuditEntry<'_>) -> StaleTokens {
    match entry.kind.as_str() {
        "request" => return StaleTokens::None,
        "response" => {}
        _ => return StaleTokens::All,
    }
    let Some(request) = entry.request else {
        return StaleTokens::All;
    };
    let error = entry.error.unwrap_or_default();
    let auth = entry.auth.unwrap_or_default();
    match scope::of_request(request.path_in_namespace(), request.operation.as_deref()) {
        Scope::None => StaleTokens::None,
        // A caller without a token must not cause lookups of all tokens. A request that failed for
        // another reason than a missing permission may be partly done, such as the revocation of a
        // prefix of leases.
        Scope::AllTokens if !auth.is_authenticated() || DENIALS.contains(&&*error) => {
            StaleTokens::None
        }
        Scope::AllTokens => StaleTokens::All,
        _ if !error.is_empty() => StaleTokens::None,
        Scope::TokenInBody => token_with_accessor(request.data.and_then(accessor_in)),
        Scope::TokenOfCaller => token_with_accessor(auth.accessor),
        Scope::Entity(id) => StaleTokens::Entity(id.to_owned()),
    }
}

/// Returns the accessor in the body of a request, if it is a string.
fn accessor_in(data: &RawValue) -> Option<String> {
    serde_json::from_str::<RequestData>(data.get()).ok()?.accessor
}

/// Returns the token with this accessor, or all tokens if the accessor is missing or hashed
/// (`hmac_accessor`).
fn token_with_accessor(accessor: Option<String>) -> StaleTokens {
    match accessor {
        Some(accessor) if !accessor.is_empty() && !accessor.starts_with("hmac-") => {
            StaleTokens::Token(accessor)
        }
        _ => StaleTokens::All,
    }
}
