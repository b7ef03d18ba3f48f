//! Parsing of IP networks in the forms that operators and Vault use.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

/// The prefix length of IPv4-mapped IPv6 addresses (RFC 4291, 2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

/// Parses a network such as `10.0.0.0/8`, or a single address; `None` if it is neither.
///
/// A network in IPv4-mapped form, such as `::ffff:10.0.0.0/104`, becomes the IPv4 network. A mapped
/// network with a prefix of less than 96 bits contains all IPv4 addresses besides IPv6 ones, and so
/// becomes two networks. Addresses that are compared with the networks have to be canonical
/// ([`IpAddr::to_canonical`]).
#[must_use]
pub fn parse(text: &str) -> Option<Vec<IpNet>> {
    let single = text.parse::<IpAddr>().map(IpNet::from);
    let network = single.or_else(|_| text.parse::<IpNet>()).ok()?;
    let IpNet::V6(written) = network else { return Some(vec![network]) };
    let Some(address) = written.addr().to_ipv4_mapped() else { return Some(vec![network]) };
    match written.prefix_len().checked_sub(MAPPED_PREFIX) {
        Some(prefix) => Some(vec![Ipv4Net::new(address, prefix).ok()?.into()]),
        None => Some(vec![network, Ipv4Net::new(Ipv4Addr::UNSPECIFIED, 0).ok()?.into()]),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::parse;

    fn contains(text: &str, address: &str) -> bool {
        let address = address.parse::<IpAddr>().expect("an address").to_canonical();
        parse(text).expect("a network").iter().any(|network| network.contains(&address))
    }

    #[test]
    fn mapped_network_equals_its_ipv4_network() {
        for (mapped, plain) in [
            ("::ffff:127.0.0.0/104", "127.0.0.0/8"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1/128", "192.0.2.1/32"),
            ("::FFFF:c000:0200/120", "192.0.2.0/24"),
            ("::ffff:0.0.0.0/96", "0.0.0.0/0"),
        ] {
            assert_eq!(parse(mapped), parse(plain), "{mapped}");
        }
    }

    #[test]
    fn short_mapped_prefix_contains_all_ipv4() {
        for text in ["::ffff:10.0.0.0/95", "::ffff:0:0/80", "::ffff:10.0.0.0/0"] {
            for address in ["10.0.0.1", "203.0.113.9", "::ffff:192.0.2.1"] {
                assert!(contains(text, address), "{address} in {text}");
            }
        }
        assert!(contains("::ffff:0:0/80", "::fffe:0:1"));
        assert!(!contains("::ffff:0:0/80", "2001:db8::1"));
    }

    #[test]
    fn other_networks_are_unchanged() {
        assert!(contains("::/0", "2001:db8::1"));
        assert!(!contains("::/0", "192.0.2.1"), "only IPv6 was given");
        assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(!contains("::1", "127.0.0.1"));
        for text in ["", "10.0.0.0/33", "::ffff:10.0.0.0/129", "10.0.0", "localhost", "fe80::1%1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn both_address_forms_match_equally(
            network in any::<u32>(),
            prefix in 0..=32_u8,
            address in any::<u32>(),
        ) {
            let (network, address) = (std::net::Ipv4Addr::from(network), std::net::Ipv4Addr::from(address));
            let plain = format!("{network}/{prefix}");
            let mapped = format!("{}/{}", network.to_ipv6_mapped(), prefix + 96);
            for address in [address.to_string(), address.to_ipv6_mapped().to_string()] {
                prop_assert_eq!(contains(&plain, &address), contains(&mapped, &address));
            }
        }
    }
}
