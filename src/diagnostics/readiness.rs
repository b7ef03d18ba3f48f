use std::io;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::HOST};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{body::Incoming, client::conn::http1::handshake};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

use crate::config::ListenAddress;

/// The maximum size of a response body, in bytes.
const MAX_BODY: usize = 4096;

/// Requests `/readyz` from the admin listener at this address. Returns the status and the body.
///
/// # Errors
/// A failed connection, or a response that is malformed or larger than 4 KiB.
pub async fn fetch_readiness(listen: &ListenAddress) -> io::Result<(StatusCode, String)> {
    let response = match listen {
        ListenAddress::Tcp(address) => {
            get(TcpStream::connect(connect_address(address)).await?).await
        }
        ListenAddress::Unix(path) => get(UnixStream::connect(path).await?).await,
    };
    let response = response.map_err(io::Error::other)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(io::Error::other)?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).trim().to_owned()))
}

/// Returns the address to connect to: the loopback address for a listener on all addresses.
fn connect_address(listen: &str) -> String {
    match listen.rsplit_once(':') {
        Some(("0.0.0.0", port)) => format!("127.0.0.1:{port}"),
        Some(("[::]", port)) => format!("[::1]:{port}"),
        _ => listen.to_owned(),
    }
}

async fn get<I>(stream: I) -> hyper::Result<Response<Incoming>>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = http::Uri::from_static("/readyz");
    request.headers_mut().insert(HOST, http::HeaderValue::from_static("localhost"));
    sender.send_request(request).await
}
