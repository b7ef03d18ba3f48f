//! A TLS server with a certificate of its own, and a resolver with prepared answers.

use std::{
    collections::VecDeque,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{PublicDocuments, PublicUrl};
use crate::probe::TrustRoots;

/// The name in the certificate.
const NAME: &str = "client.test";

/// The bytes of a response, and the time between each two of them if they arrive slowly.
#[derive(Clone)]
pub(crate) struct TestReply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) pause: Option<Duration>,
}

impl TestReply {
    /// Returns a response that is sent at once.
    pub(crate) fn raw(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), pause: None }
    }

    /// Returns a 200 with this JSON.
    pub(crate) fn json(body: &str) -> Self {
        let length = body.len();
        Self::raw(&format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n\
             {body}"
        ))
    }
}

/// A server on the loopback interface.
pub(crate) struct TestServer {
    port: u16,
    requests: Arc<AtomicUsize>,
    folder: TempDir,
}

impl TestServer {
    /// Starts a server that responds to each path.
    pub(crate) async fn start(respond: impl Fn(&str) -> TestReply + Send + Sync + 'static) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new([NAME.to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("a file");
        let private_key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private_key);
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("a configuration")));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (requests, respond) = (Arc::new(AtomicUsize::new(0)), Arc::new(respond));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, respond) = (acceptor.clone(), Arc::clone(&respond));
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    // A client may close the connection at any time.
                    let _ = serve(stream, &acceptor, respond.as_ref(), &counter).await;
                });
            }
        });
        Self { port, requests, folder }
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> PublicUrl {
        let text = format!("https://{NAME}:{}{path}", self.port);
        PublicUrl::parse(&text).expect("a URL")
    }

    /// Returns the number of requests that arrived.
    pub(crate) fn request_count(&self) -> usize {
        self.requests.load(SeqCst)
    }

    /// Returns a client that trusts the server, allows loopback addresses, and always finds this
    /// server.
    pub(crate) fn documents(&self) -> PublicDocuments {
        self.documents_with(PreparedAnswers::always(&["127.0.0.1"]))
    }

    /// Returns a client that trusts the server, allows loopback addresses, and receives these
    /// answers of DNS.
    pub(crate) fn documents_with(&self, answers: PreparedAnswers) -> PublicDocuments {
        let trust = TrustRoots::CaFile(self.folder.path().join("ca.pem"));
        let loopback: IpNet = "127.0.0.0/8".parse().expect("a network");
        PublicDocuments::with_resolver(&trust, &[loopback], Arc::new(answers)).expect("a client")
    }
}

async fn serve(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    respond: &(dyn Fn(&str) -> TestReply + Send + Sync),
    requests: &AtomicUsize,
) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    requests.fetch_add(1, SeqCst);
    let head = String::from_utf8_lossy(&head).into_owned();
    let reply = respond(head.split(' ').nth(1).unwrap_or_default());
    match reply.pause {
        None => stream.write_all(&reply.bytes).await?,
        Some(pause) => {
            for byte in reply.bytes {
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(pause).await;
            }
        }
    }
    stream.shutdown().await
}

/// Answers of DNS, one after the other; the last one is repeated.
pub(crate) struct PreparedAnswers {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    count: Arc<AtomicUsize>,
}

impl PreparedAnswers {
    /// Returns a resolver with one answer.
    pub(crate) fn always(addresses: &[&str]) -> Self {
        Self::new(&[addresses])
    }

    /// Returns a resolver with these answers.
    pub(crate) fn new(answers: &[&[&str]]) -> Self {
        let parse = |address: &&str| address.parse().expect("an address");
        let answers = answers.iter().map(|answer| answer.iter().map(parse).collect());
        Self { answers: Mutex::new(answers.collect()), count: Arc::default() }
    }

    /// Returns the counter of the questions.
    pub(crate) fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.count)
    }
}

impl Resolve for PreparedAnswers {
    fn resolve(&self, _: Name) -> Resolving {
        self.count.fetch_add(1, SeqCst);
        let mut answers = self.answers.lock().expect("the answers");
        let answer = match answers.len() {
            1 => answers.front().cloned(),
            _ => answers.pop_front(),
        };
        let addresses = answer.expect("an answer").into_iter().map(|ip| SocketAddr::new(ip, 0));
        Box::pin(async move { Ok(Box::new(addresses) as Addrs) })
    }
}
