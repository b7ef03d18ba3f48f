//! A probe of the server from outside, without a token: the connection, the certificate, the health
//! and the clock.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, header::HOST};
use http_body_util::Empty;
use jiff::{Timestamp, fmt::rfc2822};

use crate::{
    probe::{Certificate, Endpoint, ProbeError, ProbeResponse},
    vault::{api::sys::health::HealthResponse, client::ClientSettings},
    wall_clock::now,
};

/// The result of a probe of Vault.
#[derive(Clone, Debug)]
pub struct ServerProbe {
    /// The address of the server.
    pub peer: SocketAddr,
    /// The time that the connection and the response took.
    pub latency: Duration,
    /// The server's certificate, if it uses TLS.
    pub certificate: Option<Certificate>,
    /// The response of `sys/health`; the status, if the body is not Vault's.
    pub health: Result<HealthResponse, u16>,
    /// The clock skew in seconds (positive if the server is ahead), to whole-second precision;
    /// `None` if the response has no time.
    pub clock_skew: Option<i64>,
}

/// A probe of Vault failed.
#[derive(Debug)]
pub enum ServerProbeError {
    /// The settings are incomplete or invalid.
    Settings(String),
    /// The server cannot be reached.
    Server(ProbeError),
}

/// Probes Vault at the first address.
///
/// # Errors
/// If it cannot be reached.
pub async fn probe_server(settings: &ClientSettings) -> Result<ServerProbe, ServerProbeError> {
    let endpoint = endpoint(settings).map_err(ServerProbeError::Settings)?;
    let start = Instant::now();
    let connection = endpoint.connect().await.map_err(ServerProbeError::Server)?;
    let (peer, certificate) = (connection.peer, connection.certificate);
    let host = &settings.addresses.first()[url::Position::BeforeHost..url::Position::AfterPort];
    let request = Request::get("/v1/sys/health").header(HOST, host).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| ServerProbeError::Settings(error.to_string()))?;
    let before = now();
    let response = connection.send(request).await.map_err(ServerProbeError::Server)?;
    let (after, took) = (now(), start.elapsed());
    let health: Result<HealthResponse, u16> =
        serde_json::from_slice(&response.body).map_err(|_| response.status);
    let server_time = health.as_ref().ok().and_then(|health| health.server_time_utc);
    let server_time = server_time.or_else(|| date_header(&response));
    let ahead = server_time.map(|server| clock_skew(server, before, after));
    Ok(ServerProbe { peer, latency: took, certificate, health, clock_skew: ahead })
}

fn endpoint(settings: &ClientSettings) -> Result<Endpoint, String> {
    let (trust, identity) = settings.tls_identity();
    let (url, name) = (settings.addresses.first(), settings.tls_server_name());
    Endpoint::new(url, name, &trust, identity.as_ref(), settings.timeout)
}

/// Returns the skew in seconds of a clock that showed `server` at some time between `before` and
/// `after`: the smallest one that explains this.
fn clock_skew(server: i64, before: Timestamp, after: Timestamp) -> i64 {
    let (before, after) = (before.as_second(), after.as_second());
    if server > after {
        server - after
    } else if server < before {
        server - before
    } else {
        0
    }
}

/// Returns the time in the `Date` header, in seconds since 1970.
fn date_header(response: &ProbeResponse) -> Option<i64> {
    let date = response.headers.get(http::header::DATE)?.to_str().ok()?;
    let date = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(date.as_second())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::clock_skew;

    #[test]
    fn clock_skew_excludes_the_round_trip() {
        let at = |seconds| Timestamp::from_second(seconds).expect("a time");
        assert_eq!(clock_skew(100, at(100), at(100)), 0);
        assert_eq!(clock_skew(101, at(100), at(103)), 0);
        assert_eq!(clock_skew(110, at(100), at(103)), 7);
        assert_eq!(clock_skew(90, at(100), at(103)), -10);
    }
}
