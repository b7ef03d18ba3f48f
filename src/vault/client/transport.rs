//! The HTTP/1.1 transport: pooled connections, no redirects, no proxy.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::LOCATION};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_rustls::{
    DefaultServerNameResolver, FixedServerNameResolver, HttpsConnector, ResolveServerName,
};
use hyper_util::{
    client::legacy::{
        self,
        connect::{HttpConnector, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use url::Url;
use zeroize::Zeroizing;

use super::{
    connection::{Connector, closed_without_result},
    error::VaultError,
    failure::FailureKind,
    response::RawResponse,
    settings::{ClientSettings, ClientSettingsError},
    vault_index::INDEX_HEADER,
};
use crate::probe::tls_config;

/// The time after which an idle connection to Vault is closed. It is short, so that a changed
/// address takes effect soon.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The idle time after which the kernel sends TCP keep-alive probes.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// The maximum number of connections on which a request is tried that was not sent. Several pooled
/// connections may have been closed at once.
const MAX_SENDS: usize = 5;

/// Sends HTTP requests over pooled connections.
pub(super) struct Transport {
    http: legacy::Client<Connector, Full<Bytes>>,
}

impl Transport {
    /// Creates the transport to this one of the addresses of the settings.
    pub(super) fn new(
        address: &Url,
        settings: &ClientSettings,
    ) -> Result<Self, ClientSettingsError> {
        let connect_timeout = settings.connect_timeout();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        // hyper divides it among the addresses of a name.
        tcp.set_connect_timeout(Some(connect_timeout));
        let https =
            HttpsConnector::new(tcp, tls(address, settings)?, false, server_name(settings)?);
        let connector = Connector::new(https, connect_timeout);
        #[expect(clippy::disallowed_methods, reason = "this is the one client")]
        let mut client = legacy::Client::builder(TokioExecutor::new());
        client.pool_idle_timeout(POOL_IDLE_TIMEOUT).pool_timer(TokioTimer::new());
        Ok(Self { http: client.build(connector) })
    }

    /// Sends a request and returns the response, whose body may have at most `max_size` bytes. The
    /// caller is responsible for a timeout.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        max_size: usize,
    ) -> Result<RawResponse, VaultError> {
        for _ in 0..MAX_SENDS {
            // Without a response the request was not sent, so that it may be sent again, whatever it is.
            if let Some(response) = self.send_head(request.clone()).await {
                return read_response(response?, max_size).await;
            }
        }
        let detail = "connections were closed before the request was sent";
        Err(VaultError::new(FailureKind::Reset, detail))
    }

    /// Sends a request and returns the response without its body; `None` if the connection was
    /// closed before the request was sent.
    async fn send_head(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Option<Result<Response<Incoming>, VaultError>> {
        let connection = capture_connection(&mut request);
        tokio::select! {
            biased;
            response = self.http.request(request) => Some(response.map_err(VaultError::from)),
            () = closed_without_result(connection) => None,
        }
    }
}

async fn read_response(
    response: Response<Incoming>,
    max_size: usize,
) -> Result<RawResponse, VaultError> {
    let (mut head, mut incoming) = response.into_parts();
    if head.status.is_redirection() {
        return Err(redirect_error(head.status, head.headers.get(LOCATION)));
    }
    let length = incoming.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    // Allocated at once where the length is known, so that a reallocation leaves no copy behind.
    let mut body = Zeroizing::new(Vec::with_capacity(length.unwrap_or(0).min(max_size)));
    while let Some(frame) = incoming.frame().await {
        let Ok(chunk) = frame?.into_data() else { continue };
        if body.len() + chunk.len() > max_size {
            let detail = format!("it has more than {max_size} bytes");
            return Err(VaultError::new(FailureKind::ResponseTooLarge, detail));
        }
        body.extend_from_slice(&chunk);
    }
    let index = head.headers.remove(INDEX_HEADER);
    Ok(RawResponse { status: head.status.as_u16(), index, address: 0, body })
}

/// Returns the error of a redirect, which a standby sends that does not forward requests. Of the
/// location only the origin is repeated.
fn redirect_error(status: StatusCode, location: Option<&HeaderValue>) -> VaultError {
    let location = location.and_then(|location| Url::parse(location.to_str().ok()?).ok());
    let origin = location.map(|location| location.origin().ascii_serialization());
    let target = origin.unwrap_or_else(|| "another location".to_owned());
    VaultError::new(
        FailureKind::Redirect,
        format!(
            "Vault responded with {} and redirects to {target}, as a standby does that does not \
             forward requests; a request with a token is not redirected: set VAULT_ADDR to that \
             address, or to one that leads to the active node",
            status.as_u16()
        ),
    )
}

/// Returns the resolver of the name that the server's certificate has to be for.
fn server_name(
    settings: &ClientSettings,
) -> Result<Arc<dyn ResolveServerName + Send + Sync>, ClientSettingsError> {
    let Some(name) = settings.server_name.clone() else {
        return Ok(Arc::new(DefaultServerNameResolver::default()));
    };
    let name = ServerName::try_from(name).map_err(|_| {
        ClientSettingsError("VAULT_TLS_SERVER_NAME is not a valid server name".to_owned())
    })?;
    Ok(Arc::new(FixedServerNameResolver::new(name)))
}

fn tls(address: &Url, settings: &ClientSettings) -> Result<ClientConfig, ClientSettingsError> {
    if address.scheme() == "http" {
        // The system's certificates are not loaded: a container image may have none.
        let no_roots = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
        return Ok(no_roots.with_no_client_auth());
    }
    let (trust, identity) = settings.tls_identity();
    tls_config(&trust, identity.as_ref())
        .map_err(|error| ClientSettingsError(format!("cannot configure TLS: {error}")))
}
