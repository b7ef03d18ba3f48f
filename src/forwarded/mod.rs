//! The request that the proxy asks about, as its headers tell.
//!
//! They are read only when something depends on them, only from a peer that is trusted to write
//! them, and only if there is exactly one of each; `X-Forwarded-For` is a list, and may have several
//! lines.

mod client;
#[cfg(test)]
mod properties;

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use ipnet::IpNet;

use crate::fields::Fields;

/// Whom to believe, and in which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The networks of the proxies.
    pub proxies: Vec<IpNet>,
    /// The headers that carry the original method and URI.
    pub family: HeaderFamily,
}

/// The headers that carry the original method and URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFamily {
    /// `X-Forwarded-Method` and `X-Forwarded-Uri`, as Caddy and Traefik send them.
    Forwarded,
    /// `X-Original-Method` and `X-Original-URI`, as is usual with nginx.
    Original,
}

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A host of a network.
    Address(IpAddr),
    /// A process on this machine that may open the socket's file, and is trusted for it.
    Local,
}

/// The headers of a `/validate` request, and whether to believe them.
#[derive(Clone, Copy)]
pub struct Forwarded<'h> {
    fields: Fields<'h>,
    peer: Peer,
    trust: &'h Trust,
}

/// The target of the original request: its path, and what stands behind the first `?`.
#[derive(Clone, Copy, Debug)]
pub struct ForwardedTarget<'h> {
    /// The field that tells it.
    name: &'static str,
    path: &'h [u8],
    /// The query, as it was sent, which may be any bytes; empty if there is none.
    pub query: &'h [u8],
}

/// Why something about the original request is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedError {
    /// The header is not there, or the peer is not believed.
    Missing(&'static str),
    /// It is there more than once.
    Repeated(&'static str),
    /// It cannot be read.
    Malformed(&'static str),
}

impl fmt::Display for ForwardedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => {
                write!(f, "{name} is missing, or its sender is not in VALIDATOR_TRUSTED_PROXIES")
            }
            Self::Repeated(name) => write!(f, "{name} is there more than once"),
            Self::Malformed(name) => write!(f, "{name} is malformed"),
        }
    }
}

impl std::error::Error for ForwardedError {}

impl<'h> Forwarded<'h> {
    /// What these headers tell, coming from this peer.
    #[must_use]
    pub fn new(fields: Fields<'h>, peer: Peer, trust: &'h Trust) -> Self {
        Self { fields, peer, trust }
    }

    /// The method of the original request, verbatim.
    ///
    /// # Errors
    /// [`ForwardedError`] if it is not known.
    pub fn method(&self) -> Result<&'h str, ForwardedError> {
        let name = match self.trust.family {
            HeaderFamily::Forwarded => "x-forwarded-method",
            HeaderFamily::Original => "x-original-method",
        };
        text(name, self.one(name)?)
    }

    /// The target of the original request.
    ///
    /// # Errors
    /// [`ForwardedError`] if it is not known.
    pub fn target(&self) -> Result<ForwardedTarget<'h>, ForwardedError> {
        let name = match self.trust.family {
            HeaderFamily::Forwarded => "x-forwarded-uri",
            HeaderFamily::Original => "x-original-uri",
        };
        let target = self.one(name)?;
        let end = target.iter().position(|byte| *byte == b'?');
        let (path, query) =
            end.map_or((target, &[][..]), |end| (&target[..end], &target[end + 1..]));
        Ok(ForwardedTarget { name, path, query })
    }

    /// The address of the client: the peer's own, or, if that is a proxy, the nearest one in
    /// `X-Forwarded-For` that is none.
    ///
    /// # Errors
    /// [`ForwardedError`] if it is not known.
    pub fn client(&self) -> Result<IpAddr, ForwardedError> {
        const NAME: &str = "x-forwarded-for";
        match self.peer {
            Peer::Address(address) if !self.trust.includes(address) => Ok(address.to_canonical()),
            _ if self.fields.all(NAME).next().is_none() => Err(ForwardedError::Missing(NAME)),
            _ => client::nearest(self.fields.all(NAME), |address| self.trust.includes(address))
                .ok_or(ForwardedError::Malformed(NAME)),
        }
    }

    /// The address that failures of this request count against: the client's, or, where that is
    /// not known, the proxy's. A proxy on a unix socket has the unspecified one. So an address that
    /// cannot be read never lifts a limit.
    pub fn client_for_limits(&self) -> IpAddr {
        self.client().unwrap_or(match self.peer {
            Peer::Address(address) => address.to_canonical(),
            Peer::Local => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        })
    }

    fn one(&self, name: &'static str) -> Result<&'h [u8], ForwardedError> {
        let believed = match self.peer {
            Peer::Address(address) => self.trust.includes(address),
            Peer::Local => true,
        };
        let mut values = self.fields.all(name);
        match (values.next(), values.next()) {
            (Some(value), None) if believed => Ok(value),
            (Some(_), Some(_)) if believed => Err(ForwardedError::Repeated(name)),
            _ => Err(ForwardedError::Missing(name)),
        }
    }
}

impl<'h> ForwardedTarget<'h> {
    /// The path, as it was sent.
    ///
    /// # Errors
    /// [`ForwardedError::Malformed`] if it is empty, or holds anything but visible ASCII.
    pub fn path(&self) -> Result<&'h str, ForwardedError> {
        text(self.name, self.path)
    }
}

/// The value of a field, if it is visible ASCII.
fn text<'h>(name: &'static str, value: &'h [u8]) -> Result<&'h str, ForwardedError> {
    let is_text = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    let text = Some(value).filter(|value| value.iter().all(is_text));
    let text = text.and_then(|value| std::str::from_utf8(value).ok());
    text.filter(|text| !text.is_empty()).ok_or(ForwardedError::Malformed(name))
}

impl Trust {
    fn includes(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies.iter().any(|network| network.contains(&address))
    }
}
