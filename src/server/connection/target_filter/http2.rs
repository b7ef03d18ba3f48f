use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::Stream;
use h2::{Codec, frame::Frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::server::{
    connection::limits::MAX_HEAD,
    target::{INVALID_TARGET, is_origin_form},
};

/// The length of a frame header, in bytes (RFC 9113, 4.1).
const FRAME_HEADER_LENGTH: usize = 9;

/// The maximum payload of a frame, in bytes: hyper keeps the default of `SETTINGS_MAX_FRAME_SIZE`
/// (RFC 9113, 6.5.2).
const MAX_PAYLOAD: usize = 16 * 1024;

/// The types of frames with a part of a field block (RFC 9113, 4.3).
const HEADERS: u8 = 1;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;

/// The flag of the last frame of a field block (RFC 9113, 6.2).
const END_HEADERS: u8 = 0x4;

/// The filter of HTTP/2 requests, frame by frame. Field blocks are decoded by h2's codec, which
/// hyper uses too, so that both decode them alike.
pub(super) struct Http2Filter {
    /// The start of a frame with a part of a field block, or of any frame's header.
    frame: Vec<u8>,
    /// Number of payload bytes left of another frame, which are passed on.
    passthrough: usize,
    codec: Codec<FrameBuf, Bytes>,
}

impl Default for Http2Filter {
    fn default() -> Self {
        // The same limit as in `connection::http_builder`.
        let mut codec = Codec::new(FrameBuf::default());
        codec.set_max_recv_header_list_size(MAX_HEAD as usize);
        Self { frame: Vec::new(), passthrough: 0, codec }
    }
}

impl Http2Filter {
    /// Filters these bytes, and appends the result to `out`.
    ///
    /// # Errors
    /// An error if a frame is too large or cannot be decoded.
    pub(super) fn filter(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        while !bytes.is_empty() {
            let length = if self.passthrough > 0 {
                let length = self.passthrough.min(bytes.len());
                out.extend_from_slice(&bytes[..length]);
                self.passthrough -= length;
                length
            } else {
                let length = self.missing_bytes()?.min(bytes.len());
                self.frame.extend_from_slice(&bytes[..length]);
                self.filter_frame(out)?;
                length
            };
            bytes = &bytes[length..];
        }
        Ok(())
    }

    /// Appends the buffered bytes at the end of the stream.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.frame);
    }

    /// Returns the number of bytes that are missing from the frame, or from its header.
    fn missing_bytes(&self) -> io::Result<usize> {
        let Some(header) = self.frame.first_chunk::<FRAME_HEADER_LENGTH>() else {
            return Ok(FRAME_HEADER_LENGTH - self.frame.len());
        };
        match payload_length(header) {
            length @ ..=MAX_PAYLOAD => Ok(FRAME_HEADER_LENGTH + length - self.frame.len()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "an HTTP/2 frame is too large")),
        }
    }

    /// Filters the buffered frame, if it is complete.
    fn filter_frame(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(header) = self.frame.first_chunk::<FRAME_HEADER_LENGTH>() else { return Ok(()) };
        let (kind, flags) = (header[3], header[4]);
        if !matches!(kind, HEADERS | PUSH_PROMISE | CONTINUATION) {
            self.passthrough = payload_length(header);
            out.append(&mut self.frame);
            return Ok(());
        }
        if self.missing_bytes()? > 0 {
            return Ok(());
        }
        let ends_block = flags & END_HEADERS != 0;
        let target = self.decode_target()?;
        match target {
            Target::Invalid if ends_block => mark_invalid(&mut self.frame),
            Target::Incomplete if ends_block => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "an HTTP/2 field block cannot be decoded",
                ));
            }
            _ => {}
        }
        out.append(&mut self.frame);
        Ok(())
    }

    /// Decodes the buffered frame. hyper rejects a malformed one as well.
    fn decode_target(&mut self) -> io::Result<Target> {
        self.codec.get_mut().0.extend_from_slice(&self.frame);
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut self.codec).poll_next(&mut cx) {
            Poll::Pending => Ok(Target::Incomplete),
            Poll::Ready(Some(Ok(Frame::Headers(headers)))) => {
                let path = headers.into_parts().0.path;
                let is_valid = path.is_none_or(|path| is_origin_form(path.as_bytes()));
                Ok(if is_valid { Target::Valid } else { Target::Invalid })
            }
            Poll::Ready(Some(_)) => Ok(Target::Valid),
            Poll::Ready(None) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// The request target in a field block.
enum Target {
    /// No target, or one in origin form, or the frame is malformed.
    Valid,
    /// The target is not in origin form.
    Invalid,
    /// The field block is not complete.
    Incomplete,
}

fn payload_length(header: &[u8; FRAME_HEADER_LENGTH]) -> usize {
    usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2])
}

/// Marks a request for rejection: clears `END_HEADERS` in the last frame of its field block and
/// appends a CONTINUATION frame with the marker as a literal field without indexing (RFC 7541,
/// 6.2.2).
fn mark_invalid(frame: &mut Vec<u8>) {
    frame[4] &= !END_HEADERS;
    let stream = [frame[5], frame[6], frame[7], frame[8]];
    let name = INVALID_TARGET.as_bytes();
    // The length of the name, and that of the field, fit into seven bits.
    let [.., name_length] = name.len().to_be_bytes();
    let field = [&[0, name_length], name, &[0]].concat();
    let [.., field_length] = field.len().to_be_bytes();
    frame.extend_from_slice(&[0, 0, field_length, CONTINUATION, END_HEADERS]);
    frame.extend_from_slice(&stream);
    frame.extend_from_slice(&field);
}

/// The buffer of frames from which the codec reads. A read is pending while it is empty.
#[derive(Default)]
struct FrameBuf(BytesMut);

impl AsyncRead for FrameBuf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Pending;
        }
        let length = self.0.len().min(buffer.remaining());
        buffer.put_slice(&self.0[..length]);
        self.0.advance(length);
        Poll::Ready(Ok(()))
    }
}

/// Unsupported: the codec requires the trait, but is never used for writing.
impl AsyncWrite for FrameBuf {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
