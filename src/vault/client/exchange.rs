//! One exchange with Vault: its limits, its repetitions, and its metrics and span.

use std::time::{Duration, Instant};

use rustify::{endpoint::Endpoint, enums::RequestMethod};
use secrecy::SecretString;
use tokio::time::{sleep, timeout};

use super::{
    Client,
    backoff::backoff_delays,
    error::VaultError,
    failure::FailureKind,
    http_request::RequestOptions,
    operation::Operation,
    response::{RawResponse, is_storage_conflict, request_id},
};
use crate::telemetry::{VaultCall, VaultSpan};

/// The first delay before a write is sent again that collided with another one in Vault's storage,
/// which doubles, and the number of retries: about a second in all, and no longer than the timeout
/// of the request.
const STORAGE_CONFLICT_RETRIES: (Duration, u32) = (Duration::from_millis(20), 5);

impl Client {
    pub(super) async fn request<T>(
        &self,
        operation: Operation,
        token: Option<&SecretString>,
        endpoint: impl Endpoint,
        parse: impl FnOnce(Operation, RawResponse) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        self.request_with(operation, self.options(token), &endpoint, parse).await
    }

    /// Returns the options of a request with this token.
    pub(super) fn options<'o>(&'o self, token: Option<&'o SecretString>) -> RequestOptions<'o> {
        RequestOptions { token, namespace: self.namespace.as_ref(), ..RequestOptions::default() }
    }

    pub(super) async fn request_with<T>(
        &self,
        operation: Operation,
        options: RequestOptions<'_>,
        endpoint: &impl Endpoint,
        parse: impl FnOnce(Operation, RawResponse) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let mut span = self.span(operation, &endpoint.method());
        let response = self.measured(operation, self.send(operation, options, endpoint)).await;
        if let Ok(response) = &response {
            if self.addresses.len() > 1 {
                let (host, port) = &self.addresses[response.address].server;
                span.record_server(host, *port);
            }
            span.record_response(response.status, || request_id(&response.body));
        }
        let parsed = response.and_then(|response| parse(operation, response));
        self.count(operation, parsed.as_ref().err());
        span.end(outcome(parsed.as_ref().err()));
        parsed
    }

    /// Measures a request until its response, within its span.
    pub(super) async fn measured<T>(
        &self,
        operation: Operation,
        request: impl Future<Output = T>,
    ) -> T {
        let start = Instant::now();
        let in_flight = self.metrics.begin_vault_request();
        let response = request.await;
        drop(in_flight);
        self.metrics.record_vault_duration(operation.label(), start.elapsed());
        response
    }

    pub(super) fn count(&self, operation: Operation, error: Option<&VaultError>) {
        self.metrics.record_vault_request(operation.label(), outcome(error));
    }

    fn span(&self, operation: Operation, method: &RequestMethod) -> VaultSpan {
        let server = match &*self.addresses {
            [only] => Some((only.server.0.as_str(), only.server.1)),
            _ => None,
        };
        let (operation, method) = (operation.label(), method_name(method));
        VaultSpan::start(VaultCall { operation, method, server })
    }

    async fn send(
        &self,
        operation: Operation,
        options: RequestOptions<'_>,
        endpoint: &impl Endpoint,
    ) -> Result<RawResponse, VaultError> {
        let response = self.send_with_retry(operation, options, endpoint);
        let limit = if operation.is_shared() { self.shared_timeout() } else { self.timeout() };
        timeout(limit, response).await.unwrap_or_else(|_| Err(timed_out()))
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
            let response = self.send_to_any(operation, options, endpoint).await?;
            if !is_storage_conflict(operation, &response) {
                return Ok(response);
            }
            self.metrics
                .record_vault_request(operation.label(), FailureKind::StorageConflict.label());
            sleep(delay).await;
        }
        self.send_to_any(operation, options, endpoint).await
    }
}

pub(super) fn timed_out() -> VaultError {
    let why = "Vault did not respond within VALIDATOR_VAULT_TIMEOUT";
    VaultError::new(FailureKind::Timeout, why)
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
