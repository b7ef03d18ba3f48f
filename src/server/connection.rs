//! One accepted connection: its HTTP limits, timeouts and shutdown.

mod activity;
mod io;
mod limits;
mod target_filter;

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

pub(super) use self::activity::{ConnectionReaper, ConnectionSignal};
use self::{
    activity::ConnectionActivity, io::TrackedIo, limits::MAX_HEAD, target_filter::FilteredIo,
};

/// The maximum number of header lines of a request. Caddy forwards about 1,800 short ones.
const MAX_HEADERS: usize = 2048;

/// The maximum number of concurrent requests of an HTTP/2 connection: the smallest that RFC 9113,
/// 6.5.2, recommends. Proxies open another connection for more.
const MAX_STREAMS: u32 = 100;

/// The maximum size of the send buffer of an HTTP/2 stream, in bytes, however large a window the
/// client offers.
const MAX_SEND_BUFFER: usize = 32 * 1024;

/// The idle time after which an HTTP/2 peer is sent a PING, and the time it has to respond.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// A hyper service that handles the requests of one connection.
pub(super) trait HttpService:
    Service<
        Request<Incoming>,
        Response = Response<Self::Body>,
        Error = Infallible,
        Future: Send + 'static,
    > + Send
    + Sync
    + 'static
{
    /// The body of a response.
    type Body: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> HttpService for S
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

/// Returns a builder for HTTP/1.1 and h2c, with the limits of every listener.
pub(super) fn http_builder() -> Builder<TokioExecutor> {
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
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_INTERVAL);
    builder
}

/// A bidirectional byte stream.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Io for I {}

/// An accepted connection.
pub(super) struct Connection<I> {
    pub(super) io: TrackedIo<I>,
    pub(super) activity: Arc<ConnectionActivity>,
    http_builder: Arc<Builder<TokioExecutor>>,
}

/// A handler of one accepted connection.
pub(super) trait ConnectionHandler: Send + 'static {
    /// Serves requests until the connection is closed, has been idle for too long, or, once the
    /// service shuts down, has no request in flight.
    fn serve<I: Io>(self, connection: Connection<I>) -> impl Future<Output = ()> + Send;
}

/// A handler that serves a connection with hyper and this service.
pub(super) struct HyperHandler<S>(pub(super) S);

impl<S: HttpService> ConnectionHandler for HyperHandler<S> {
    async fn serve<I: Io>(self, connection: Connection<I>) {
        connection.serve(self.0).await;
    }
}

impl<I: Io> Connection<I> {
    /// Wraps an accepted socket from which nothing has been read.
    pub(super) fn new(
        io: I,
        activity: Arc<ConnectionActivity>,
        http_builder: Arc<Builder<TokioExecutor>>,
    ) -> Self {
        Self { io: TrackedIo::new(io, Arc::clone(&activity)), activity, http_builder }
    }

    /// Restricts the connection to HTTP/1, without detection of the protocol.
    pub(super) fn http1_only(self) -> Self {
        let http_builder = Arc::new((*self.http_builder).clone().http1_only());
        Self { http_builder, ..self }
    }

    /// Serves the connection with hyper and this service.
    ///
    /// On shutdown, an HTTP/1 connection is not closed at once, since a request may already be in
    /// transit, but after the next response, which has `Connection: close`, or
    /// after a short time without a request. HTTP/2 has the GOAWAY frame for that.
    pub(super) async fn serve<S: HttpService>(self, service: S) {
        let Self { io, activity, http_builder } = self;
        let tracked_service = service_fn(|request: Request<Incoming>| {
            let in_flight = activity.request_started(request.version());
            service.call(request).map_ok(move |mut response| {
                if in_flight.needs_connection_close() {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                response
            })
        });
        let io = TokioIo::new(FilteredIo::new(io));
        let mut connection = pin!(http_builder.serve_connection(io, tracked_service));
        let mut is_shutting_down = false;
        poll_fn(|cx| {
            loop {
                // Errors of a connection, such as a reset, need no handling.
                if connection.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                match activity.poll_signal(cx) {
                    ConnectionSignal::Abort => return Poll::Ready(()),
                    ConnectionSignal::Drain if activity.is_http2() && !is_shutting_down => {
                        is_shutting_down = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    ConnectionSignal::Continue | ConnectionSignal::Drain => return Poll::Pending,
                }
            }
        })
        .await;
    }
}
