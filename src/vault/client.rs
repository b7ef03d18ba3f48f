mod operation;
#[cfg(test)]
mod properties;
mod request;
mod transport;

use std::{sync::Arc, time::Duration};

use rustify::{endpoint::Endpoint, enums::RequestMethod};
use secrecy::SecretString;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use tokio::time::{sleep, timeout};
use tracing::{Instrument, Span, info_span};
use zeroize::Zeroizing;

pub(crate) use self::operation::Operation;
use self::transport::Transport;
use crate::{
    telemetry::Metrics,
    vault::{
        Namespace, Settings, SettingsError,
        backoff::pauses,
        client::request::request,
        error::{Failure, VaultError},
    },
};

/// The first pause after a write that met with another in Vault's storage, which doubles, and how
/// often it is made again: for about a second in all, and no longer than a call may take.
const CONFLICT_RETRIES: (Duration, u32) = (Duration::from_millis(20), 5);

/// Makes calls to Vault: no redirects, no proxy, a deadline and a largest size for each.
pub struct Client {
    transport: Transport,
    origin: String,
    namespace: Option<Namespace>,
    metrics: Arc<Metrics>,
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

/// The frame of an answer that Vault keeps back for whoever holds a token.
#[derive(Deserialize)]
struct WrapEnvelope {
    wrap_info: Option<WrapInfo>,
}

#[derive(Deserialize)]
struct WrapInfo {
    token: SecretString,
}

/// The frame of the answers that say no. Vault adds no other members than these; an answer with
/// others is not Vault's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    errors: Vec<String>,
    #[serde(rename = "warnings")]
    _warnings: Option<IgnoredAny>,
    #[serde(rename = "data")]
    _data: Option<IgnoredAny>,
}

/// The frame of an answer that says no in a warning: there is no such endpoint.
#[derive(Deserialize)]
struct Warned {
    data: Option<IgnoredAny>,
    warnings: Vec<String>,
}

/// What goes along with a request.
#[derive(Clone, Copy, Default)]
struct Frame<'a> {
    token: Option<&'a SecretString>,
    namespace: Option<&'a Namespace>,
    /// For how long Vault is to keep the answer back.
    wrap: Option<Duration>,
}

/// A status and a body that may hold a token, and is wiped.
type Answer = (u16, Zeroizing<Vec<u8>>);

impl Client {
    /// A client with these settings.
    ///
    /// # Errors
    /// [`SettingsError`] if a certificate or a key cannot be read.
    pub fn new(settings: &Settings, metrics: Arc<Metrics>) -> Result<Self, SettingsError> {
        let transport = Transport::new(settings)?;
        let origin = settings.address.origin().ascii_serialization();
        Ok(Self { transport, origin, namespace: settings.namespace.clone(), metrics })
    }

    /// The namespace that calls are made in.
    pub(crate) fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// The longest that a call may take, and that one caller waits for it.
    pub(crate) fn timeout(&self) -> Duration {
        self.transport.timeout()
    }

    /// The longest that a call may take whose answer several callers wait for, each for
    /// [`Client::timeout`]: the last of them may join just before the first gives up.
    pub(crate) fn shared_timeout(&self) -> Duration {
        self.timeout() * 2
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
        let read = |operation, (status, body): Answer| {
            if status == 404
                && let Ok(remains @ Envelope { data: Some(_) }) = serde_json::from_slice(&body)
            {
                return Ok(remains);
            }
            parse(operation, (status, body))
        };
        let envelope: Envelope<T> = self.call(operation, Some(token), endpoint, read).await?;
        envelope.data.ok_or_else(|| VaultError::malformed("no data"))
    }

    /// The `data` of the answer to this call; `None` if the answer is a yes without anything in it.
    pub(crate) async fn data_if_any<T: DeserializeOwned>(
        &self,
        operation: Operation,
        token: &SecretString,
        endpoint: impl Endpoint,
    ) -> Result<Option<T>, VaultError> {
        let read = |operation, (status, body): Answer| match body.as_slice() {
            b"" => succeeded(operation, (status, body)).map(|_| None),
            _ => parse(operation, (status, body)).map(|envelope: Envelope<T>| envelope.data),
        };
        self.call(operation, Some(token), endpoint, read).await
    }

    /// A token for the answer to this call, which Vault keeps back for that long.
    pub(crate) async fn wrapped(
        &self,
        operation: Operation,
        token: &SecretString,
        endpoint: impl Endpoint,
        life: Duration,
    ) -> Result<SecretString, VaultError> {
        let namespace = self.namespace.as_ref();
        let frame = Frame { token: Some(token), namespace, wrap: Some(life) };
        let envelope: WrapEnvelope = self.ask(operation, frame, endpoint, parse).await?;
        let info = envelope.wrap_info.ok_or_else(|| VaultError::malformed("it is not wrapped"))?;
        Ok(info.token)
    }

    /// What the server says of itself, to anybody. A namespace has no word on that.
    pub(crate) async fn server<T: DeserializeOwned>(
        &self,
        operation: Operation,
        endpoint: impl Endpoint,
    ) -> Result<T, VaultError> {
        self.ask(operation, Frame::default(), endpoint, parse).await
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
        let read = |operation, answer| succeeded(operation, answer).map(drop);
        self.call(operation, Some(token), endpoint, read).await
    }

    /// The status of the answer to this call about the server itself, whatever it is. A namespace
    /// has no word on that.
    pub(crate) async fn status(
        &self,
        operation: Operation,
        endpoint: impl Endpoint,
    ) -> Result<u16, VaultError> {
        let answer = self.send(operation, Frame::default(), endpoint).await;
        let answer = answer.map(|(status, _)| status);
        self.count(operation, answer.as_ref().err());
        answer
    }

    async fn call<T>(
        &self,
        operation: Operation,
        token: Option<&SecretString>,
        endpoint: impl Endpoint,
        read: impl FnOnce(Operation, Answer) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let frame = Frame { token, namespace: self.namespace.as_ref(), wrap: None };
        self.ask(operation, frame, endpoint, read).await
    }

    async fn ask<T>(
        &self,
        operation: Operation,
        frame: Frame<'_>,
        endpoint: impl Endpoint,
        read: impl FnOnce(Operation, Answer) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let answer = self.send(operation, frame, endpoint).instrument(span(operation)).await;
        let answer = answer.and_then(|answer| read(operation, answer));
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
        frame: Frame<'_>,
        endpoint: impl Endpoint,
    ) -> Result<Answer, VaultError> {
        let answer = self.send_until_settled(operation, frame, &endpoint);
        let limit = if operation.is_shared() { self.shared_timeout() } else { self.timeout() };
        timeout(limit, answer).await.unwrap_or_else(|_| {
            Err(VaultError::new(Failure::Timeout, "no answer within VALIDATOR_VAULT_TIMEOUT"))
        })
    }

    /// The answer to this call. A write that met with another in Vault's storage is made again.
    ///
    /// That does no harm, whatever the call does: Vault says that it wrote nothing. What is compared
    /// and set is then compared with what the other has written. And a transit key of which Vault
    /// could not store a new version has it in memory alone until a further rotation is stored.
    async fn send_until_settled(
        &self,
        operation: Operation,
        frame: Frame<'_>,
        endpoint: &impl Endpoint,
    ) -> Result<Answer, VaultError> {
        let writes = matches!(
            endpoint.method(),
            RequestMethod::POST | RequestMethod::PUT | RequestMethod::PATCH | RequestMethod::DELETE
        );
        let (first_pause, retries) = CONFLICT_RETRIES;
        for pause in pauses(first_pause, if writes { retries } else { 0 }) {
            let answer = self.send_once(operation, frame, endpoint).await?;
            if !is_storage_conflict(operation, &answer) {
                return Ok(answer);
            }
            self.metrics.vault_request(operation.label(), Failure::StorageConflict.label());
            sleep(pause).await;
        }
        self.send_once(operation, frame, endpoint).await
    }

    async fn send_once(
        &self,
        operation: Operation,
        frame: Frame<'_>,
        endpoint: &impl Endpoint,
    ) -> Result<Answer, VaultError> {
        let request = request(&self.origin, frame, endpoint)?;
        self.transport.send(request, operation.largest_answer()).await
    }
}

/// A part of the trace, if there is one.
fn span(operation: Operation) -> Span {
    if Span::current().is_disabled() {
        return Span::none();
    }
    info_span!("vault", otel.kind = "client", operation = operation.label())
}

/// The body of an answer that says yes.
fn succeeded(
    operation: Operation,
    (status, body): Answer,
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    if (200..300).contains(&status) {
        return Ok(body);
    }
    Err(refused(operation, status, &body))
}

/// What an answer means that says no.
fn refused(operation: Operation, status: u16, body: &[u8]) -> VaultError {
    let errors = match serde_json::from_slice(body) {
        Ok(Refused { errors, .. }) => Some(errors),
        Err(_) if status == 404 => warnings(body),
        Err(_) => None,
    };
    VaultError::from_status(operation, status, errors.as_deref())
}

/// The warnings of an answer that has nothing else.
fn warnings(body: &[u8]) -> Option<Vec<String>> {
    let Warned { data, warnings } = serde_json::from_slice(body).ok()?;
    (data.is_none() && !warnings.is_empty()).then_some(warnings)
}

fn is_storage_conflict(operation: Operation, (status, body): &Answer) -> bool {
    *status == 500 && refused(operation, *status, body).failure == Failure::StorageConflict
}

fn parse<T: DeserializeOwned>(operation: Operation, answer: Answer) -> Result<T, VaultError> {
    let body = succeeded(operation, answer)?;
    serde_json::from_slice(&body).map_err(|error| {
        // Not the error's own text, which may quote the answer.
        VaultError::malformed(&format!("line {} column {}", error.line(), error.column()))
    })
}
