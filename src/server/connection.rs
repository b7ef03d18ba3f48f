//! One connection: what it may take, and how it ends.

use std::{
    convert::Infallible, error::Error, future::poll_fn, pin::pin, sync::Arc, task::Poll,
    time::Duration,
};

use futures_util::TryFutureExt;
use http::{HeaderValue, Request, Response, header::CONNECTION};
use hyper::{
    body::{Body, Incoming},
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::server::{
    inspect::{Inspected, MAX_HEAD},
    pace::{Order, Pace},
    watched::Watched,
};

/// How many header fields a request may have. Caddy lets through about 1,800 short ones.
const MAX_HEADERS: usize = 2048;

/// How many requests one HTTP/2 connection may have under way: the fewest that RFC 9113, 6.5.2,
/// recommends. Proxies open another connection for more.
const MAX_STREAMS: u32 = 100;

/// How much of a response an HTTP/2 stream may take from its body before the client reads it, in
/// bytes, however large a window the client offers.
const MAX_SEND_BUFFER: usize = 32 * 1024;

/// After this silence an HTTP/2 peer is asked whether it is there, and given as long to answer.
const PING: Duration = Duration::from_secs(30);

/// What answers the requests of one connection.
pub(super) trait Answers:
    Service<
        Request<Incoming>,
        Response = Response<Self::Body>,
        Error = Infallible,
        Future: Send + 'static,
    > + Send
    + Sync
    + 'static
{
    /// The body of an answer.
    type Body: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> Answers for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Body = B;
}

/// HTTP/1.1 and h2c with the limits that hold on every listener.
pub(super) fn protocols() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_send_buf_size(MAX_SEND_BUFFER)
        .max_header_list_size(MAX_HEAD)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

/// What bytes come in by and go out by.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for I {}

/// A connection that was accepted.
pub(super) struct Connection<I> {
    pub(super) stream: Watched<I>,
    pub(super) pace: Arc<Pace>,
    protocols: Arc<Builder<TokioExecutor>>,
}

/// What takes care of one connection.
pub(super) trait Served: Send + 'static {
    /// Answers its requests, until it closes or is idle for too long, or, once the service stops,
    /// until those under way are answered.
    fn serve<I: Stream>(self, connection: Connection<I>) -> impl Future<Output = ()> + Send;
}

/// Takes care of a connection by answering each of its requests with this.
pub(super) struct Each<S>(pub(super) S);

impl<S: Answers> Served for Each<S> {
    async fn serve<I: Stream>(self, connection: Connection<I>) {
        connection.serve(self.0).await;
    }
}

impl<I: Stream> Connection<I> {
    /// Nothing was read from it yet.
    pub(super) fn new(stream: I, pace: Arc<Pace>, protocols: Arc<Builder<TokioExecutor>>) -> Self {
        Self { stream: Watched::new(stream, Arc::clone(&pace)), pace, protocols }
    }

    /// The same, which goes on as it began: in HTTP/1.
    pub(super) fn in_http1(self) -> Self {
        let protocols = Arc::new((*self.protocols).clone().http1_only());
        Self { protocols, ..self }
    }

    /// Has hyper read its requests, and this answer them.
    ///
    /// Once the service stops, an HTTP/1 connection is not closed at once, since a request may be
    /// on its way, but with the next answer, which says so, or after a moment without a request.
    /// HTTP/2 has a frame for that.
    pub(super) async fn serve<S: Answers>(self, service: S) {
        let Self { stream, pace, protocols } = self;
        let paced = service_fn(|request: Request<Incoming>| {
            let answering = pace.answer(request.version());
            service.call(request).map_ok(move |mut response| {
                if answering.is_last() {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                response
            })
        });
        let mut connection =
            pin!(protocols.serve_connection(TokioIo::new(Inspected::new(stream)), paced));
        let mut closing = false;
        poll_fn(|cx| {
            loop {
                // A connection that breaks is the peer's affair.
                if connection.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                match pace.order(cx) {
                    Order::Leave => return Poll::Ready(()),
                    Order::Finish if pace.is_http2() && !closing => {
                        closing = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    Order::Stay | Order::Finish => return Poll::Pending,
                }
            }
        })
        .await;
    }
}
