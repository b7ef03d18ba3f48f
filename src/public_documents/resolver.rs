use std::{error::Error, net::SocketAddr, sync::Arc};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{DocumentError, address::is_public};

/// The resolver of the operating system.
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// A resolver that rejects an answer unless all of its addresses are public or in these networks. A
/// connection goes to the addresses that were checked, whatever the next answer of DNS is.
pub(super) struct PublicResolver {
    inner: Arc<dyn Resolve>,
    allowed: Arc<[IpNet]>,
}

impl PublicResolver {
    /// Creates a resolver that checks the answers of `inner`.
    pub(super) fn new(inner: Arc<dyn Resolve>, allowed: &[IpNet]) -> Self {
        Self { inner, allowed: allowed.into() }
    }
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let answer = self.inner.resolve(name);
        let allowed = Arc::clone(&self.allowed);
        Box::pin(async move {
            let answer = answer.await.map_err(|error| no_address(&error.to_string()))?;
            let addresses: Vec<_> = answer.collect();
            check(&addresses, &allowed)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn check(addresses: &[SocketAddr], allowed: &[IpNet]) -> Result<(), Box<dyn Error + Send + Sync>> {
    if addresses.is_empty() {
        return Err(no_address("the answer of DNS is empty"));
    }
    for address in addresses.iter().map(SocketAddr::ip) {
        let canonical = address.to_canonical();
        let is_allowed = allowed.iter().any(|network| network.contains(&canonical));
        if !is_allowed && !is_public(address) {
            return Err(Box::new(DocumentError::PrivateAddress(address)));
        }
    }
    Ok(())
}

fn no_address(reason: &str) -> Box<dyn Error + Send + Sync> {
    Box::new(DocumentError::NoAddress(reason.to_owned()))
}
