use bytes::Bytes;
use http::{header::HOST, request};
use http_body_util::Full;

use super::{connection::STEP_TIMEOUT, proxy::Site};
use crate::{
    forwarded::without_port,
    probe::{Endpoint, ProbeConnection, ProbeResponse},
};

/// A host behind the proxy, to which requests are sent exactly as written.
pub(super) struct HostProbe<'p> {
    proxy: &'p Site,
    /// The value of the `Host` header.
    authority: String,
}

impl<'p> HostProbe<'p> {
    pub(super) fn new(proxy: &'p Site, authority: impl Into<String>) -> Self {
        Self { proxy, authority: authority.into() }
    }

    /// Returns the host, with a port if it is not the default.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Connects to the proxy as a client of the host.
    pub(super) async fn connect(&self) -> Result<ProbeConnection, String> {
        let (url, host) = (&self.proxy.url, without_port(&self.authority));
        let endpoint = Endpoint::new(url, host, &self.proxy.trust, None, STEP_TIMEOUT)?;
        endpoint.connect().await.map_err(|error| error.to_string())
    }

    /// Sends a request on a connection of its own.
    pub(super) async fn send(
        &self,
        request: request::Builder,
        body: Bytes,
    ) -> Result<ProbeResponse, String> {
        self.send_on(self.connect().await?, request, body).await
    }

    /// Sends a request on this connection.
    pub(super) async fn send_on(
        &self,
        connection: ProbeConnection,
        request: request::Builder,
        body: Bytes,
    ) -> Result<ProbeResponse, String> {
        let request = request.header(HOST, &self.authority).body(Full::new(body));
        let request = request.map_err(|error| error.to_string())?;
        connection.send(request).await.map_err(|error| error.to_string())
    }
}
