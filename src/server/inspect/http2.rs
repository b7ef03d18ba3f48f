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
    inspect::MAX_HEAD,
    target::{INVALID_TARGET, is_origin_form},
};

/// The length of a frame's head, in bytes (RFC 9113, 4.1).
const FRAME_HEAD: usize = 9;

/// The largest payload of a frame, in bytes: hyper announces no other than the default
/// (RFC 9113, 6.5.2).
const MAX_PAYLOAD: usize = 16 * 1024;

/// The types of frames that hold a part of a field block (RFC 9113, 4.3).
const HEADERS: u8 = 1;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;

/// The flag of the last frame of a field block (RFC 9113, 6.2).
const END_HEADERS: u8 = 0x4;

/// The inspection of requests in HTTP/2, frame by frame. Field blocks are decoded by the code that
/// hyper uses, so that both read the same out of them.
pub(super) struct Http2 {
    /// The beginning of a frame with a part of a field block, or of any frame's head.
    frame: Vec<u8>,
    /// How much of the payload of another frame is to come.
    passing: usize,
    codec: Codec<Blocks, Bytes>,
}

impl Default for Http2 {
    fn default() -> Self {
        // Its limits are those of `connection::protocols`.
        let mut codec = Codec::new(Blocks::default());
        codec.set_max_recv_header_list_size(MAX_HEAD as usize);
        Self { frame: Vec::new(), passing: 0, codec }
    }
}

impl Http2 {
    /// Inspects these bytes, and appends what may be read to `out`.
    ///
    /// # Errors
    /// If a frame is larger than was agreed, or cannot be followed.
    pub(super) fn inspect(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        while !bytes.is_empty() {
            let length = if self.passing > 0 {
                let length = self.passing.min(bytes.len());
                out.extend_from_slice(&bytes[..length]);
                self.passing -= length;
                length
            } else {
                let length = self.missing()?.min(bytes.len());
                self.frame.extend_from_slice(&bytes[..length]);
                self.inspect_frame(out)?;
                length
            };
            bytes = &bytes[length..];
        }
        Ok(())
    }

    /// Appends what is left when nothing more comes in.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.frame);
    }

    /// How many bytes the frame lacks, or its head.
    fn missing(&self) -> io::Result<usize> {
        let Some(head) = self.frame.first_chunk::<FRAME_HEAD>() else {
            return Ok(FRAME_HEAD - self.frame.len());
        };
        match payload_length(head) {
            length @ ..=MAX_PAYLOAD => Ok(FRAME_HEAD + length - self.frame.len()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too large")),
        }
    }

    /// Looks at what there is of a frame.
    fn inspect_frame(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(head) = self.frame.first_chunk::<FRAME_HEAD>() else { return Ok(()) };
        let (kind, flags) = (head[3], head[4]);
        if !matches!(kind, HEADERS | PUSH_PROMISE | CONTINUATION) {
            self.passing = payload_length(head);
            out.append(&mut self.frame);
            return Ok(());
        }
        if self.missing()? > 0 {
            return Ok(());
        }
        let ends_block = flags & END_HEADERS != 0;
        let target = self.decode()?;
        match target {
            Target::Invalid if ends_block => mark(&mut self.frame),
            Target::Unknown if ends_block => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "fields cannot be decoded"));
            }
            _ => {}
        }
        out.append(&mut self.frame);
        Ok(())
    }

    /// Decodes this frame. Of one that is malformed, hyper will find the same.
    fn decode(&mut self) -> io::Result<Target> {
        self.codec.get_mut().0.extend_from_slice(&self.frame);
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut self.codec).poll_next(&mut cx) {
            Poll::Pending => Ok(Target::Unknown),
            Poll::Ready(Some(Ok(Frame::Headers(headers)))) => {
                let path = headers.into_parts().0.path;
                let valid = path.is_none_or(|path| is_origin_form(path.as_bytes()));
                Ok(if valid { Target::Fine } else { Target::Invalid })
            }
            Poll::Ready(Some(_)) => Ok(Target::Fine),
            Poll::Ready(None) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// What a field block tells of a target.
enum Target {
    /// There is none, or it is origin-form, or there will be no request.
    Fine,
    /// There is one, and it is not origin-form.
    Invalid,
    /// The block is not whole.
    Unknown,
}

fn payload_length(head: &[u8; FRAME_HEAD]) -> usize {
    usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])
}

/// Appends the mark of a request that is to be refused to the last frame of its field block: it is
/// the last one no more, and a further one holds a literal field, not indexed (RFC 7541, 6.2.2).
fn mark(frame: &mut Vec<u8>) {
    frame[4] &= !END_HEADERS;
    let stream = [frame[5], frame[6], frame[7], frame[8]];
    let name = INVALID_TARGET.as_bytes();
    // The name is short: its length, and that of the field, fit into seven bits.
    let [.., name_length] = name.len().to_be_bytes();
    let field = [&[0, name_length], name, &[0]].concat();
    let [.., field_length] = field.len().to_be_bytes();
    frame.extend_from_slice(&[0, 0, field_length, CONTINUATION, END_HEADERS]);
    frame.extend_from_slice(&stream);
    frame.extend_from_slice(&field);
}

/// The frames that are to be decoded. Between them there is nothing to be read.
#[derive(Default)]
struct Blocks(BytesMut);

impl AsyncRead for Blocks {
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

/// Nothing is written: a codec asks for both.
impl AsyncWrite for Blocks {
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
