//! A server of small JSON documents over https, on `localhost`.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use super::tls::Leaf;

/// Answers every request with one document, in which `URL` is replaced by its own URL. Dropping it ends
/// it.
pub struct DocumentServer {
    leaf: Leaf,
    url: String,
    server: JoinHandle<()>,
}

impl DocumentServer {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// If it cannot.
    pub async fn start(document: Value) -> Self {
        let leaf = Leaf::new(&["localhost"]);
        let certificate = CertificateDer::from_pem_file(leaf.certificate()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(leaf.key()).expect("a key");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a configuration");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let url = format!("https://localhost:{port}/client.json");
        let document = Bytes::from(document.to_string().replace("URL", &url));
        let server = tokio::spawn(serve(listener, acceptor, document));
        Self { leaf, url, server }
    }

    /// The URL of the document.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its certificate.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }
}

impl Drop for DocumentServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, document: Bytes) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, document) = (acceptor.clone(), document.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |_: Request<Incoming>| {
                let response = Response::builder()
                    .header("content-type", "application/json")
                    .body(Full::<Bytes>::from(document.clone()))
                    .expect("a response");
                async { Ok::<_, Infallible>(response) }
            });
            let io = TokioIo::new(stream);
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
        });
    }
}
