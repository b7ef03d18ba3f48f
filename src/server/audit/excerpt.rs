//! Excerpts of audit entries: what [`Entry`](super::Entry) reads, and little else.
//!
//! Vault hashes the values of a request, not its names, and escapes some characters of theirs, so
//! that anybody who can reach Vault makes entries of any size, with a path that is not there and
//! without a token. They are read in pieces, and what is kept of them has a bound.

/// The names of members that are kept, in quotes.
const NAMES: [&str; 11] = [
    r#""type""#,
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
];

/// The longest name that is compared with those, in bytes.
const MAX_NAME: usize = 16;

/// How many containers around a value that is kept: `request.data.accessor` has two more than the
/// entry itself.
const MAX_KEPT_DEPTH: usize = 3;

/// The deepest nesting. Vault reads requests with Go's JSON decoder, which allows 10,000.
const MAX_DEPTH: usize = 16 * 1024;

/// How much of a string is kept, in bytes, and a character more at the most. Accessors and ids are
/// far shorter, and the start of a path tells what is done.
const MAX_STRING: usize = 16 * 1024;

/// The largest excerpt of the entries of one request, in bytes.
pub(super) const MAX_EXCERPT: usize = 1024 * 1024;

/// The entries cannot be read: it is no JSON, or the excerpt is too large.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// An excerpt of JSON texts, one after another, that are read in pieces.
///
/// Members of objects with other names than [`NAMES`] are left out, and so is what is nested too
/// deep, and the rest of long strings. What is left out is not checked but for its quotes and
/// brackets.
#[derive(Default)]
pub(super) struct Excerpt {
    kept: Vec<u8>,
    /// The opening brackets of the containers around the next byte.
    open: Vec<u8>,
    item: Item,
    string: Option<Text>,
}

/// What the next byte belongs to.
#[derive(Default)]
enum Item {
    /// Something that is kept.
    #[default]
    Kept,
    /// The name of a member: its first bytes, from the quote on.
    Name(Vec<u8>),
    /// Something that is left out, directly within so many containers.
    LeftOut(usize),
}

/// The place within a string.
#[derive(Clone, Copy, Default)]
struct Text {
    length: usize,
    /// How many bytes still belong to an escape sequence.
    escape: u8,
    is_cut: bool,
}

impl Excerpt {
    /// Reads the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Unreadable> {
        for &byte in piece {
            match self.string.take() {
                Some(text) => self.string = self.in_string(text, byte),
                None => self.outside(byte).ok_or(Unreadable)?,
            }
        }
        if self.kept.len() > MAX_EXCERPT { Err(Unreadable) } else { Ok(()) }
    }

    /// The excerpt of all pieces. It ends where they do, be it within a text.
    pub(super) fn text(&self) -> &[u8] {
        &self.kept
    }

    /// Reads a byte of a string, and returns where the next one is in it.
    fn in_string(&mut self, mut text: Text, byte: u8) -> Option<Text> {
        let starts_character = text.escape == 0 && byte & 0b1100_0000 != 0b1000_0000;
        if starts_character && byte == b'"' {
            self.keep(byte);
            return None;
        }
        text.is_cut |= starts_character && text.length >= MAX_STRING;
        if !text.is_cut {
            self.keep(byte);
        }
        text.length = text.length.saturating_add(1);
        text.escape = match (text.escape, byte) {
            (0, b'\\') => 1,
            (1, b'u') => 4,
            (left, _) => left.saturating_sub(1),
        };
        Some(text)
    }

    /// Reads a byte outside of strings. `None` if it cannot stand there.
    fn outside(&mut self, byte: u8) -> Option<()> {
        match byte {
            b'"' => {
                if matches!(&self.item, Item::Name(name) if !name.is_empty()) {
                    return None;
                }
                self.string = Some(Text::default());
                self.keep(byte);
            }
            b'{' | b'[' => self.open(byte)?,
            b'}' | b']' => self.close(byte)?,
            b',' => self.separate(),
            b':' => self.name_ends()?,
            b' ' | b'\t' | b'\r' | b'\n' if matches!(self.item, Item::Name(_)) => {}
            _ if matches!(self.item, Item::Name(_)) => return None,
            _ => self.keep(byte),
        }
        Some(())
    }

    fn open(&mut self, bracket: u8) -> Option<()> {
        if self.open.len() == MAX_DEPTH || matches!(self.item, Item::Name(_)) {
            return None;
        }
        self.keep(bracket);
        self.open.push(bracket);
        if matches!(self.item, Item::Kept) {
            self.item = self.next_item();
        }
        Some(())
    }

    fn close(&mut self, bracket: u8) -> Option<()> {
        let opening = if bracket == b'}' { b'{' } else { b'[' };
        if self.open.pop() != Some(opening) {
            return None;
        }
        match &self.item {
            Item::Name(name) if !name.is_empty() => return None,
            Item::LeftOut(depth) if *depth <= self.open.len() => return Some(()),
            _ => {}
        }
        self.item = Item::Kept;
        self.keep(bracket);
        Some(())
    }

    /// Ends an item of a container.
    fn separate(&mut self) {
        if matches!(self.item, Item::LeftOut(depth) if depth < self.open.len()) {
            return;
        }
        if matches!(self.item, Item::Kept) && self.open.last() != Some(&b'{') {
            self.keep(b',');
        }
        self.item = self.next_item();
    }

    /// Decides about a member whose name has been read. `None` if the name is one of Vault's own,
    /// which are plain, and could be one that is kept in an escaped form.
    fn name_ends(&mut self) -> Option<()> {
        let Item::Name(name) = &self.item else {
            self.keep(b':');
            return Some(());
        };
        if self.open.len() < MAX_KEPT_DEPTH && name.contains(&b'\\') {
            return None;
        }
        if !NAMES.iter().any(|kept| kept.as_bytes() == name) {
            self.item = Item::LeftOut(self.open.len());
            return Some(());
        }
        if self.kept.last() != Some(&b'{') {
            self.kept.push(b',');
        }
        self.kept.extend(name);
        self.kept.push(b':');
        self.item = Item::Kept;
        Some(())
    }

    /// The next item of the container around, of which none has been left out.
    fn next_item(&self) -> Item {
        match self.open.last() {
            _ if self.open.len() > MAX_KEPT_DEPTH => Item::LeftOut(self.open.len()),
            Some(b'{') => Item::Name(Vec::new()),
            _ => Item::Kept,
        }
    }

    fn keep(&mut self, byte: u8) {
        match &mut self.item {
            Item::Kept => self.kept.push(byte),
            Item::Name(name) if name.len() < MAX_NAME => name.push(byte),
            Item::Name(_) | Item::LeftOut(_) => {}
        }
    }
}
