//! Requests in HTTP/2, written byte by byte: no client library sends such targets.

use bytes::Bytes;
use futures_util::StreamExt;
use h2::{Codec, frame::Frame};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::reference::Sent;
use crate::support::http::Answer;

/// An HTTP/2 connection.
pub(super) struct Connection {
    codec: Codec<TcpStream, Bytes>,
    stream: u32,
}

impl Connection {
    /// Connects to this address.
    pub(super) async fn open(address: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a connection");
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        stream.write_all(preface).await.expect("sent");
        Self { codec: Codec::new(stream), stream: 1 }
    }

    /// Sends this request and returns the response; `None` if its stream or the connection is reset.
    pub(super) async fn ask(&mut self, sent: &Sent) -> Option<Answer> {
        let bytes = headers(self.stream, &block(sent));
        let stream = self.stream;
        self.stream += 2;
        self.codec.get_mut().write_all(&bytes).await.ok()?;
        let mut answer: Option<Answer> = None;
        loop {
            let (part, ends) = match self.codec.next().await?.ok()? {
                Frame::Headers(headers) if headers.stream_id() == stream => {
                    let ends = headers.is_end_stream();
                    let (pseudo, fields) = headers.into_parts();
                    let status = pseudo.status.expect("a status").as_u16();
                    answer = Some(Answer { status, headers: fields, body: String::new() });
                    (Bytes::new(), ends)
                }
                Frame::Data(data) if data.stream_id() == stream => {
                    let ends = data.is_end_stream();
                    (data.into_payload(), ends)
                }
                Frame::Reset(_) | Frame::GoAway(_) => return None,
                _ => continue,
            };
            let begun = answer.as_mut()?;
            begun.body.push_str(std::str::from_utf8(&part).expect("text"));
            if ends {
                return answer;
            }
        }
    }
}

/// Returns a HEADERS frame that is the whole request (RFC 9113, 6.2).
fn headers(stream: u32, block: &[u8]) -> Vec<u8> {
    let [.., high, low] = block.len().to_be_bytes();
    [&[0, high, low, 1, 5], &stream.to_be_bytes()[..], block].concat()
}

/// Returns the field block, without compression (RFC 7541, 6.2.2).
fn block(sent: &Sent) -> Vec<u8> {
    let pseudo = [(":method", &b"GET"[..]), (":scheme", b"http"), (":authority", b"v")];
    let fields = sent.fields.iter().map(|(name, value)| (*name, value.as_slice()));
    let all = pseudo.into_iter().chain([(":path", sent.target.as_slice())]).chain(fields);
    all.flat_map(|(name, value)| [vec![0], string(name.as_bytes()), string(value)].concat())
        .collect()
}

/// Encodes a string with its length, which has a prefix of seven bits (RFC 7541, 5.1).
fn string(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if let Ok(length @ ..127) = u8::try_from(text.len()) {
        out.push(length);
    } else {
        out.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            out.push(u8::try_from(rest % 128 + 128).expect("eight bits"));
            rest /= 128;
        }
        out.push(u8::try_from(rest).expect("seven bits"));
    }
    out.extend_from_slice(text);
    out
}
