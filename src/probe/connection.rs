use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use hyper::{body::Body, client::conn::http1::handshake};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::Url;
use zeroize::Zeroizing;

use super::{
    error::ProbeError,
    tls::{Certificate, ClientIdentity, handshake_failure, tls_config},
    trust::TrustRoots,
};

/// The maximum size of a response body that is read, in bytes. The rest is discarded.
const MAX_BODY: usize = 256 * 1024;

/// A server, and the settings for connections to it.
pub struct Endpoint {
    host: String,
    port: u16,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    timeout: Duration,
}

/// An established connection, before the first request.
pub struct ProbeConnection {
    stream: Box<dyn ProbeIo>,
    /// The address of the server.
    pub peer: SocketAddr,
    /// The server's certificate; `None` without TLS, or if it is malformed.
    pub certificate: Option<Certificate>,
    timeout: Duration,
}

/// A response. It has no `Debug`, since the body may repeat a token.
pub struct ProbeResponse {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, cut off after 256 KiB.
    pub body: Zeroizing<Vec<u8>>,
}

trait ProbeIo: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ProbeIo for S {}

impl Endpoint {
    /// Creates an endpoint for the server of this URL, whose certificate is verified for `name`.
    /// `timeout` applies to each step: name resolution, connection, TLS handshake, response.
    ///
    /// # Errors
    /// An invalid URL or name, or a certificate or key file that cannot be used.
    pub fn new(
        url: &Url,
        name: &str,
        trust: &TrustRoots,
        identity: Option<&ClientIdentity>,
        timeout: Duration,
    ) -> Result<Self, String> {
        let without_brackets = |host: &str| host.trim_matches(['[', ']']).to_owned();
        let host = without_brackets(url.host_str().ok_or("the URL has no host")?);
        let port = url.port_or_known_default().ok_or("the URL has no port")?;
        let tls = match url.scheme() {
            "http" => None,
            "https" => {
                let server = ServerName::try_from(without_brackets(name))
                    .map_err(|_| format!("`{name}` is not a valid TLS server name"))?;
                Some((Arc::new(tls_config(trust, identity)?), server))
            }
            other => return Err(format!("unsupported scheme `{other}`: expected http or https")),
        };
        Ok(Self { host, port, tls, timeout })
    }

    /// Connects to the server, with TLS if the scheme of the URL is https.
    ///
    /// # Errors
    /// The step that failed, and the reason.
    pub async fn connect(&self) -> Result<ProbeConnection, ProbeError> {
        let limit = self.timeout;
        let stream = connect_tcp(&self.host, self.port, limit).await?;
        let peer = stream.peer_addr().map_err(ProbeError::Connect)?;
        let Some((config, name)) = &self.tls else {
            let stream = Box::new(stream);
            return Ok(ProbeConnection { stream, peer, certificate: None, timeout: limit });
        };
        let handshake = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream);
        let stream = timeout(limit, handshake)
            .await
            .map_err(|_| ProbeError::Timeout(limit))?
            .map_err(|error| handshake_failure(&error))?;
        let chain = stream.get_ref().1.peer_certificates();
        let certificate = chain.and_then(<[_]>::first).and_then(Certificate::parse);
        Ok(ProbeConnection { stream: Box::new(stream), peer, certificate, timeout: limit })
    }
}

impl ProbeConnection {
    /// Sends this request exactly as it is, without additional headers, and reads the response.
    ///
    /// # Errors
    /// A timeout, or an incomplete or malformed response.
    pub async fn send<B>(self, request: Request<B>) -> Result<ProbeResponse, ProbeError>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let limit = self.timeout;
        let exchange = async {
            let (mut sender, connection) = handshake(TokioIo::new(self.stream)).await?;
            let connection = tokio::spawn(connection.with_upgrades());
            let response = sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            let is_upgraded = head.status == http::StatusCode::SWITCHING_PROTOCOLS;
            let body = if is_upgraded { Zeroizing::default() } else { read_body(body).await? };
            connection.abort();
            Ok(ProbeResponse { status: head.status.as_u16(), headers: head.headers, body })
        };
        let response = timeout(limit, exchange).await.map_err(|_| ProbeError::Timeout(limit))?;
        response.map_err(|error: hyper::Error| ProbeError::Http(error.to_string()))
    }
}

/// Resolves a host name, and connects to the first of its addresses that accepts a connection.
async fn connect_tcp(host: &str, port: u16, limit: Duration) -> Result<TcpStream, ProbeError> {
    let timed_out = |_| ProbeError::Timeout(limit);
    let resolved = timeout(limit, lookup_host((host, port))).await.map_err(timed_out)?;
    let addresses: Vec<SocketAddr> = resolved.map_err(ProbeError::Resolve)?.collect();
    let connected = timeout(limit, TcpStream::connect(&addresses[..])).await.map_err(timed_out)?;
    connected.map_err(ProbeError::Connect)
}

/// Reads a body up to [`MAX_BODY`].
async fn read_body<B>(mut body: B) -> Result<Zeroizing<Vec<u8>>, B::Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() >= MAX_BODY {
            break;
        }
    }
    Ok(bytes)
}
