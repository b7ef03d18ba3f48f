use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Empty};
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
    Failure,
    tls::{self, Certificate, Identity},
    trust::Trust,
};

/// The most of an answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// A server, and how it is connected to.
pub struct Door {
    host: String,
    port: u16,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    patience: Duration,
}

/// An open connection, on which nothing was said yet.
pub struct Connection {
    stream: Box<dyn Stream>,
    /// Who answers.
    pub peer: SocketAddr,
    /// What the server shows of itself, if it speaks TLS and that can be read.
    pub certificate: Option<Certificate>,
    patience: Duration,
}

/// What came back. Without `Debug`: a body may repeat a token.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or as much of it as is read.
    pub body: Zeroizing<Vec<u8>>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Door {
    /// The server of this URL, which shows a certificate for `name`. Each step may take as long as
    /// `patience`.
    ///
    /// # Errors
    /// What is wrong with the URL, the name, or the files that TLS needs.
    pub fn new(
        url: &Url,
        name: &str,
        trust: &Trust,
        identity: Option<&Identity>,
        patience: Duration,
    ) -> Result<Self, String> {
        let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
        let host = bare(url.host_str().ok_or("the URL names no host")?);
        let port = url.port_or_known_default().ok_or("the URL names no port")?;
        let tls = match url.scheme() {
            "http" => None,
            "https" => {
                let server = ServerName::try_from(bare(name))
                    .map_err(|_| format!("`{name}` is no name that a certificate could be for"))?;
                Some((Arc::new(tls::config(trust, identity)?), server))
            }
            other => return Err(format!("`{other}` is neither http nor https")),
        };
        Ok(Self { host, port, tls, patience })
    }

    /// Connects.
    ///
    /// # Errors
    /// Which step failed, and why.
    pub async fn open(&self) -> Result<Connection, Failure> {
        let stream = connect(&self.host, self.port, self.patience).await?;
        let peer = stream.peer_addr().map_err(Failure::Connect)?;
        let patience = self.patience;
        let Some((config, name)) = &self.tls else {
            return Ok(Connection { stream: Box::new(stream), peer, certificate: None, patience });
        };
        let shaken = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream);
        let stream = timeout(patience, shaken)
            .await
            .map_err(|_| Failure::Timeout(patience))?
            .map_err(|error| tls::failure(&error))?;
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = shown.and_then(<[_]>::first).and_then(Certificate::read);
        Ok(Connection { stream: Box::new(stream), peer, certificate, patience })
    }
}

impl Connection {
    /// Sends this request, and nothing that is not in it.
    ///
    /// # Errors
    /// [`Failure::Timeout`], or [`Failure::Http`] if no whole answer came.
    pub async fn ask(self, request: Request<Empty<Bytes>>) -> Result<Answer, Failure> {
        let patience = self.patience;
        let answer = async {
            let (mut sender, connection) = handshake(TokioIo::new(self.stream)).await?;
            let connection = tokio::spawn(connection.with_upgrades());
            let response = sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            let changed = head.status == http::StatusCode::SWITCHING_PROTOCOLS;
            let body = if changed { Zeroizing::default() } else { read(body).await? };
            connection.abort();
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        let answer = timeout(patience, answer).await.map_err(|_| Failure::Timeout(patience))?;
        answer.map_err(|error: hyper::Error| Failure::Http(error.to_string()))
    }
}

/// Connects to the first of a host's addresses that answers.
async fn connect(host: &str, port: u16, patience: Duration) -> Result<TcpStream, Failure> {
    let late = |_| Failure::Timeout(patience);
    let found = timeout(patience, lookup_host((host, port))).await.map_err(late)?;
    let addresses: Vec<SocketAddr> = found.map_err(Failure::Name)?.collect();
    let connected = timeout(patience, TcpStream::connect(&addresses[..])).await.map_err(late)?;
    connected.map_err(Failure::Connect)
}

async fn read<B>(mut body: B) -> Result<Zeroizing<Vec<u8>>, B::Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() >= MAX_ANSWER {
            break;
        }
    }
    Ok(bytes)
}
