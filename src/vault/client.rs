#[cfg(test)]
mod properties;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::HeaderValue;
use reqwest::redirect;
use rustify::endpoint::Endpoint;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use tracing::{Instrument, info_span};
use vaultrs::api::EndpointMiddleware;
use zeroize::Zeroizing;

use crate::{
    telemetry::Metrics,
    vault::{
        Namespace, Settings, SettingsError,
        error::{Failure, VaultError},
        settings::{certificates, identity},
    },
};

/// The largest answer of Vault that is read, in bytes. What this program asks for fits into a
/// fraction of it, and a broken peer must not be able to fill the memory.
const MAX_ANSWER: usize = 1024 * 1024;

/// The same for secrets: of one of 1 MiB, with what encryption and two layers of base64 add; and
/// for a list of some ten thousand names.
const MAX_SECRET: usize = 4 * 1024 * 1024;

/// How long a connection to Vault is kept unused. Short, so that a changed address is soon seen.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// Makes calls to Vault: no redirects, no proxy, a deadline and a largest size for each.
pub struct Client {
    http: reqwest::Client,
    base: String,
    namespace: Option<Namespace>,
    timeout: Duration,
    metrics: Arc<Metrics>,
}

/// What kind of call it is, in the metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Lookup,
    LookupSelf,
    Capabilities,
    Spend,
    Entity,
    Policy,
    Admin,
    Login,
    Renew,
    Unwrap,
    Health,
    SecretList,
    SecretMetadata,
    SecretRead,
    SecretWrite,
    SecretDelete,
    TransitKey,
    Encrypt,
    Decrypt,
    Rewrap,
}

impl Operation {
    fn label(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::LookupSelf => "lookup_self",
            Self::Capabilities => "capabilities",
            Self::Spend => "spend",
            Self::Entity => "entity",
            Self::Policy => "policy",
            Self::Admin => "admin",
            Self::Login => "login",
            Self::Renew => "renew",
            Self::Unwrap => "unwrap",
            Self::Health => "health",
            Self::SecretList => "secret_list",
            Self::SecretMetadata => "secret_metadata",
            Self::SecretRead => "secret_read",
            Self::SecretWrite => "secret_write",
            Self::SecretDelete => "secret_delete",
            Self::TransitKey => "transit_key",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Rewrap => "rewrap",
        }
    }

    fn largest_answer(self) -> usize {
        match self {
            Self::SecretList | Self::SecretRead | Self::Encrypt | Self::Decrypt | Self::Rewrap => {
                MAX_SECRET
            }
            _ => MAX_ANSWER,
        }
    }
}

/// The frame of most of Vault's answers.
#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
}

/// The frame of the answers that bring a token.
#[derive(Deserialize)]
struct AuthEnvelope<T> {
    auth: Option<T>,
}

/// The frame of the answers that say no.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

/// A status and a body that may hold a token, and is wiped.
type Answer = (u16, Zeroizing<Vec<u8>>);

impl Client {
    /// A client with these settings.
    ///
    /// # Errors
    /// [`SettingsError`] if a certificate or a key cannot be read.
    pub fn new(settings: &Settings, metrics: Arc<Metrics>) -> Result<Self, SettingsError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_rustls()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.timeout)
            .timeout(settings.timeout)
            .pool_idle_timeout(IDLE_CONNECTION);
        if let Some(file) = &settings.ca_cert {
            builder = builder.tls_certs_only(certificates(file)?);
        } else if settings.address.scheme() == "http" {
            // Without it the system's certificates are asked for, and an image may have none.
            builder = builder.tls_certs_only([]);
        }
        if let Some(certificate) = &settings.client_cert {
            builder = builder.identity(identity(certificate)?);
        }
        let http = builder
            .build()
            .map_err(|error| SettingsError(format!("TLS cannot be set up: {error}")))?;
        let base = settings.address.origin().ascii_serialization();
        let (namespace, timeout) = (settings.namespace.clone(), settings.timeout);
        Ok(Self { http, base, namespace, timeout, metrics })
    }

    /// The namespace that calls are made in.
    pub(crate) fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// The longest that a call may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The `data` of the answer to this call.
    pub(crate) async fn data<T: DeserializeOwned>(
        &self,
        operation: Operation,
        token: &SecretString,
        endpoint: impl Endpoint,
    ) -> Result<T, VaultError> {
        let envelope: Envelope<T> = self.call(operation, Some(token), endpoint, parse).await?;
        envelope.data.ok_or_else(|| VaultError::malformed("no data"))
    }

    /// The same, also where Vault answers 404 and yet tells of what was there: a deleted version.
    pub(crate) async fn data_or_remains<T: DeserializeOwned>(
        &self,
        operation: Operation,
        token: &SecretString,
        endpoint: impl Endpoint,
    ) -> Result<T, VaultError> {
        let read = |(status, body): Answer| {
            if status == 404
                && let Ok(remains @ Envelope { data: Some(_) }) = serde_json::from_slice(&body)
            {
                return Ok(remains);
            }
            parse((status, body))
        };
        let envelope: Envelope<T> = self.call(operation, Some(token), endpoint, read).await?;
        envelope.data.ok_or_else(|| VaultError::malformed("no data"))
    }

    /// The `auth` of the answer to this call, which brings a token.
    pub(crate) async fn auth<T: DeserializeOwned>(
        &self,
        operation: Operation,
        token: Option<&SecretString>,
        endpoint: impl Endpoint,
    ) -> Result<T, VaultError> {
        let envelope: AuthEnvelope<T> = self.call(operation, token, endpoint, parse).await?;
        envelope.auth.ok_or_else(|| VaultError::malformed("no auth"))
    }

    /// Makes a call whose answer is of no interest but for its being a yes; most have no body.
    pub(crate) async fn done(
        &self,
        operation: Operation,
        token: &SecretString,
        endpoint: impl Endpoint,
    ) -> Result<(), VaultError> {
        self.call(operation, Some(token), endpoint, |answer| accepted(answer).map(drop)).await
    }

    /// The status of the answer to this call about the server itself, whatever it is. A namespace
    /// has no word on that.
    pub(crate) async fn status(
        &self,
        operation: Operation,
        endpoint: impl Endpoint,
    ) -> Result<u16, VaultError> {
        let answer = self.send(operation, None, None, endpoint).await.map(|(status, _)| status);
        self.count(operation, answer.as_ref().err());
        answer
    }

    async fn call<T>(
        &self,
        operation: Operation,
        token: Option<&SecretString>,
        endpoint: impl Endpoint,
        read: impl FnOnce(Answer) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let span = info_span!("vault", otel.kind = "client", operation = operation.label());
        let namespace = self.namespace.as_ref();
        let answer = self.send(operation, token, namespace, endpoint).instrument(span).await;
        let answer = answer.and_then(read);
        self.count(operation, answer.as_ref().err());
        answer
    }

    fn count(&self, operation: Operation, error: Option<&VaultError>) {
        let outcome = error.map_or("ok", |error| error.failure.label());
        self.metrics.vault_request(operation.label(), outcome);
    }

    async fn send(
        &self,
        operation: Operation,
        token: Option<&SecretString>,
        namespace: Option<&Namespace>,
        endpoint: impl Endpoint,
    ) -> Result<Answer, VaultError> {
        let middleware = EndpointMiddleware {
            token: token
                .map(|token| header_safe(token.expose_secret()))
                .transpose()?
                .unwrap_or_default(),
            version: "v1".to_owned(),
            wrap: None,
            namespace: namespace.map(|namespace| namespace.as_str().to_owned()),
        };
        let request = endpoint
            .with_middleware(&middleware)
            .request(&self.base)
            .ok()
            // The body may hold a token or a secret.
            .map(|request| request.map(|body| Bytes::from_owner(Zeroizing::new(body))))
            .and_then(|request| reqwest::Request::try_from(request).ok())
            .ok_or_else(|| VaultError::new(Failure::BadRequest, "the request cannot be built"))?;
        let mut response = self.http.execute(request).await.map_err(VaultError::from_transport)?;
        let status = response.status().as_u16();
        let largest = operation.largest_answer();
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        // Made to size where that is known, so that growing leaves nothing behind.
        let mut body = Zeroizing::new(Vec::with_capacity(announced.unwrap_or(0).min(largest)));
        while let Some(chunk) = response.chunk().await.map_err(VaultError::from_transport)? {
            if body.len() + chunk.len() > largest {
                return Err(VaultError::malformed("too large"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }
}

/// The token, if it can be sent: vaultrs panics on one that cannot stand in a header.
fn header_safe(token: &str) -> Result<String, VaultError> {
    HeaderValue::from_str(token)
        .map(|_| token.to_owned())
        .map_err(|_| VaultError::new(Failure::OwnToken, "the token has a line break or the like"))
}

fn parse<T: DeserializeOwned>(answer: Answer) -> Result<T, VaultError> {
    let body = accepted(answer)?;
    serde_json::from_slice(&body).map_err(|error| {
        // Not the error's own text, which may quote the answer.
        VaultError::malformed(&format!("line {} column {}", error.line(), error.column()))
    })
}

/// The body of an answer that says yes.
fn accepted((status, body): Answer) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    if (200..300).contains(&status) {
        return Ok(body);
    }
    let errors = serde_json::from_slice(&body).ok().map(|Errors { errors }| errors);
    Err(VaultError::from_status(status, errors.as_deref()))
}
