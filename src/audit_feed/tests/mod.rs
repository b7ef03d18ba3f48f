//! The invalidations by entries, and the reading of entries of any size and shape.

mod changes;
mod reading;

use serde_json::{Value, json};

use super::{EntryReader, entry::Stage, reader::ReadEntries};
use crate::token::{AuditHash, Change, Invalidation};

const ACCESSOR: &str = "auth/token/revoke-accessor";

/// A hash as in the audit log, with these first digits.
fn hmac(first: &str) -> String {
    format!("hmac-sha256:{first}{}", "0".repeat(64 - first.len()))
}

fn hash(first: &str) -> AuditHash {
    AuditHash::parse(&hmac(first)).expect("a hash")
}

fn nothing() -> Invalidation {
    Invalidation::default()
}

/// The revocation of the token with this accessor.
fn token(accessor: &str) -> Invalidation {
    [Change::Accessor(accessor.to_owned()), Change::TokensWithParent].into_iter().collect()
}

fn only(change: Change) -> Invalidation {
    [change].into_iter().collect()
}

/// Returns the entry of a successful update of this path by a caller with a token.
fn update(path: &str, data: &Value) -> Value {
    json!({
        "type": "response",
        "auth": {"accessor": "caller", "policies": ["default"]},
        "request": {"operation": "update", "path": path, "data": data, "namespace": {"id": "root"}},
    })
}

/// Returns the entries in these bytes, in several chunks.
fn read_entries<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> ReadEntries {
    let mut reader = EntryReader::default();
    pieces.into_iter().for_each(|piece| reader.push(piece));
    reader.finish()
}

/// Returns the invalidation by responses in these entries; of all tokens if one is unreadable.
fn invalidation(entries: ReadEntries) -> Invalidation {
    let mut all = if entries.is_unreadable { Invalidation::all() } else { nothing() };
    let responses = entries.summaries.into_iter().filter(|entry| entry.stage == Stage::Response);
    responses.for_each(|entry| all.merge(entry.invalidation));
    if all.is_all() { Invalidation::all() } else { all }
}

/// Returns the invalidation by these bytes, in one chunk.
fn read_bytes(entries: &[u8]) -> Invalidation {
    read_chunks([entries])
}

/// Returns the invalidation by these bytes, in several chunks.
fn read_chunks<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Invalidation {
    invalidation(read_entries(pieces))
}

fn read(entries: &[Value]) -> Invalidation {
    read_bytes(entries.iter().map(Value::to_string).collect::<String>().as_bytes())
}

/// Returns the invalidation by an update of this path.
fn evicted(path: &str) -> Invalidation {
    read(&[update(path, &json!({}))])
}
