//! The original request, as described by the proxy's forwarding headers.
//!
//! The headers are read only on demand, only from a trusted peer, and only if there is exactly one
//! of each; `X-Forwarded-For` is a list, and may have several lines.

mod client;
mod fetch_metadata;
mod mcp;
mod origin;
#[cfg(test)]
mod properties;
mod trace_parent;

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use ipnet::IpNet;
use memchr::memchr;

pub use client::rate_limit_key;
pub use fetch_metadata::{FetchMetadata, RequestOrigin};
pub use mcp::{MCP_VERSIONS, McpCall, McpError};
pub use origin::{is_loopback, normalized_authority, without_port};
pub use trace_parent::TraceParent;

use crate::headers::RequestHeaders;

/// The trusted proxies, and the headers that they send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies {
    /// The networks of the proxies.
    pub networks: Vec<IpNet>,
    /// The headers with the original method and URI.
    pub headers: ForwardedHeaders,
}

/// The headers with the original method and URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedHeaders {
    /// `X-Forwarded-Method` and `X-Forwarded-Uri`, as Caddy and Traefik send them.
    Forwarded,
    /// `X-Original-Method` and `X-Original-URI`, the usual names with nginx.
    Original,
}

/// The peer of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A host, by its address.
    Address(IpAddr),
    /// A local process, connected to a unix socket. Trusted, since file permissions guard the
    /// socket.
    UnixSocket,
}

/// The forwarded request: the headers of a `/validate` request, and the trust in their sender.
#[derive(Clone, Copy)]
pub struct ForwardedRequest<'h> {
    fields: RequestHeaders<'h>,
    peer: Peer,
    trust: &'h TrustedProxies,
}

/// The target of the original request, split at the first `?`.
#[derive(Clone, Copy, Debug)]
pub struct ForwardedTarget<'h> {
    /// The header that contains the target.
    name: &'static str,
    path: &'h [u8],
    /// The query as sent, which may be any bytes; empty without a query.
    pub query: &'h [u8],
}

/// The reason why a part of the original request is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedError {
    /// The header is missing, or the peer is not trusted.
    Missing(&'static str),
    /// The header occurs more than once.
    Duplicate(&'static str),
    /// The header is malformed.
    Malformed(&'static str),
}

impl fmt::Display for ForwardedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => {
                write!(f, "{name} is missing, or its sender is not in VALIDATOR_TRUSTED_PROXIES")
            }
            Self::Duplicate(name) => write!(f, "{name} occurs more than once"),
            Self::Malformed(name) => write!(f, "{name} is malformed"),
        }
    }
}

impl std::error::Error for ForwardedError {}

impl<'h> ForwardedRequest<'h> {
    /// Creates the forwarded request from the headers that a peer sent.
    #[must_use]
    pub fn new(fields: RequestHeaders<'h>, peer: Peer, trust: &'h TrustedProxies) -> Self {
        Self { fields, peer, trust }
    }

    /// Returns the method of the original request, verbatim.
    ///
    /// # Errors
    /// [`ForwardedError`] if it is unknown.
    pub fn method(&self) -> Result<&'h str, ForwardedError> {
        let name = match self.trust.headers {
            ForwardedHeaders::Forwarded => "x-forwarded-method",
            ForwardedHeaders::Original => "x-original-method",
        };
        text(name, self.single_trusted(name)?)
    }

    /// Returns the target of the original request.
    ///
    /// # Errors
    /// [`ForwardedError`] if it is unknown.
    pub fn target(&self) -> Result<ForwardedTarget<'h>, ForwardedError> {
        let name = match self.trust.headers {
            ForwardedHeaders::Forwarded => "x-forwarded-uri",
            ForwardedHeaders::Original => "x-original-uri",
        };
        let target = self.single_trusted(name)?;
        let end = memchr(b'?', target);
        let (path, query) =
            end.map_or((target, &[][..]), |end| (&target[..end], &target[end + 1..]));
        Ok(ForwardedTarget { name, path, query })
    }

    /// Returns the host of the original request, with its port unless it is a default port, in lower
    /// case.
    ///
    /// # Errors
    /// [`ForwardedError`] if it is unknown.
    pub fn authority(&self) -> Result<Cow<'h, str>, ForwardedError> {
        const NAME: &str = "x-forwarded-host";
        let authority = std::str::from_utf8(self.single_trusted(NAME)?).ok();
        authority.and_then(normalized_authority).ok_or(ForwardedError::Malformed(NAME))
    }

    /// Returns the origin that the original request was sent to: `https://crm.example.com`.
    ///
    /// # Errors
    /// [`ForwardedError`] if it is unknown.
    pub fn origin(&self) -> Result<String, ForwardedError> {
        const NAME: &str = "x-forwarded-proto";
        let scheme = match text(NAME, self.single_trusted(NAME)?)? {
            // Some proxies name the scheme of the protocol within the connection.
            "https" | "wss" => "https",
            "http" | "ws" => "http",
            _ => return Err(ForwardedError::Malformed(NAME)),
        };
        Ok(format!("{scheme}://{}", self.authority()?))
    }

    /// Returns the kind and the origin of the original request, as its browser describes them.
    ///
    /// # Errors
    /// [`ForwardedError`] if the method is unknown.
    pub fn fetch_metadata(&self) -> Result<FetchMetadata<'h>, ForwardedError> {
        Ok(FetchMetadata::new(self.method()?, self.fields))
    }

    /// Returns the client's address: the peer's, or, if the peer is a trusted proxy, the rightmost
    /// address in `X-Forwarded-For` that is not one.
    ///
    /// # Errors
    /// [`ForwardedError`] if it is unknown.
    pub fn client_address(&self) -> Result<IpAddr, ForwardedError> {
        const NAME: &str = "x-forwarded-for";
        match self.peer {
            Peer::Address(address) if !self.trust.contains(address) => Ok(address.to_canonical()),
            _ if self.fields.get_all(NAME).next().is_none() => Err(ForwardedError::Missing(NAME)),
            _ => client::rightmost_untrusted(self.fields.get_all(NAME), |address| {
                self.trust.contains(address)
            })
            .ok_or(ForwardedError::Malformed(NAME)),
        }
    }

    /// Returns the address that failures of this request count against: the client's, or the
    /// proxy's if that is unknown. A proxy on a unix socket has the unspecified address. So an
    /// invalid address never lifts a limit.
    pub fn rate_limit_address(&self) -> IpAddr {
        self.client_address().unwrap_or(match self.peer {
            Peer::Address(address) => address.to_canonical(),
            Peer::UnixSocket => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        })
    }

    /// Returns the address that failures are limited by. `None` if the proxy sends no address at all,
    /// which depends on its configuration and not on a client.
    pub fn rate_limited_address(&self) -> Option<IpAddr> {
        match self.client_address() {
            Err(ForwardedError::Missing(_)) => None,
            _ => Some(self.rate_limit_address()),
        }
    }

    /// Returns the peer that sent the request.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Returns the position in a trace that a trusted peer sent; `None` if it is missing or malformed.
    #[must_use]
    pub fn trace_parent(&self) -> Option<TraceParent<'h>> {
        TraceParent::parse(self.single_trusted("traceparent").ok()?)
    }

    /// Returns the `tracestate` that a trusted peer sent, as one list (W3C Trace Context, 3.3); empty
    /// without one, or if it is not printable ASCII.
    #[must_use]
    pub fn trace_state(&self) -> String {
        let lines = self.fields.get_all("tracestate").filter(|_| self.has_trusted_peer());
        let lines = lines.map(|line| text("tracestate", line));
        lines.collect::<Result<Vec<_>, _>>().map(|lines| lines.join(",")).unwrap_or_default()
    }

    /// Returns the value of a header that occurs exactly once and was sent by a trusted peer.
    fn single_trusted(&self, name: &'static str) -> Result<&'h [u8], ForwardedError> {
        let mut values = self.fields.get_all(name);
        match (values.next(), values.next()) {
            (Some(value), None) if self.has_trusted_peer() => Ok(value),
            (Some(_), Some(_)) if self.has_trusted_peer() => Err(ForwardedError::Duplicate(name)),
            _ => Err(ForwardedError::Missing(name)),
        }
    }

    fn has_trusted_peer(&self) -> bool {
        match self.peer {
            Peer::Address(address) => self.trust.contains(address),
            Peer::UnixSocket => true,
        }
    }
}

impl<'h> ForwardedTarget<'h> {
    /// Returns the path as sent.
    ///
    /// # Errors
    /// [`ForwardedError::Malformed`] if it is empty, or contains anything but printable ASCII.
    pub fn path(&self) -> Result<&'h str, ForwardedError> {
        text(self.name, self.path)
    }
}

/// Returns a header's value as text, if it is printable ASCII.
fn text<'h>(name: &'static str, value: &'h [u8]) -> Result<&'h str, ForwardedError> {
    let is_text = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    let text = Some(value).filter(|value| value.iter().all(is_text));
    let text = text.and_then(|value| std::str::from_utf8(value).ok());
    text.filter(|text| !text.is_empty()).ok_or(ForwardedError::Malformed(name))
}

impl TrustedProxies {
    /// Returns true if the address is in a trusted network.
    fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }
}
