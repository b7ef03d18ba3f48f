use std::{convert::Infallible, future::poll_fn, pin::Pin, sync::Arc, task::Poll, time::Instant};

use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Response, Version};
use hyper::service::service_fn;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_util::io::poll_read_buf;

use crate::{
    forwarded::Peer,
    server::{
        connection::{Connection, ConnectionHandler, ConnectionSignal, Io},
        http1::{
            date::CachedDate,
            encode::{KeepAlive, write_response},
            handler::{HandlerResponse, RequestHandler},
            parse::{HeaderBuf, ParsedHead, RequestHead},
        },
    },
    token::CacheStatus,
};

/// The initial capacity of the read buffer and the amount it grows by, in bytes.
const READ_CHUNK: usize = 4 * 1024;

/// The maximum size of a request head on the fast path, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// The maximum number of reads for the head of one request. After each, it is parsed from its
/// start.
const MAX_PARTIAL_READS: usize = 16;

/// The size of the write buffer, in bytes, above which responses are flushed before further ones
/// are added.
const WRITE_BUF_LIMIT: usize = 64 * 1024;

/// An HTTP/1.1 connection that is served by the fast path.
pub(in crate::server) struct Http1Connection<H> {
    handler: Arc<H>,
    peer: Peer,
    /// Bytes that were read and belong to requests without a response so far.
    read_buf: Vec<u8>,
    /// Number of reads since the last request.
    partial_reads: usize,
    /// Responses that are not sent yet.
    write_buf: Vec<u8>,
    protocol: ProtocolState,
    date: CachedDate,
}

/// State of the detection of the protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ProtocolState {
    /// The protocol has not been detected yet: it may be HTTP/2.
    Detecting,
    /// HTTP/1.
    Http1,
}

/// The action to take when no further buffered request can be served from the cache.
enum Action {
    /// Flush the write buffer, then serve further buffered requests.
    Flush,
    /// Read the rest of a request, or the next one.
    Read,
    /// Dispatch this request to the asynchronous handler.
    Dispatch(Box<Request<()>>),
    /// Hand the connection over to hyper, with all bytes in the read buffer.
    FallBackToHyper,
}

impl<H: RequestHandler> Http1Connection<H> {
    /// Creates the state of a connection from which nothing has been read.
    pub(in crate::server) fn new(handler: Arc<H>, peer: Peer) -> Self {
        Self {
            handler,
            peer,
            read_buf: Vec::with_capacity(READ_CHUNK),
            partial_reads: 0,
            write_buf: Vec::new(),
            protocol: ProtocolState::Detecting,
            date: CachedDate::default(),
        }
    }

    /// Serves requests until the connection is closed. When the service shuts down, hands the
    /// connection over to hyper, which also serves what is in the read buffer.
    async fn serve_requests<I: Io>(mut self, mut connection: Connection<I>) {
        while !connection.activity.is_draining() {
            let action = self.serve_cached();
            if !self.flush(&mut connection).await {
                return;
            }
            match action {
                Action::Flush => {}
                Action::Read => {
                    if !self.fill_read_buf(&mut connection).await {
                        return;
                    }
                }
                Action::Dispatch(request) => {
                    let in_flight = connection.activity.request_started(Version::HTTP_11);
                    let response = self.respond(&request).await;
                    drop(in_flight);
                    let keep_alive = if connection.activity.is_draining() {
                        KeepAlive::Close
                    } else {
                        KeepAlive::Open
                    };
                    write_response(&response, keep_alive, &mut self.date, &mut self.write_buf);
                    if keep_alive == KeepAlive::Close {
                        self.flush(&mut connection).await;
                        // An error means that the peer has closed the connection already.
                        let _ = connection.io.shutdown().await;
                        return;
                    }
                }
                Action::FallBackToHyper => break,
            }
        }
        self.hand_over_to_hyper(connection).await;
    }

    /// Serves the connection with hyper until it is closed.
    fn hand_over_to_hyper<I: Io>(self, mut connection: Connection<I>) -> BoxFuture<'static, ()> {
        connection.io.rewind(self.read_buf);
        if self.protocol == ProtocolState::Http1 {
            connection = connection.http1_only();
        }
        let (handler, peer) = (self.handler, self.peer);
        let service = service_fn(move |request| {
            let handler = Arc::clone(&handler);
            async move { Ok::<_, Infallible>(Response::from(handler.respond(peer, &request).await)) }
                .boxed()
        });
        connection.serve(service).boxed()
    }

    /// Serves the requests in `bytes` without a socket, and returns the responses.
    #[cfg(feature = "bench")]
    pub(in crate::server) async fn serve_bytes(&mut self, bytes: &[u8]) -> &[u8] {
        self.write_buf.clear();
        self.read_buf.extend_from_slice(bytes);
        while let Action::Dispatch(request) = self.serve_cached() {
            let response = self.respond(&request).await;
            write_response(&response, KeepAlive::Open, &mut self.date, &mut self.write_buf);
        }
        &self.write_buf
    }

    /// Serves buffered requests from the cache, up to the first one for which that is not
    /// possible.
    fn serve_cached(&mut self) -> Action {
        let (mut consumed, received) = (0, Instant::now());
        let action = loop {
            // Empty lines before a request line are ignored (RFC 9112, 2.2).
            consumed +=
                self.read_buf[consumed..].iter().take_while(|byte| is_line_end(**byte)).count();
            let rest = &self.read_buf[consumed..];
            if rest.is_empty() {
                break Action::Read;
            }
            if self.write_buf.len() > WRITE_BUF_LIMIT {
                break Action::Flush;
            }
            let mut header_buf = HeaderBuf::new();
            let head = match RequestHead::parse(rest, &mut header_buf) {
                ParsedHead::Complete(head) => head,
                ParsedHead::Partial
                    if self.partial_reads < MAX_PARTIAL_READS && rest.len() < MAX_HEAD =>
                {
                    break Action::Read;
                }
                ParsedHead::Partial | ParsedHead::Unsupported => break Action::FallBackToHyper,
            };
            if let Some(entry) = self.handler.authorize_cached(self.peer, &head, received) {
                let hit = HandlerResponse::Allowed(entry, CacheStatus::Hit);
                write_response(&hit, KeepAlive::Open, &mut self.date, &mut self.write_buf);
                consumed += head.length;
            } else if let Some(request) = head.to_request() {
                consumed += head.length;
                break Action::Dispatch(Box::new(request));
            } else {
                break Action::FallBackToHyper;
            }
        };
        if consumed > 0 {
            self.read_buf.drain(..consumed);
            self.partial_reads = 0;
            self.protocol = ProtocolState::Http1;
        }
        action
    }

    /// Boxed, so that a connection takes no memory for this future while none is running, as is
    /// the case for most connections most of the time.
    fn respond<'r>(&'r self, request: &'r Request<()>) -> BoxFuture<'r, HandlerResponse> {
        self.handler.respond(self.peer, request).boxed()
    }

    /// Reads more bytes, and returns `true` if there are any or the service shuts down. Returns
    /// `false` if the connection has to be closed.
    async fn fill_read_buf<I: Io>(&mut self, connection: &mut Connection<I>) -> bool {
        if self.read_buf.capacity() - self.read_buf.len() < READ_CHUNK / 4 {
            self.read_buf.reserve(READ_CHUNK);
        }
        self.partial_reads += 1;
        poll_fn(|cx| {
            let io = Pin::new(&mut connection.io);
            match poll_read_buf(io, cx, &mut self.read_buf) {
                Poll::Ready(read) => Poll::Ready(matches!(read, Ok(1..))),
                Poll::Pending => match connection.activity.poll_signal(cx) {
                    ConnectionSignal::Abort => Poll::Ready(false),
                    ConnectionSignal::Drain => Poll::Ready(true),
                    ConnectionSignal::Continue => Poll::Pending,
                },
            }
        })
        .await
    }

    /// Sends the write buffer. Returns `false` if the connection has to be closed.
    async fn flush<I: Io>(&mut self, connection: &mut Connection<I>) -> bool {
        if self.write_buf.is_empty() {
            return true;
        }
        connection.activity.response_written();
        let mut sent = 0;
        let flushed = poll_fn(|cx| {
            while sent < self.write_buf.len() {
                let io = Pin::new(&mut connection.io);
                match io.poll_write(cx, &self.write_buf[sent..]) {
                    Poll::Ready(Ok(written @ 1..)) => sent += written,
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending
                        if connection.activity.poll_signal(cx) == ConnectionSignal::Abort =>
                    {
                        return Poll::Ready(false);
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(true)
        });
        let flushed = flushed.await;
        if !self.read_buf.is_empty() {
            connection.activity.on_read();
        }
        self.write_buf.clear();
        self.write_buf.shrink_to(WRITE_BUF_LIMIT);
        flushed
    }
}

impl<H: RequestHandler> ConnectionHandler for Http1Connection<H> {
    async fn serve<I: Io>(self, connection: Connection<I>) {
        self.serve_requests(connection).await;
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}
