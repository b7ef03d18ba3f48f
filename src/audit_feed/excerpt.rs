//! Excerpts of audit entries: the members that [`AuditEntry`](super::entry::AuditEntry) reads, and few
//! others.
//!
//! Vault hashes the values of a request, not its names, and escapes some of their characters. Every
//! client that can reach Vault can therefore cause entries of any size, with an unknown path and
//! without a token. Entries are read in chunks, and the size of the excerpt is limited.

/// The names of members that are kept, with quotes.
const KEPT_NAMES: [&str; 16] = [
    r#""type""#,
    r#""time""#,
    r#""error""#,
    r#""auth""#,
    r#""accessor""#,
    r#""entity_id""#,
    r#""policies""#,
    r#""request""#,
    r#""operation""#,
    r#""path""#,
    r#""namespace""#,
    r#""data""#,
    r#""response""#,
    r#""id""#,
    r#""token""#,
    r#""mount_type""#,
];

/// The maximum length of a name that is compared with those, in bytes.
const MAX_NAME_LENGTH: usize = 16;

/// The maximum number of containers around a value that is kept: `request.data.accessor` has two
/// more than the entry itself.
const MAX_KEPT_DEPTH: usize = 3;

/// The maximum nesting depth. Vault reads requests with Go's JSON decoder, which allows 10,000.
const MAX_DEPTH: usize = 16 * 1024;

/// The maximum length of a kept string, in bytes, not counting its last character. Accessors and
/// ids are far shorter, and the start of a path determines the operation.
const MAX_STRING_LENGTH: usize = 16 * 1024;

/// The maximum size of the excerpt of the entries in one request, in bytes.
pub(super) const MAX_EXCERPT: usize = 1024 * 1024;

/// The error for entries that are not valid JSON, or whose excerpt is too large.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidEntries;

/// An excerpt of JSON texts, one after another, that are read in chunks.
///
/// Members of objects with other names than [`KEPT_NAMES`], values that are nested too deep and the
/// rest of long strings are omitted. Of omitted text, only quotes and brackets are checked.
#[derive(Default)]
pub(super) struct EntryExcerpt {
    kept: Vec<u8>,
    /// The opening brackets of the containers around the next byte.
    open: Vec<u8>,
    item: ExcerptItem,
    string: Option<StringState>,
}

/// The item that the next byte belongs to.
#[derive(Default)]
enum ExcerptItem {
    /// An item that is kept.
    #[default]
    Kept,
    /// The name of a member: its first bytes, from the opening quote on.
    Name(Vec<u8>),
    /// An item that is omitted, at this depth.
    Omitted(usize),
}

/// The position within a string.
#[derive(Clone, Copy, Default)]
struct StringState {
    length: usize,
    /// Number of bytes left of an escape sequence.
    escape: u8,
    is_truncated: bool,
}

impl EntryExcerpt {
    /// Reads the next chunk.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), InvalidEntries> {
        for &byte in chunk {
            match self.string.take() {
                Some(string) => self.string = self.push_in_string(string, byte),
                None => self.push_outside_string(byte).ok_or(InvalidEntries)?,
            }
        }
        if self.kept.len() > MAX_EXCERPT { Err(InvalidEntries) } else { Ok(()) }
    }

    /// Returns the excerpt of all chunks. It may end within a JSON text.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.kept
    }

    /// Reads a byte of a string, and returns the state after it; `None` at the end of the string.
    fn push_in_string(&mut self, mut string: StringState, byte: u8) -> Option<StringState> {
        let starts_character = string.escape == 0 && byte & 0b1100_0000 != 0b1000_0000;
        if starts_character && byte == b'"' {
            self.keep(byte);
            return None;
        }
        string.is_truncated |= starts_character && string.length >= MAX_STRING_LENGTH;
        if !string.is_truncated {
            self.keep(byte);
        }
        string.length = string.length.saturating_add(1);
        string.escape = match (string.escape, byte) {
            (0, b'\\') => 1,
            (1, b'u') => 4,
            (left, _) => left.saturating_sub(1),
        };
        Some(string)
    }

    /// Reads a byte outside of strings. Returns `None` if it is not allowed there.
    fn push_outside_string(&mut self, byte: u8) -> Option<()> {
        match byte {
            b'"' => {
                if matches!(&self.item, ExcerptItem::Name(name) if !name.is_empty()) {
                    return None;
                }
                self.string = Some(StringState::default());
                self.keep(byte);
            }
            b'{' | b'[' => self.open_container(byte)?,
            b'}' | b']' => self.close_container(byte)?,
            b',' => self.end_item(),
            b':' => self.end_name()?,
            b' ' | b'\t' | b'\r' | b'\n' if matches!(self.item, ExcerptItem::Name(_)) => {}
            _ if matches!(self.item, ExcerptItem::Name(_)) => return None,
            _ => self.keep(byte),
        }
        Some(())
    }

    fn open_container(&mut self, bracket: u8) -> Option<()> {
        if self.open.len() == MAX_DEPTH || matches!(self.item, ExcerptItem::Name(_)) {
            return None;
        }
        self.keep(bracket);
        self.open.push(bracket);
        if matches!(self.item, ExcerptItem::Kept) {
            self.item = self.next_item();
        }
        Some(())
    }

    fn close_container(&mut self, bracket: u8) -> Option<()> {
        let opening = if bracket == b'}' { b'{' } else { b'[' };
        if self.open.pop() != Some(opening) {
            return None;
        }
        match &self.item {
            ExcerptItem::Name(name) if !name.is_empty() => return None,
            ExcerptItem::Omitted(depth) if *depth <= self.open.len() => return Some(()),
            _ => {}
        }
        self.item = ExcerptItem::Kept;
        self.keep(bracket);
        Some(())
    }

    /// Ends an item of a container.
    fn end_item(&mut self) {
        if matches!(self.item, ExcerptItem::Omitted(depth) if depth < self.open.len()) {
            return;
        }
        if matches!(self.item, ExcerptItem::Kept) && self.open.last() != Some(&b'{') {
            self.keep(b',');
        }
        self.item = self.next_item();
    }

    /// Decides whether a member is kept, after its name. Returns `None` for a name with an escape
    /// sequence at a depth where only Vault's own names occur: it could be the escaped form of a
    /// name that is kept.
    fn end_name(&mut self) -> Option<()> {
        let ExcerptItem::Name(name) = &self.item else {
            self.keep(b':');
            return Some(());
        };
        if self.open.len() < MAX_KEPT_DEPTH && name.contains(&b'\\') {
            return None;
        }
        if !KEPT_NAMES.iter().any(|kept| kept.as_bytes() == name) {
            self.item = ExcerptItem::Omitted(self.open.len());
            return Some(());
        }
        if self.kept.last() != Some(&b'{') {
            self.kept.push(b',');
        }
        self.kept.extend(name);
        self.kept.push(b':');
        self.item = ExcerptItem::Kept;
        Some(())
    }

    /// Returns the next item of the innermost container, which is not omitted itself.
    fn next_item(&self) -> ExcerptItem {
        match self.open.last() {
            _ if self.open.len() > MAX_KEPT_DEPTH => ExcerptItem::Omitted(self.open.len()),
            Some(b'{') => ExcerptItem::Name(Vec::new()),
            _ => ExcerptItem::Kept,
        }
    }

    fn keep(&mut self, byte: u8) {
        match &mut self.item {
            ExcerptItem::Kept => self.kept.push(byte),
            ExcerptItem::Name(name) if name.len() < MAX_NAME_LENGTH => name.push(byte),
            ExcerptItem::Name(_) | ExcerptItem::Omitted(_) => {}
        }
    }
}
