//! What calls go over: plain HTTP/1.1 on connections that stay open for a while. Nothing is
//! redirected, and there is no proxy.

use std::{
    error::Error,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderValue, Request, Response, StatusCode, Uri, header::LOCATION};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_rustls::{
    DefaultServerNameResolver, FixedServerNameResolver, HttpsConnector, ResolveServerName,
};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::time::timeout;
use tower_service::Service;
use url::Url;
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

/// After this silence the kernel asks whether the other end is there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Sends requests.
pub(super) struct Transport {
    http: legacy::Client<Connector, Full<Bytes>>,
    timeout: Duration,
}

/// Opens connections. One that is no longer waited for is opened all the same, so it has a limit of
/// its own, TLS included.
#[derive(Clone)]
struct Connector {
    https: HttpsConnector<HttpConnector>,
    patience: Duration,
}

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let connection = timeout(self.patience, self.https.call(server));
        async move { connection.await? }.boxed()
    }
}

impl Transport {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        // It is divided among the addresses of a name.
        tcp.set_connect_timeout(Some(settings.timeout));
        let https = HttpsConnector::new(tcp, tls(settings)?, false, server_name(settings)?);
        let connector = Connector { https, patience: settings.timeout };
        #[expect(clippy::disallowed_methods, reason = "this is the one client")]
        let mut client = legacy::Client::builder(TokioExecutor::new());
        client.pool_idle_timeout(IDLE_CONNECTION).pool_timer(TokioTimer::new());
        Ok(Self { http: client.build(connector), timeout: settings.timeout })
    }

    /// The longest that a request may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The answer to this request, if it is no larger than this, in bytes. Whoever asks looks to the
    /// time that it takes.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        largest: usize,
    ) -> Result<Answer, VaultError> {
        read(self.http.request(request).await?, largest).await
    }
}

async fn read(response: Response<Incoming>, largest: usize) -> Result<Answer, VaultError> {
    let (head, mut incoming) = response.into_parts();
    if head.status.is_redirection() {
        return Err(redirected(head.status, head.headers.get(LOCATION)));
    }
    let announced = incoming.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    // Made to size where that is known, so that growing leaves nothing behind.
    let mut body = Zeroizing::new(Vec::with_capacity(announced.unwrap_or(0).min(largest)));
    while let Some(frame) = incoming.frame().await {
        let Ok(chunk) = frame?.into_data() else { continue };
        if body.len() + chunk.len() > largest {
            let detail = format!("an answer of more than {largest} bytes");
            return Err(VaultError::new(Failure::AnswerTooLarge, detail));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((head.status.as_u16(), body))
}

/// Where Vault points to instead of answering, as a standby does that does not forward requests. Of
/// the address only the origin is repeated.
fn redirected(status: StatusCode, location: Option<&HeaderValue>) -> VaultError {
    let location = location.and_then(|location| Url::parse(location.to_str().ok()?).ok());
    let origin = location.map(|location| location.origin().ascii_serialization());
    let whither = origin.map_or_else(|| "elsewhere".to_owned(), |origin| format!("to {origin}"));
    VaultError::new(
        Failure::Redirect,
        format!(
            "Vault answers {} and points {whither}, as a standby does that does not forward \
             requests; a request with a token in it is not sent on: point VAULT_ADDR there, or at \
             something that leads to the active node",
            status.as_u16()
        ),
    )
}

/// The name that the server's certificate has to be for.
fn server_name(
    settings: &Settings,
) -> Result<Arc<dyn ResolveServerName + Send + Sync>, SettingsError> {
    let Some(name) = settings.server_name.clone() else {
        return Ok(Arc::new(DefaultServerNameResolver::default()));
    };
    let name = ServerName::try_from(name)
        .map_err(|_| SettingsError("VAULT_TLS_SERVER_NAME is no name of a server".to_owned()))?;
    Ok(Arc::new(FixedServerNameResolver::new(name)))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper_rustls::HttpsConnector;
    use hyper_util::client::legacy::connect::HttpConnector;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::{net::TcpListener, time::timeout};
    use tower_service::Service;

    use super::Connector;

    #[tokio::test]
    async fn a_handshake_that_does_not_come_is_not_waited_for() {
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = silent.local_addr().expect("its address");
        let nobody = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let https = HttpsConnector::from((tcp, nobody.with_no_client_auth()));
        let mut connector = Connector { https, patience: Duration::from_millis(100) };
        let server = format!("https://{address}").parse().expect("a URI");
        let connection = timeout(Duration::from_secs(10), connector.call(server)).await;
        assert!(connection.expect("an end").is_err(), "a connection without TLS");
    }
}
