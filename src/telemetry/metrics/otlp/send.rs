use std::time::Duration;

use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, metrics_service_client::MetricsServiceClient,
};
use prost::Message;
use reqwest::redirect::Policy;
use tonic::{
    metadata::MetadataMap,
    transport::{Channel, ClientTlsConfig, Endpoint},
};

use super::MetricsExport;
use crate::telemetry::otlp::OtlpProtocol;

/// The connection to an OTLP receiver.
pub(super) enum Sender {
    /// Protobuf over HTTP.
    Http { client: reqwest::Client, export: MetricsExport },
    /// gRPC.
    Grpc { client: MetricsServiceClient<Channel>, headers: HeaderMap, timeout: Duration },
}

impl Sender {
    /// Creates a sender, which connects with the first request.
    ///
    /// # Errors
    /// The reason why the settings cannot be used.
    pub(super) fn new(export: MetricsExport) -> Result<Self, String> {
        match export.protocol {
            OtlpProtocol::Http => {
                // A redirect would send the headers elsewhere, and end with the 200 of a login page.
                let client = reqwest::Client::builder().redirect(Policy::none());
                let client = client.timeout(export.timeout).build();
                let client = client.map_err(|error| error.to_string())?;
                Ok(Self::Http { client, export })
            }
            OtlpProtocol::Grpc | OtlpProtocol::GrpcOverTls => {
                let address = Endpoint::from_shared(export.endpoint.to_string());
                let mut endpoint = address.map_err(|error| error.to_string())?;
                if export.protocol == OtlpProtocol::GrpcOverTls {
                    let tls = ClientTlsConfig::new().with_enabled_roots();
                    endpoint = endpoint.tls_config(tls).map_err(|error| error.to_string())?;
                }
                let timeout = export.timeout;
                let endpoint = endpoint.connect_timeout(timeout);
                let client = MetricsServiceClient::new(endpoint.connect_lazy());
                Ok(Self::Grpc { client, headers: export.headers, timeout })
            }
        }
    }

    /// Sends metrics once: the next export repeats what this one loses.
    ///
    /// # Errors
    /// The reason, without the address of the receiver.
    pub(super) async fn send(
        &mut self,
        metrics: ExportMetricsServiceRequest,
    ) -> Result<(), String> {
        match self {
            Self::Http { client, export } => {
                let request = client.post(export.endpoint.clone()).headers(export.headers.clone());
                let protobuf = HeaderValue::from_static("application/x-protobuf");
                let request = request.header(CONTENT_TYPE, protobuf).body(metrics.encode_to_vec());
                let response =
                    request.send().await.map_err(|error| reason(&error.without_url()))?;
                match response.status() {
                    status if status.is_success() => Ok(()),
                    status => Err(format!("the receiver responded with {status}")),
                }
            }
            Self::Grpc { client, headers, timeout } => {
                let mut request = tonic::Request::new(metrics);
                *request.metadata_mut() = MetadataMap::from_headers(headers.clone());
                // The timeout of tonic's own endpoint ends with the head of the response.
                match tokio::time::timeout(*timeout, client.export(request)).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(status)) => Err(grpc_reason(&status)),
                    Err(_) => Err("the receiver did not respond in time".to_owned()),
                }
            }
        }
    }
}

/// Returns the code and, if there was no response, the cause. The receiver's message may repeat the
/// credentials of the request.
fn grpc_reason(status: &tonic::Status) -> String {
    match std::error::Error::source(status) {
        Some(cause) => format!("{:?}: {}", status.code(), reason(cause)),
        None => format!("the receiver responded with {:?}", status.code()),
    }
}

/// Returns the innermost cause of an error, which names the failure of a connection.
fn reason(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::grpc_reason;

    #[test]
    fn message_of_the_receiver_is_not_repeated() {
        let status = Status::unauthenticated("no such key: canary");
        assert_eq!(grpc_reason(&status), "the receiver responded with Unauthenticated");
        let broken = Status::from_error(Box::new(std::io::Error::other("broken pipe")));
        assert!(grpc_reason(&broken).ends_with(": broken pipe"), "{}", grpc_reason(&broken));
    }
}
