//! What calls go over: plain HTTP/1.1 on connections that stay open for a while. Nothing is
//! redirected, and there is no proxy.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::{
    probe::tls_config,
    vault::{
        Settings, SettingsError,
        client::Answer,
        error::{Failure, VaultError},
    },
};

/// How long a connection to Vault is kept unused. Short, so that a changed address is soon seen.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// Sends requests.
pub(super) struct Transport {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
}

impl Transport {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(settings.timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(settings)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self { http, timeout: settings.timeout })
    }

    /// The longest that a request may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The answer to this request, if it is no larger than this, in bytes.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        largest: usize,
    ) -> Result<Answer, VaultError> {
        let answer = async { read(self.http.request(request).await?, largest).await };
        timeout(self.timeout, answer).await.unwrap_or_else(|_| {
            Err(VaultError::new(Failure::Timeout, "no answer within VALIDATOR_VAULT_TIMEOUT"))
        })
    }
}

async fn read(response: Response<Incoming>, largest: usize) -> Result<Answer, VaultError> {
    let (head, mut incoming) = response.into_parts();
    let announced = incoming.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    // Made to size where that is known, so that growing leaves nothing behind.
    let mut body = Zeroizing::new(Vec::with_capacity(announced.unwrap_or(0).min(largest)));
    while let Some(frame) = incoming.frame().await {
        let Ok(chunk) = frame?.into_data() else { continue };
        if body.len() + chunk.len() > largest {
            return Err(VaultError::malformed("too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((head.status.as_u16(), body))
}

fn tls(settings: &Settings) -> Result<ClientConfig, SettingsError> {
    if settings.address.scheme() == "http" {
        // The system's certificates are not asked for: an image may have none.
        let nobody = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
        return Ok(nobody.with_no_client_auth());
    }
    let (trust, identity) = settings.tls();
    tls_config(&trust, identity.as_ref())
        .map_err(|error| SettingsError(format!("TLS cannot be set up: {error}")))
}
