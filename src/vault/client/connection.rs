//! Connections to Vault whose end is known to the requests that are sent on them.
//!
//! hyper hands a request to the task of its connection through a channel. If the task ends at that
//! moment, because Vault closed the connection, the request can remain in the channel: it is never
//! sent, and its future never completes. A request therefore also waits for the end of its
//! connection.

use std::{
    error::Error,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use http::{Extensions, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::connect::{CaptureConnection, Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower_service::Service;

/// The time after the end of a connection within which hyper reports the result of a request that
/// was sent on it.
const RESULT_DELAY: Duration = Duration::from_millis(20);

/// Opens connections, each within a timeout that includes the TLS handshake. The timeout is its own,
/// since hyper completes a connection even if the request that it was opened for is gone.
#[derive(Clone)]
pub(super) struct Connector {
    https: HttpsConnector<HttpConnector>,
    timeout: Duration,
}

/// A connection to Vault.
pub(super) struct VaultConnection {
    stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    closed: DropGuard,
}

/// The end of a connection, in hyper's description of it.
#[derive(Clone)]
struct Closed(CancellationToken);

impl Connector {
    pub(super) fn new(https: HttpsConnector<HttpConnector>, timeout: Duration) -> Self {
        Self { https, timeout }
    }
}

impl Service<Uri> for Connector {
    type Response = VaultConnection;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let stream = timeout(self.timeout, self.https.call(server));
        async move {
            let closed = CancellationToken::new().drop_guard();
            Ok(VaultConnection { stream: stream.await??, closed })
        }
        .boxed()
    }
}

impl Connection for VaultConnection {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(Closed(self.closed.token().clone()))
    }
}

impl Read for VaultConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for VaultConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Waits until the connection of a request has ended and the time for its result is over. A request
/// without a result was then not sent.
pub(super) async fn closed_without_result(mut request: CaptureConnection) {
    request.wait_for_connection_metadata().await;
    loop {
        let Some(closed) = connection_end(&request) else { return std::future::pending().await };
        closed.cancelled().await;
        tokio::time::sleep(RESULT_DELAY).await;
        // hyper may have moved the request to another connection.
        if connection_end(&request).is_none_or(|closed| closed.is_cancelled()) {
            return;
        }
    }
}

fn connection_end(request: &CaptureConnection) -> Option<CancellationToken> {
    let mut extensions = Extensions::new();
    request.connection_metadata().as_ref()?.get_extras(&mut extensions);
    extensions.remove().map(|Closed(token)| token)
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

    use bytes::Bytes;
    use http::Request;
    use http_body_util::Empty;
    use hyper_rustls::HttpsConnector;
    use hyper_util::{
        client::legacy::{
            Client,
            connect::{CaptureConnection, HttpConnector, capture_connection},
        },
        rt::TokioExecutor,
    };
    use rustls::{ClientConfig, RootCertStore};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        time::timeout,
    };
    use tower_service::Service;

    use super::{Connector, closed_without_result};

    const LONG: Duration = Duration::from_secs(10);

    fn connector(timeout: Duration) -> Connector {
        let no_roots = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        Connector::new(HttpsConnector::from((tcp, no_roots.with_no_client_auth())), timeout)
    }

    /// Makes a request whose connection stays open afterwards, as long as its client exists. Returns
    /// the client, and the connection as the request and the server see it.
    async fn answered_request() -> (Client<Connector, Empty<Bytes>>, CaptureConnection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address: SocketAddr = listener.local_addr().expect("its address");
        let mut request = Request::get(format!("http://{address}/"))
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let captured = capture_connection(&mut request);
        #[expect(clippy::disallowed_methods, reason = "the client of this test")]
        let client = Client::builder(TokioExecutor::new()).build(connector(LONG));
        let serve = async {
            let (mut server, _) = listener.accept().await.expect("a connection");
            server.read_buf(&mut Vec::new()).await.expect("a request");
            let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            server.write_all(response).await.expect("a client");
            server
        };
        let (response, server) = tokio::join!(client.request(request), serve);
        response.expect("a response");
        (client, captured, server)
    }

    #[tokio::test]
    async fn hanging_tls_handshake_times_out() {
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = silent.local_addr().expect("its address");
        let mut connector = connector(Duration::from_millis(100));
        let server = format!("https://{address}").parse().expect("a URI");
        let connection = timeout(LONG, connector.call(server)).await;
        assert!(connection.expect("an end").is_err(), "a connection without TLS");
    }

    #[tokio::test]
    async fn end_of_connection_ends_requests() {
        let (_client, request, server) = answered_request().await;
        let closed = closed_without_result(request);
        tokio::pin!(closed);
        let early = timeout(Duration::from_millis(100), &mut closed).await;
        assert!(early.is_err(), "the connection is open");
        drop(server);
        timeout(LONG, closed).await.expect("the end of the connection");
    }
}
