use serde_json::{Deserializer, error::Category, value::RawValue};
use tracing::warn;

use super::{
    entry::{AuditEntry, EntrySummary},
    excerpt::EntryExcerpt,
};
use crate::telemetry::{LimitedLog, line_size};

/// A reader of audit entries that arrive in chunks: JSON objects one after another, of any size,
/// with or without white space between them.
#[derive(Default)]
pub struct EntryReader {
    excerpt: EntryExcerpt,
    is_unreadable: bool,
}

/// The entries that were read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReadEntries {
    pub(super) summaries: Vec<EntrySummary>,
    /// True if an entry could not be read, after which no other was.
    pub(super) is_unreadable: bool,
}

impl EntryReader {
    /// Reads the next chunk.
    pub fn push(&mut self, chunk: &[u8]) {
        self.is_unreadable = self.is_unreadable || self.excerpt.push(chunk).is_err();
    }

    /// Returns the entries.
    pub(super) fn finish(self) -> ReadEntries {
        if self.is_unreadable {
            warn_unreadable(None);
            return ReadEntries { summaries: Vec::new(), is_unreadable: true };
        }
        parse(self.excerpt.as_bytes())
    }
}

/// Parses excerpts of entries.
pub(super) fn parse(excerpts: &[u8]) -> ReadEntries {
    let mut read = ReadEntries::default();
    for entry in Deserializer::from_slice(excerpts).into_iter::<&RawValue>() {
        let parsed = entry.and_then(|entry| serde_json::from_str::<AuditEntry<'_>>(entry.get()));
        let summary = parsed.map_err(|error| Some(error.classify()));
        match summary.and_then(|entry| entry.summarize().ok_or(None)) {
            Ok(summary) => read.summaries.push(summary),
            Err(category) => {
                warn_unreadable(category);
                read.is_unreadable = true;
                return read;
            }
        }
    }
    read
}

/// Logs that entries could not be read, with the category of the error only: its text may quote
/// them.
fn warn_unreadable(category: Option<Category>) {
    LimitedLog::Audit.log(line_size(["Syntax"]), || {
        warn!(?category, "an audit entry cannot be read; evicted all tokens from the cache");
    });
}
