//! The request that the proxy asks about, as its headers tell.
//!
//! They are read only when something depends on them, only from a peer that is trusted to write
//! them, and only if there is exactly one of each.

mod client;
#[cfg(test)]
mod properties;

use std::{fmt, net::IpAddr};

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
        self.text(match self.trust.family {
            HeaderFamily::Forwarded => "x-forwarded-method",
            HeaderFamily::Original => "x-original-method",
        })
    }

    /// The target of the original request, verbatim.
    ///
    /// # Errors
    /// [`ForwardedError`] if it is not known.
    pub fn uri(&self) -> Result<&'h str, ForwardedError> {
        self.text(match self.trust.family {
            HeaderFamily::Forwarded => "x-forwarded-uri",
            HeaderFamily::Original => "x-original-uri",
        })
    }

    /// The address of the client: the peer's own, or, if that is a proxy, the nearest one in
    /// `X-Forwarded-For` that is none.
    ///
    /// # Errors
    /// [`ForwardedError`] if it is not known.
    pub fn client(&self) -> Result<IpAddr, ForwardedError> {
        match self.peer {
            Peer::Address(address) if !self.trust.includes(address) => Ok(address.to_canonical()),
            _ => {
                let name = "x-forwarded-for";
                client::nearest(self.one(name)?, |address| self.trust.includes(address))
                    .ok_or(ForwardedError::Malformed(name))
            }
        }
    }

    /// The address that failures are held against: the client's, or the peer's if that is not
    /// known.
    #[must_use]
    pub fn client_for_limits(&self) -> IpAddr {
        self.client().unwrap_or(match self.peer {
            Peer::Address(address) => address.to_canonical(),
            Peer::Local => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        })
    }

    fn text(&self, name: &'static str) -> Result<&'h str, ForwardedError> {
        let is_text = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
        let text = Some(self.one(name)?).filter(|value| value.iter().all(is_text));
        let text = text.and_then(|value| std::str::from_utf8(value).ok());
        text.filter(|text| !text.is_empty()).ok_or(ForwardedError::Malformed(name))
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

impl Trust {
    fn includes(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies.iter().any(|network| network.contains(&address))
    }
}
