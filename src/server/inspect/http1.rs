use crate::server::{
    inspect::MAX_HEAD,
    target::{NOT_ORIGIN_FORM, is_origin_form},
};

/// The longest line, in bytes. hyper refuses a head with a longer one.
pub(super) const MAX_LINE: usize = MAX_HEAD as usize;

/// How much room for a line is kept for the next one, in bytes.
const KEPT: usize = 1024;

/// The inspection of requests in HTTP/1, line by line.
///
/// Only what hyper accepts matters: with whatever it refuses, it closes the connection. Where the
/// next request cannot be told to begin, there is none: nothing more is read.
#[derive(Default)]
pub(super) struct Http1 {
    place: Place,
    /// The beginning of a line whose end has not come in.
    line: Vec<u8>,
}

/// Where in a request the next byte is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// At its first line, or at an empty one before it (RFC 9112, 2.2).
    #[default]
    RequestLine,
    /// At a line of its fields, which so far announce this body.
    Fields(Length),
    /// In its body, of which so many bytes are to come.
    Body(u64),
    /// At the line with the size of a chunk (RFC 9112, 7.1).
    ChunkSize,
    /// In a chunk, of which so many bytes are to come.
    Chunk(u64),
    /// At the end of the line behind a chunk.
    ChunkEnd,
    /// At a line of the trailer.
    Trailer,
    /// In a line that is too long. It is given no end.
    LongLine,
    /// Behind something that hyper refuses. What follows is dropped.
    Lost,
}

/// The length of a body (RFC 9112, 6.3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    /// So many bytes.
    Bytes(u64),
    /// `Transfer-Encoding` is there, which hyper accepts if it ends in `chunked`.
    Chunked,
    /// `Content-Length` cannot be read.
    Unreadable,
}

impl Http1 {
    /// Inspects these bytes, and appends what may be read to `out`.
    pub(super) fn inspect(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Body(left) | Place::Chunk(left) => self.pass(left, bytes, out),
                Place::LongLine => {
                    write_without_end(bytes, out);
                    &[]
                }
                Place::Lost => &[],
                _ => self.inspect_line(bytes, out),
            };
        }
    }

    /// Appends what is left when nothing more comes in.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.line);
    }

    /// Passes on what there is of a body or a chunk, and returns what follows it.
    fn pass<'b>(&mut self, left: u64, bytes: &'b [u8], out: &mut Vec<u8>) -> &'b [u8] {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let (body, rest) = bytes.split_at(length);
        out.extend_from_slice(body);
        let left = left - length as u64;
        self.place = match self.place {
            Place::Chunk(_) if left == 0 => Place::ChunkEnd,
            Place::Chunk(_) => Place::Chunk(left),
            _ => in_body(left),
        };
        rest
    }

    /// Takes the rest of a line from these bytes, and returns what follows it.
    fn inspect_line<'b>(&mut self, bytes: &'b [u8], out: &mut Vec<u8>) -> &'b [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        let (part, rest) = bytes.split_at(end);
        self.line.extend_from_slice(part);
        if self.line.len() > MAX_LINE {
            self.place = Place::LongLine;
            write_without_end(&self.line, out);
            self.line.clear();
        } else if self.line.ends_with(b"\n") {
            self.place = next_place(self.place, &self.line, out);
            self.line.clear();
            self.line.shrink_to(KEPT);
        }
        rest
    }
}

/// Appends this line as hyper may read it, and returns the place behind it.
fn next_place(place: Place, line: &[u8], out: &mut Vec<u8>) -> Place {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let ends_with_cr = text.ends_with(b"\r");
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if place == Place::RequestLine && !text.is_empty() {
        write_request_line(text, line, out);
        return Place::Fields(Length::Bytes(0));
    }
    out.extend_from_slice(line);
    match (place, text) {
        (Place::Fields(Length::Bytes(bytes)), b"") => in_body(bytes),
        (Place::Fields(Length::Chunked), b"") => Place::ChunkSize,
        (Place::Fields(Length::Unreadable), b"") => Place::Lost,
        (Place::Fields(length), field) => Place::Fields(length_with(length, field)),
        // In a chunked body hyper reads no line that ends otherwise.
        (Place::ChunkSize | Place::ChunkEnd | Place::Trailer, _) if !ends_with_cr => Place::Lost,
        (Place::ChunkSize, size) => chunk_of(size),
        (Place::ChunkEnd, b"") => Place::ChunkSize,
        (Place::Trailer, b"") | (Place::RequestLine, _) => Place::RequestLine,
        (Place::Trailer, _) => Place::Trailer,
        _ => Place::Lost,
    }
}

/// Appends this line, with a target that is surely refused if its own is not origin-form. `whole`
/// is the line with its end.
fn write_request_line(line: &[u8], whole: &[u8], out: &mut Vec<u8>) {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(target), Some(version)) if !is_origin_form(target) => {
            for part in [method, b" ", NOT_ORIGIN_FORM.as_bytes(), b" ", version, b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
        _ => out.extend_from_slice(whole),
    }
}

fn write_without_end(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(bytes.iter().filter(|byte| **byte != b'\n'));
}

/// The length that is announced once this field is read. `Transfer-Encoding` overrides the other
/// (RFC 9112, 6.3), which hyper accepts twice if it says the same.
fn length_with(length: Length, field: &[u8]) -> Length {
    let Some(colon) = field.iter().position(|byte| *byte == b':') else { return length };
    let (name, value) = (&field[..colon], field[colon + 1..].trim_ascii());
    if name.eq_ignore_ascii_case(b"transfer-encoding") {
        return Length::Chunked;
    }
    if !name.eq_ignore_ascii_case(b"content-length") {
        return length;
    }
    match (length, number(value, 10)) {
        (Length::Bytes(0), Some(bytes)) => Length::Bytes(bytes),
        (Length::Bytes(known), Some(bytes)) if known == bytes => length,
        (Length::Chunked, _) => Length::Chunked,
        _ => Length::Unreadable,
    }
}

/// The place behind the line that begins a chunk: its size, and extensions.
fn chunk_of(line: &[u8]) -> Place {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (size, extension) = line.split_at(end);
    let extension = extension.trim_ascii_start();
    let is_plain = extension.is_empty() || extension.starts_with(b";");
    match number(size, 16).filter(|_| is_plain && !extension.contains(&b'\r')) {
        Some(0) => Place::Trailer,
        Some(size) => Place::Chunk(size),
        None => Place::Lost,
    }
}

/// A number in digits alone.
fn number(text: &[u8], radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let is_number = text.chars().all(|c| c.is_digit(radix));
    u64::from_str_radix(text, radix).ok().filter(|_| is_number)
}

fn in_body(left: u64) -> Place {
    match left {
        0 => Place::RequestLine,
        left => Place::Body(left),
    }
}
