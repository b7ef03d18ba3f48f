//! Export by OTLP: protocols, queues and failures.
//!
//! OpenTelemetry's SDK queues items and sends them in a thread of its own. Around it, this module counts
//! what is lost, and logs an outage of the receiver in two lines.

use std::{error::Error, thread, time::Duration};

use reqwest::redirect::Policy;

mod export_queue;
mod log_export;
mod log_layer;
mod runtime;
mod span_export;

pub(super) use self::{
    log_export::{LogGuard, log_layer},
    log_layer::OtlpLogLayer,
    runtime::ExportRuntime,
    span_export::span_processor,
};

/// The reason why nothing can be exported.
pub(super) type ExportError = Box<dyn Error + Send + Sync>;

/// A protocol of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// Protobuf over HTTP.
    Http,
    /// gRPC without TLS.
    Grpc,
    /// gRPC over TLS.
    GrpcOverTls,
}

impl OtlpProtocol {
    /// Returns true if the protocol is gRPC.
    pub(super) fn is_grpc(self) -> bool {
        self != Self::Http
    }
}

/// The export of one signal. The SDK reads the standard variables of the endpoint and the headers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalExport {
    /// The protocol.
    pub protocol: OtlpProtocol,
    /// The maximum time of an export.
    pub timeout: Duration,
    /// The maximum number of items that wait for export; more are dropped.
    pub queue_size: usize,
}

/// Returns a client that follows no redirects: the headers would be sent elsewhere.
fn http_client(timeout: Duration) -> Result<reqwest::blocking::Client, ExportError> {
    // It has a runtime of its own, and may not be built by a thread of another.
    let client = thread::spawn(move || {
        reqwest::blocking::Client::builder().redirect(Policy::none()).timeout(timeout).build()
    });
    Ok(client.join().map_err(|_| "the HTTP client panicked")??)
}

/// Builds the exporter of a signal. The builders of the signals have no trait in common.
macro_rules! build_exporter {
    ($exporter:ty, $export:expr) => {{
        use opentelemetry_otlp::{
            WithHttpConfig as _, WithTonicConfig as _, tonic_types::transport::ClientTlsConfig,
        };
        let builder = <$exporter>::builder();
        match $export.protocol {
            OtlpProtocol::Http => {
                let client = http_client($export.timeout)?;
                builder.with_http().with_http_client(client).build()
            }
            OtlpProtocol::Grpc => builder.with_tonic().build(),
            // With the system's certificate authorities, as HTTP has them.
            OtlpProtocol::GrpcOverTls => builder
                .with_tonic()
                .with_tls_config(ClientTlsConfig::new().with_enabled_roots())
                .build(),
        }
    }};
}
use build_exporter;
