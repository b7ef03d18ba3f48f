use crate::server::{
    connection::limits::MAX_HEAD,
    target::{NOT_ORIGIN_FORM, is_origin_form},
};

/// The maximum length of a line, in bytes. hyper rejects a request head with a longer one.
pub(super) const MAX_LINE: usize = MAX_HEAD as usize;

/// The capacity of the line buffer that is kept for the next line, in bytes.
const KEPT_CAPACITY: usize = 1024;

/// The filter of HTTP/1 requests, line by line.
///
/// Only requests that hyper accepts matter: hyper closes the connection after one that it rejects.
/// Where the start of the next request cannot be determined, the rest of the stream is dropped.
#[derive(Default)]
pub(super) struct Http1Filter {
    state: ParserState,
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
}

/// The position of the next byte within a request.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum ParserState {
    /// The request line, or an empty line before it (RFC 9112, 2.2).
    #[default]
    RequestLine,
    /// A header line; the headers so far declare this body length.
    Headers(BodyLength),
    /// The body, with this many bytes left.
    Body(u64),
    /// The line with the size of a chunk (RFC 9112, 7.1).
    ChunkSize,
    /// A chunk, with this many bytes left.
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    /// A line of the trailer section.
    Trailer,
    /// A line that is too long. Its end is dropped, so that hyper rejects it.
    LongLine,
    /// After something that hyper rejects. The rest of the stream is dropped.
    Rejected,
}

/// The length of a body (RFC 9112, 6.3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyLength {
    /// Number of bytes.
    Bytes(u64),
    /// The request has `Transfer-Encoding`, which hyper accepts if it ends in `chunked`.
    Chunked,
    /// `Content-BodyLength` is invalid.
    Invalid,
}

impl Http1Filter {
    /// Filters these bytes, and appends the result to `out`.
    pub(super) fn filter(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            bytes = match self.state {
                ParserState::Body(left) | ParserState::Chunk(left) => {
                    self.pass_body(left, bytes, out)
                }
                ParserState::LongLine => {
                    write_without_line_ends(bytes, out);
                    &[]
                }
                ParserState::Rejected => &[],
                _ => self.filter_line(bytes, out),
            };
        }
    }

    /// Appends the buffered bytes at the end of the stream.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.line);
    }

    /// Passes on the part of a body or a chunk, and returns the bytes after it.
    fn pass_body<'b>(&mut self, left: u64, bytes: &'b [u8], out: &mut Vec<u8>) -> &'b [u8] {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let (body, rest) = bytes.split_at(length);
        out.extend_from_slice(body);
        let left = left - length as u64;
        self.state = match self.state {
            ParserState::Chunk(_) if left == 0 => ParserState::ChunkEnd,
            ParserState::Chunk(_) => ParserState::Chunk(left),
            _ => body_state(left),
        };
        rest
    }

    /// Consumes the rest of a line, and returns the bytes after it.
    fn filter_line<'b>(&mut self, bytes: &'b [u8], out: &mut Vec<u8>) -> &'b [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        let (part, rest) = bytes.split_at(end);
        self.line.extend_from_slice(part);
        if self.line.len() > MAX_LINE {
            self.state = ParserState::LongLine;
            write_without_line_ends(&self.line, out);
            self.line.clear();
        } else if self.line.ends_with(b"\n") {
            self.state = next_state(self.state, &self.line, out);
            self.line.clear();
            self.line.shrink_to(KEPT_CAPACITY);
        }
        rest
    }
}

/// Appends a filtered line, and returns the state after it.
fn next_state(state: ParserState, line: &[u8], out: &mut Vec<u8>) -> ParserState {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let ends_with_cr = text.ends_with(b"\r");
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if state == ParserState::RequestLine && !text.is_empty() {
        write_request_line(text, line, out);
        return ParserState::Headers(BodyLength::Bytes(0));
    }
    out.extend_from_slice(line);
    match (state, text) {
        (ParserState::Headers(BodyLength::Bytes(bytes)), b"") => body_state(bytes),
        (ParserState::Headers(BodyLength::Chunked), b"") => ParserState::ChunkSize,
        (ParserState::Headers(BodyLength::Invalid), b"") => ParserState::Rejected,
        (ParserState::Headers(length), header) => ParserState::Headers(add_header(length, header)),
        // In a chunked body hyper rejects lines that do not end in CRLF.
        (ParserState::ChunkSize | ParserState::ChunkEnd | ParserState::Trailer, _)
            if !ends_with_cr =>
        {
            ParserState::Rejected
        }
        (ParserState::ChunkSize, size) => parse_chunk_size(size),
        (ParserState::ChunkEnd, b"") => ParserState::ChunkSize,
        (ParserState::Trailer, b"") | (ParserState::RequestLine, _) => ParserState::RequestLine,
        (ParserState::Trailer, _) => ParserState::Trailer,
        _ => ParserState::Rejected,
    }
}

/// Appends a request line. A target that is not in origin form is replaced by one that is always
/// rejected. `line_with_end` is the same line with its end.
fn write_request_line(line: &[u8], line_with_end: &[u8], out: &mut Vec<u8>) {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(target), Some(version)) if !is_origin_form(target) => {
            for part in [method, b" ", NOT_ORIGIN_FORM.as_bytes(), b" ", version, b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
        _ => out.extend_from_slice(line_with_end),
    }
}

fn write_without_line_ends(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(bytes.iter().filter(|byte| **byte != b'\n'));
}

/// Returns the body length after another header line. `Transfer-Encoding` overrides
/// `Content-BodyLength` (RFC 9112, 6.3), which hyper accepts twice with the same value.
fn add_header(length: BodyLength, line: &[u8]) -> BodyLength {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return length };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if name.eq_ignore_ascii_case(b"transfer-encoding") {
        return BodyLength::Chunked;
    }
    if !name.eq_ignore_ascii_case(b"content-length") {
        return length;
    }
    match (length, parse_digits(value, 10)) {
        (BodyLength::Bytes(0), Some(bytes)) => BodyLength::Bytes(bytes),
        (BodyLength::Bytes(known), Some(bytes)) if known == bytes => length,
        (BodyLength::Chunked, _) => BodyLength::Chunked,
        _ => BodyLength::Invalid,
    }
}

/// Returns the state after the first line of a chunk, which has its size and extensions.
fn parse_chunk_size(line: &[u8]) -> ParserState {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (size, extension) = line.split_at(end);
    let extension = extension.trim_ascii_start();
    let is_plain = extension.is_empty() || extension.starts_with(b";");
    match parse_digits(size, 16).filter(|_| is_plain && !extension.contains(&b'\r')) {
        Some(0) => ParserState::Trailer,
        Some(size) => ParserState::Chunk(size),
        None => ParserState::Rejected,
    }
}

/// Parses a number that consists of digits only, without a sign.
fn parse_digits(text: &[u8], radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let is_number = text.chars().all(|c| c.is_digit(radix));
    u64::from_str_radix(text, radix).ok().filter(|_| is_number)
}

fn body_state(left: u64) -> ParserState {
    match left {
        0 => ParserState::RequestLine,
        left => ParserState::Body(left),
    }
}
