//! The HTTP client for Vault's API: requests, connections, retries, responses and errors.

mod api_request;
pub(super) mod backoff;
mod connection;
mod error;
mod error_messages;
mod failure;
mod http_request;
mod operation;
#[cfg(test)]
mod properties;
mod response;
mod settings;
mod transport;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use rustify::{endpoint::Endpoint, enums::RequestMethod};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

pub use self::settings::{ClientCertificate, ClientSettings, ClientSettingsError, Namespace};
pub(super) use self::{
    api_request::ApiRequest, error::VaultError, failure::FailureKind, operation::Operation,
};
use self::{
    backoff::backoff_delays,
    http_request::{RequestOptions, build_request},
    response::{
        AuthEnvelope, Envelope, RawResponse, WrapEnvelope, check_status, is_storage_conflict,
        parse, parse_optional, parse_or_deleted, request_id,
    },
    transport::Transport,
};
use crate::telemetry::{Metrics, VaultCall, VaultSpan};

/// The first delay before a write is sent again that collided with another one in Vault's storage,
/// which doubles, and the number of retries: about a second in all, and no longer than the timeout
/// of the request.
const STORAGE_CONFLICT_RETRIES: (Duration, u32) = (Duration::from_millis(20), 5);

/// Sends requests to Vault, each with a timeout and a maximum response size. Follows no redirects
/// and uses no proxy.
pub struct Client {
    transport: ArcSwap<Transport>,
    origin: String,
    /// The host and the port of the origin.
    server: (String, u16),
    namespace: Option<Namespace>,
    metrics: Arc<Metrics>,
}

impl Client {
    /// Creates a client with these settings.
    ///
    /// # Errors
    /// If a certificate or a key cannot be read.
    pub fn new(
        settings: &ClientSettings,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ClientSettingsError> {
        let transport = ArcSwap::from_pointee(Transport::new(settings)?);
        let origin = settings.address.origin().ascii_serialization();
        let host = settings.address.host_str().unwrap_or_default().to_owned();
        let server = (host, settings.address.port_or_known_default().unwrap_or_default());
        Ok(Self { transport, origin, server, namespace: settings.namespace.clone(), metrics })
    }

    /// Makes new requests over the connections of this other client, which has other certificates or
    /// another timeout, but the same address and namespace. Requests in flight are not affected.
    pub fn adopt_connections(&self, other: &Self) {
        self.transport.store(other.transport.load_full());
    }

    /// Returns the metrics that requests are counted in.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the namespace that requests are made in.
    pub(crate) fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// Returns the timeout of a request, which is also the time that one caller waits for it.
    pub(crate) fn timeout(&self) -> Duration {
        self.transport.load().timeout()
    }

    /// Returns the timeout of a request whose response several callers wait for, each for
    /// [`Client::timeout`]: the last of them may join just before the first times out.
    pub(crate) fn shared_timeout(&self) -> Duration {
        self.timeout() * 2
    }

    /// Sends a request and returns the `data` of the response.
    pub(crate) async fn data<T: DeserializeOwned>(
        &self,
        operation: Operation,
        token: &SecretString,
        endpoint: impl Endpoint,
    ) -> Result<T, VaultError> {
        let envelope: Envelope<T> = self.request(operation, Some(token), endpoint, parse).await?;
        envelope.data.ok_or_else(|| VaultError::malformed("no data"))
    }

    /// Sends a request without a token, in the client's namespace, and returns the `data` of the
    /// response.
    pub(crate) async fn data_without_token<T: DeserializeOwned>(
        &self,
        operation: Operation,
        endpoint: impl Endpoint,
    ) -> Result<T, VaultError> {
        let envelope: Envelope<T> = self.request(operation, None, endpoint, parse).await?;
        envelope.data.ok_or_else(|| VaultError::malformed("no data"))
    }

    /// Sends a request and returns the `data` of the response, also that of a 404, which Vault
    /// sends for a deleted version.
    pub(crate) async fn data_or_deleted<T: DeserializeOwned>(
        &self,
        operation: Operation,
        token: &SecretString,
        endpoint: impl Endpoint,
    ) -> Result<T, VaultError> {
        let envelope: Envelope<T> =
            self.request(operation, Some(token), endpoint, parse_or_deleted).await?;
        envelope.data.ok_or_else(|| VaultError::malformed("no data"))
    }

    /// Sends a request and returns the `data` of the response; `None` if the body of a 2xx response
    /// is empty.
    pub(crate) async fn optional_data<T: DeserializeOwned>(
        &self,
        operation: Operation,
        token: &SecretString,
        endpoint: impl Endpoint,
    ) -> Result<Option<T>, VaultError> {
        self.request(operation, Some(token), endpoint, parse_optional).await
    }

    /// Sends a request and returns the wrapping token of the response, which is valid for `ttl`.
    pub(crate) async fn wrapping_token(
        &self,
        operation: Operation,
        token: &SecretString,
        endpoint: impl Endpoint,
        ttl: Duration,
    ) -> Result<SecretString, VaultError> {
        let namespace = self.namespace.as_ref();
        let options = RequestOptions { token: Some(token), namespace, wrap_ttl: Some(ttl) };
        let envelope: WrapEnvelope = self.request_with(operation, options, endpoint, parse).await?;
        let info = envelope.wrap_info.ok_or_else(|| VaultError::malformed("no wrap_info"))?;
        Ok(info.token)
    }

    /// Sends a request about the server itself, without a token, and returns the response. It is
    /// made in the root namespace.
    pub(crate) async fn unauthenticated<T: DeserializeOwned>(
        &self,
        operation: Operation,
        endpoint: impl Endpoint,
    ) -> Result<T, VaultError> {
        self.request_with(operation, RequestOptions::default(), endpoint, parse).await
    }

    /// Sends a request and returns the `auth` of the response, which issues or renews a token.
    pub(crate) async fn auth<T: DeserializeOwned>(
        &self,
        operation: Operation,
        token: Option<&SecretString>,
        endpoint: impl Endpoint,
    ) -> Result<T, VaultError> {
        let envelope: AuthEnvelope<T> = self.request(operation, token, endpoint, parse).await?;
        envelope.auth.ok_or_else(|| VaultError::malformed("no auth"))
    }

    /// Sends a request and ignores the body of a 2xx response, which most endpoints for it do not
    /// have.
    pub(crate) async fn execute(
        &self,
        operation: Operation,
        token: &SecretString,
        endpoint: impl Endpoint,
    ) -> Result<(), VaultError> {
        let ignore_body = |operation, response| check_status(operation, response).map(drop);
        self.request(operation, Some(token), endpoint, ignore_body).await
    }

    /// Sends a request about the server itself, without a token, and returns the status of the
    /// response, whatever it is. It is made in the root namespace.
    pub(super) async fn status(
        &self,
        operation: Operation,
        endpoint: impl Endpoint,
    ) -> Result<u16, VaultError> {
        let response = self
            .measured(operation, self.send(operation, RequestOptions::default(), endpoint))
            .await;
        let status = response.map(|(status, _)| status);
        self.count(operation, status.as_ref().err());
        status
    }

    async fn request<T>(
        &self,
        operation: Operation,
        token: Option<&SecretString>,
        endpoint: impl Endpoint,
        parse: impl FnOnce(Operation, RawResponse) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let namespace = self.namespace.as_ref();
        let options = RequestOptions { token, namespace, wrap_ttl: None };
        self.request_with(operation, options, endpoint, parse).await
    }

    async fn request_with<T>(
        &self,
        operation: Operation,
        options: RequestOptions<'_>,
        endpoint: impl Endpoint,
        parse: impl FnOnce(Operation, RawResponse) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let mut span = self.span(operation, &endpoint.method());
        let response = self.measured(operation, self.send(operation, options, endpoint)).await;
        if let Ok((status, body)) = &response {
            span.record_response(*status, || request_id(body));
        }
        let parsed = response.and_then(|response| parse(operation, response));
        self.count(operation, parsed.as_ref().err());
        span.end(outcome(parsed.as_ref().err()));
        parsed
    }

    /// Measures a request until its response, within its span.
    async fn measured<T>(&self, operation: Operation, request: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let in_flight = self.metrics.begin_vault_request();
        let response = request.await;
        drop(in_flight);
        self.metrics.record_vault_duration(operation.label(), start.elapsed());
        response
    }

    fn count(&self, operation: Operation, error: Option<&VaultError>) {
        self.metrics.record_vault_request(operation.label(), outcome(error));
    }

    fn span(&self, operation: Operation, method: &RequestMethod) -> VaultSpan {
        let (host, port) = (&self.server.0, self.server.1);
        let (operation, method) = (operation.label(), method_name(method));
        VaultSpan::start(VaultCall { operation, method, host, port })
    }

    async fn send(
        &self,
        operation: Operation,
        options: RequestOptions<'_>,
        endpoint: impl Endpoint,
    ) -> Result<RawResponse, VaultError> {
        let response = self.send_with_retry(operation, options, &endpoint);
        let limit = if operation.is_shared() { self.shared_timeout() } else { self.timeout() };
        timeout(limit, response).await.unwrap_or_else(|_| {
            let why = "Vault did not respond within VALIDATOR_VAULT_TIMEOUT";
            Err(VaultError::new(FailureKind::Timeout, why))
        })
    }

    /// Sends a request, and sends a write again that collided with another one in Vault's storage.
    ///
    /// A repetition is safe for every write but a login: Vault reports that it wrote nothing. A compare-and-set write is
    /// then compared with the result of the other write. And a transit key whose new version Vault
    /// could not store has that version in memory only until a further rotation is stored.
    async fn send_with_retry(
        &self,
        operation: Operation,
        options: RequestOptions<'_>,
        endpoint: &impl Endpoint,
    ) -> Result<RawResponse, VaultError> {
        let is_write = matches!(
            endpoint.method(),
            RequestMethod::POST | RequestMethod::PUT | RequestMethod::PATCH | RequestMethod::DELETE
        );
        let is_repeated = is_write && operation.is_repeatable();
        let (first_delay, retries) = STORAGE_CONFLICT_RETRIES;
        for delay in backoff_delays(first_delay, if is_repeated { retries } else { 0 }) {
            let response = self.send_once(operation, options, endpoint).await?;
            if !is_storage_conflict(operation, &response) {
                return Ok(response);
            }
            self.metrics
                .record_vault_request(operation.label(), FailureKind::StorageConflict.label());
            sleep(delay).await;
        }
        self.send_once(operation, options, endpoint).await
    }

    async fn send_once(
        &self,
        operation: Operation,
        options: RequestOptions<'_>,
        endpoint: &impl Endpoint,
    ) -> Result<RawResponse, VaultError> {
        let request = build_request(&self.origin, options, endpoint)?;
        let transport = self.transport.load_full();
        transport.send(request, operation.max_response_size()).await
    }
}

/// Returns the outcome in metrics and traces.
fn outcome(error: Option<&VaultError>) -> &'static str {
    error.map_or("ok", |error| error.kind.label())
}

fn method_name(method: &RequestMethod) -> &'static str {
    match method {
        RequestMethod::CONNECT => "CONNECT",
        RequestMethod::DELETE => "DELETE",
        RequestMethod::GET => "GET",
        RequestMethod::HEAD => "HEAD",
        // A method of Vault's own.
        RequestMethod::LIST => "LIST",
        RequestMethod::OPTIONS => "OPTIONS",
        RequestMethod::PATCH => "PATCH",
        RequestMethod::POST => "POST",
        RequestMethod::PUT => "PUT",
        RequestMethod::TRACE => "TRACE",
    }
}
