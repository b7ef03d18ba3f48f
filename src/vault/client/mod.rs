//! The HTTP client for Vault's API: requests, connections, retries, responses and errors.

mod address;
mod address_breaker;
mod api_request;
pub(super) mod backoff;
mod connection;
mod error;
mod error_messages;
mod exchange;
mod failover;
mod failure;
mod http_request;
mod operation;
#[cfg(test)]
mod properties;
mod response;
mod settings;
mod transport;
mod vault_index;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::HeaderValue;
use rustify::endpoint::Endpoint;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use self::{
    address::Responder,
    exchange::timed_out,
    http_request::RequestOptions,
    response::{
        AuthEnvelope, Envelope, RawResponse, WrapEnvelope, check_status, parse, parse_optional,
        parse_or_deleted,
    },
    vault_index::SeenIndex,
};
pub(super) use self::{
    address::{Address, NodeState},
    api_request::ApiRequest,
    error::VaultError,
    failure::FailureKind,
    operation::Operation,
};
pub use self::{
    response::ResponseMeta,
    settings::{ClientCertificate, ClientSettings, ClientSettingsError, Namespace, VaultAddresses},
    vault_index::{Consistency, VaultIndex},
};
use crate::telemetry::Metrics;

/// Sends requests to Vault, each with a timeout and a maximum response size. Follows no redirects
/// and uses no proxy.
pub struct Client {
    addresses: Box<[Address]>,
    /// The timeout of a request, in milliseconds.
    timeout: AtomicU64,
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
        let addresses = settings.addresses.iter().enumerate();
        let addresses = addresses.map(|(position, url)| Address::new(position, url, settings));
        Ok(Self {
            addresses: addresses.collect::<Result<_, _>>()?,
            timeout: AtomicU64::new(millis(settings.timeout)),
            namespace: settings.namespace.clone(),
            seen_index: SeenIndex::default(),
            metrics,
        })
    }

    /// Makes new requests over the connections of this other client, which has other certificates or
    /// another timeout, but the same addresses and namespace. Requests in flight are not affected.
    pub fn adopt_connections(&self, other: &Self) {
        for (address, other) in self.addresses.iter().zip(&other.addresses) {
            address.transport.store(other.transport.load_full());
        }
        self.timeout.store(other.timeout.load(Relaxed), Relaxed);
    }

    /// Returns the metrics that requests are counted in.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the namespace that requests are made in.
    pub(crate) fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// Returns true if a response had the index of the storage that it reflects. Until then all nodes are
    /// asked alike.
    pub(super) fn has_seen_index(&self) -> bool {
        self.seen_index.is_known()
    }

    /// Returns the timeout of a request, which is also the time that one caller waits for it.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout.load(Relaxed))
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
    ///
    /// A standby may not know a token yet that was issued a moment ago. So if a node other than the
    /// active one responds that there is no such token, the active node is asked.
    pub(crate) async fn data_with_meta<T: DeserializeOwned>(
        &self,
        operation: Operation,
        token: &SecretString,
        consistency: &Consistency,
        endpoint: impl Endpoint,
    ) -> Result<(T, ResponseMeta), VaultError> {
        let index = self.seen_index.header(consistency);
        let (result, responder) = self.data_at(operation, token, index.as_ref(), &endpoint).await;
        let is_unknown =
            result.as_ref().is_err_and(|error| error.kind == FailureKind::TokenNotFound);
        if is_unknown
            && responder == Responder::AnyNode
            && *consistency != Consistency::ActiveNode
            && let Some(active_node) = self.seen_index.header(&Consistency::ActiveNode)
        {
            return self.data_at(operation, token, Some(&active_node), &endpoint).await.0;
        }
        result
    }

    /// Sends a request with this index. Returns the result and the node that responded.
    async fn data_at<T: DeserializeOwned>(
        &self,
        operation: Operation,
        token: &SecretString,
        index: Option<&HeaderValue>,
        endpoint: &impl Endpoint,
    ) -> (Result<(T, ResponseMeta), VaultError>, Responder) {
        let options = RequestOptions { index, ..self.options(Some(token)) };
        let mut responder = Responder::AnyNode;
        let parse = |operation, response: RawResponse| {
            responder = self.addresses[response.address].responder();
            let meta = ResponseMeta::of(&response);
            let envelope: Envelope<T> = parse(operation, response)?;
            let data = envelope.data.ok_or_else(|| VaultError::malformed("no data"))?;
            Ok((data, meta))
        };
        let result = self.request_with(operation, options, endpoint, parse).await;
        (result, responder)
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
        let envelope: WrapEnvelope =
            self.request_with(operation, options, &endpoint, parse).await?;
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
        self.request_with(operation, RequestOptions::default(), &endpoint, parse).await
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

    /// Returns the addresses.
    pub(super) fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Sends a request about the server at this address, without a token, and returns the status of
    /// the response, whatever it is. It is made in the root namespace. With several addresses its timeout
    /// is shorter, since other requests wait for the result.
    pub(super) async fn status(
        &self,
        address: &Address,
        operation: Operation,
        endpoint: impl Endpoint,
    ) -> Result<u16, VaultError> {
        let request = self.send_to(address, operation, RequestOptions::default(), &endpoint);
        let limit = if self.addresses.len() == 1 { self.timeout() } else { self.timeout() / 2 };
        let response = self.measured(operation, timeout(limit, request)).await;
        let response = response.unwrap_or_else(|_| Err(timed_out()));
        let status = response.map(|response| response.status);
        self.count(operation, status.as_ref().err());
        status
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
