//! The HTTP client for Vault's API: requests, connections, retries, responses and errors.

mod api_request;
pub(super) mod backoff;
mod connection;
mod error;
mod error_messages;
mod exchange;
mod failure;
mod http_request;
mod operation;
#[cfg(test)]
mod properties;
mod response;
mod settings;
mod transport;
mod vault_index;

use std::{sync::Arc, time::Duration};

use rustify::endpoint::Endpoint;
use secrecy::SecretString;
use serde::de::DeserializeOwned;

pub(super) use self::{
    api_request::ApiRequest, error::VaultError, failure::FailureKind, operation::Operation,
};
use self::{
    http_request::RequestOptions,
    response::{
        AuthEnvelope, Envelope, RawResponse, WrapEnvelope, check_status, parse, parse_optional,
        parse_or_deleted,
    },
    transport::Transport,
    vault_index::SeenIndex,
};
pub use self::{
    response::ResponseMeta,
    settings::{ClientCertificate, ClientSettings, ClientSettingsError, Namespace},
    vault_index::{Consistency, VaultIndex},
};
use crate::telemetry::Metrics;

/// Sends requests to Vault, each with a timeout and a maximum response size. Follows no redirects
/// and uses no proxy.
pub struct Client {
    transport: Transport,
    origin: String,
    /// The host and the port of the origin.
    server: (String, u16),
    namespace: Option<Namespace>,
    seen_index: SeenIndex,
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
        let transport = Transport::new(settings)?;
        let origin = settings.address.origin().ascii_serialization();
        let host = settings.address.host_str().unwrap_or_default().to_owned();
        let server = (host, settings.address.port_or_known_default().unwrap_or_default());
        let namespace = settings.namespace.clone();
        let seen_index = SeenIndex::default();
        Ok(Self { transport, origin, server, namespace, seen_index, metrics })
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
        self.transport.timeout()
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

    /// Sends a request and returns the `data` of the response, which is as recent as `consistency`
    /// says, with the other parts of the response.
    pub(crate) async fn data_with_meta<T: DeserializeOwned>(
        &self,
        operation: Operation,
        token: &SecretString,
        consistency: &Consistency,
        endpoint: impl Endpoint,
    ) -> Result<(T, ResponseMeta), VaultError> {
        let index = self.seen_index.header(consistency);
        let options = RequestOptions { index: index.as_ref(), ..self.options(Some(token)) };
        let parse = |operation, response: RawResponse| {
            let meta = ResponseMeta::of(&response);
            parse(operation, response).map(|envelope: Envelope<T>| (envelope, meta))
        };
        let (envelope, meta) = self.request_with(operation, options, endpoint, parse).await?;
        let data = envelope.data.ok_or_else(|| VaultError::malformed("no data"))?;
        Ok((data, meta))
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
        let options = RequestOptions { wrap_ttl: Some(ttl), ..self.options(Some(token)) };
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
        let status = response.map(|response| response.status);
        self.count(operation, status.as_ref().err());
        status
    }
}
