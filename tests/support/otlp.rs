//! A receiver of OTLP, over HTTP (protobuf) and gRPC on the same port.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, extract::State, http::HeaderMap, routing::post};
use bytes::Bytes;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{
            ExportLogsServiceRequest, ExportLogsServiceResponse,
            logs_service_server::{LogsService, LogsServiceServer},
        },
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::LogRecord,
    metrics::v1::Metric,
    resource::v1::Resource,
    trace::v1::Span,
};
use prost::Message;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tonic::{Request, Response, Status, service::Routes};

use super::tls::Leaf;

/// The protocol that a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http,
    Grpc,
}

/// A request with its protocol and its headers (HTTP) or metadata (gRPC).
#[derive(Clone, Debug)]
pub struct Received<T> {
    pub protocol: Protocol,
    pub headers: HeaderMap,
    pub message: T,
}

/// Everything that was received, in order.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    pub traces: Vec<Received<ExportTraceServiceRequest>>,
    pub metrics: Vec<Received<ExportMetricsServiceRequest>>,
    pub logs: Vec<Received<ExportLogsServiceRequest>>,
}

/// A receiver that accepts and stores everything, until it is dropped.
pub struct OtlpReceiver {
    address: String,
    url: String,
    store: Store,
    server: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Store(Arc<Mutex<Telemetry>>);

impl Store {
    fn lock(&self) -> MutexGuard<'_, Telemetry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OtlpReceiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl OtlpReceiver {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1:0").await
    }

    /// Starts it on this address.
    pub async fn start_on(address: &str) -> Self {
        Self::serve(address, None).await
    }

    /// Starts it on a free port with TLS and a certificate for `localhost`.
    pub async fn start_tls(certificate: &Leaf) -> Self {
        Self::serve("127.0.0.1:0", Some(acceptor(certificate))).await
    }

    async fn serve(address: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let store = Store::default();
        let url = match tls {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let server = tokio::spawn(serve(listener, router(store.clone()), tls));
        Self { address: address.to_string(), url, store, server }
    }

    /// Returns its `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the value for `OTEL_EXPORTER_OTLP_ENDPOINT`, for both protocols.
    pub fn endpoint(&self) -> String {
        self.url.clone()
    }

    /// Returns everything that was received so far.
    pub fn received(&self) -> Telemetry {
        self.store.lock().clone()
    }

    /// Returns all spans that were received so far, each with the resource that sent it.
    pub fn spans(&self) -> Vec<(Resource, Span)> {
        let requests = self.store.lock().traces.clone();
        let all = requests.into_iter().flat_map(|request| request.message.resource_spans);
        all.flat_map(|one| {
            let resource = one.resource.unwrap_or_default();
            let spans = one.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.map(|span| (resource.clone(), span)).collect::<Vec<_>>()
        })
        .collect()
    }

    /// Returns all log records that were received so far, each with the resource that sent it.
    pub fn logs(&self) -> Vec<(Resource, LogRecord)> {
        let requests = self.store.lock().logs.clone();
        let all = requests.into_iter().flat_map(|request| request.message.resource_logs);
        all.flat_map(|one| {
            let resource = one.resource.unwrap_or_default();
            let records = one.scope_logs.into_iter().flat_map(|scope| scope.log_records);
            records.map(|record| (resource.clone(), record)).collect::<Vec<_>>()
        })
        .collect()
    }

    /// Returns all metrics that were received so far, each with the resource that sent it.
    pub fn metrics(&self) -> Vec<(Resource, Metric)> {
        let requests = self.store.lock().metrics.clone();
        let all = requests.into_iter().flat_map(|request| request.message.resource_metrics);
        all.flat_map(|one| {
            let resource = one.resource.unwrap_or_default();
            let metrics = one.scope_metrics.into_iter().flat_map(|scope| scope.metrics);
            metrics.map(|metric| (resource.clone(), metric)).collect::<Vec<_>>()
        })
        .collect()
    }
}

/// Returns an attribute as text; `None` if there is none.
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref().map(value_text)
}

/// Returns a value as text: a string as it is, a number in decimal.
pub fn value_text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        other => format!("{other:?}"),
    }
}

/// Returns an id in hexadecimal digits.
pub fn hex(id: &[u8]) -> String {
    id.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    })
}

async fn serve(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (router, tls) = (router.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve_connection(stream, router).await,
                Some(tls) => {
                    // Fails if the client does not trust the certificate.
                    if let Ok(stream) = tls.accept(stream).await {
                        serve_connection(stream, router).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection<I>(stream: I, router: Router)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = auto::Builder::new(TokioExecutor::new());
    let service = TowerToHyperService::new(router);
    // Fails if the client closes the connection.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

fn acceptor(certificate: &Leaf) -> TlsAcceptor {
    // The default provider is the process's; the second caller finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chain = CertificateDer::pem_file_iter(certificate.certificate()).expect("a file");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(certificate.key()).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.expect("a configuration");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

fn router(store: Store) -> Router {
    let http = Router::new()
        .route("/v1/traces", post(http_traces))
        .route("/v1/metrics", post(http_metrics))
        .route("/v1/logs", post(http_logs))
        .with_state(store.clone());
    let grpc = Routes::new(TraceServiceServer::new(store.clone()))
        .add_service(MetricsServiceServer::new(store.clone()))
        .add_service(LogsServiceServer::new(store));
    grpc.into_axum_router().merge(http)
}

fn from_http<T: Message + Default>(headers: HeaderMap, body: &Bytes) -> Received<T> {
    let message = T::decode(body.as_ref()).expect("an OTLP message");
    Received { protocol: Protocol::Http, headers, message }
}

fn from_grpc<T>(request: Request<T>) -> Received<T> {
    let (metadata, _, message) = request.into_parts();
    Received { protocol: Protocol::Grpc, headers: metadata.into_headers(), message }
}

async fn http_traces(State(store): State<Store>, headers: HeaderMap, body: Bytes) -> Vec<u8> {
    store.lock().traces.push(from_http(headers, &body));
    ExportTraceServiceResponse::default().encode_to_vec()
}

async fn http_metrics(State(store): State<Store>, headers: HeaderMap, body: Bytes) -> Vec<u8> {
    store.lock().metrics.push(from_http(headers, &body));
    ExportMetricsServiceResponse::default().encode_to_vec()
}

async fn http_logs(State(store): State<Store>, headers: HeaderMap, body: Bytes) -> Vec<u8> {
    store.lock().logs.push(from_http(headers, &body));
    ExportLogsServiceResponse::default().encode_to_vec()
}

#[tonic::async_trait]
impl TraceService for Store {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.lock().traces.push(from_grpc(request));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Store {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.lock().metrics.push(from_grpc(request));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Store {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.lock().logs.push(from_grpc(request));
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}
