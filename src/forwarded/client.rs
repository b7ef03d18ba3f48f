use std::net::{IpAddr, Ipv6Addr};

/// Returns the client's address from the lines of `X-Forwarded-For`, which are one list (RFC 9110,
/// 5.3): the rightmost address that is not a trusted proxy, or the leftmost one if all are trusted
/// proxies. Each proxy appends the address of its peer, so anything to the left of the rightmost
/// untrusted address was sent by the client. Empty elements are ignored (RFC 9110, 5.6.1.2).
///
/// `None` if the list is empty, or if an examined element is not an address. The elements to the
/// left are not examined and may be any bytes: otherwise a client could hide its address.
pub(super) fn rightmost_untrusted<'h>(
    lines: impl Iterator<Item = &'h [u8]>,
    trusted: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut rightmost_untrusted = None;
    for line in lines {
        match (rightmost_in(line, &trusted), rightmost_untrusted) {
            // A line of trusted proxies only does not replace a line further left.
            (None, _) | (Some(RightmostAddress::Proxy(_)), Some(_)) => {}
            (found, _) => rightmost_untrusted = found,
        }
    }
    match rightmost_untrusted? {
        RightmostAddress::Client(address) | RightmostAddress::Proxy(address) => Some(address),
        RightmostAddress::Invalid => None,
    }
}

/// The rightmost relevant element of one line.
#[derive(Clone, Copy)]
enum RightmostAddress {
    /// An address that is not a trusted proxy.
    Client(IpAddr),
    /// The leftmost address of a line with trusted proxies only.
    Proxy(IpAddr),
    /// An element that is not an address.
    Invalid,
}

/// Returns the rightmost relevant element; `None` if all elements are empty.
fn rightmost_in(line: &[u8], trusted: impl Fn(IpAddr) -> bool) -> Option<RightmostAddress> {
    let mut rightmost_untrusted = None;
    let hops = line.rsplit(|byte| *byte == b',').filter(|hop| !is_blank(hop));
    for hop in hops {
        rightmost_untrusted = match address(hop) {
            None => return Some(RightmostAddress::Invalid),
            Some(address) if trusted(address) => Some(RightmostAddress::Proxy(address)),
            Some(address) => return Some(RightmostAddress::Client(address)),
        };
    }
    rightmost_untrusted
}

/// Returns true if the text is empty or white space (`OWS`, RFC 9110, 5.6.3).
fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// Parses one list element: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or
/// `[2001:db8::1]:443`. A zone (RFC 4007, 11) has no meaning on another host and is rejected.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    if let Some((address, port)) = hop.strip_prefix('[').and_then(|hop| hop.split_once(']')) {
        let has_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let address: Ipv6Addr = address.parse().ok().filter(|_| has_port)?;
        return Some(IpAddr::from(address).to_canonical());
    }
    let address = match hop.split_once(':') {
        // An IPv6 address without brackets has several colons and no port.
        Some((address, port)) if is_port(port) => address,
        _ => hop,
    };
    address.parse().ok().map(|address: IpAddr| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Returns the unit that is limited: an IPv4 address, or the /64 network of an IPv6 address, within
/// which a client may choose addresses freely (RFC 4291, 2.5.4).
#[must_use]
pub fn rate_limit_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::rightmost_untrusted;

    fn client_of(lines: &[&str]) -> Option<String> {
        let trusted = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets()[0] == 10,
            IpAddr::V6(address) => address.segments()[0] == 0xfd00,
        };
        let lines = lines.iter().map(|line| line.as_bytes());
        rightmost_untrusted(lines, trusted).map(|address| address.to_string())
    }

    fn client(list: &str) -> Option<String> {
        client_of(&[list])
    }

    #[test]
    fn rightmost_untrusted_address_is_the_client() {
        assert_eq!(client("192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(client("6.6.6.6, 192.0.2.1,10.0.0.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(client("::ffff:192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(client("2001:db8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(client("10.0.0.2, 10.0.0.1").as_deref(), Some("10.0.0.2"));
    }

    #[test]
    fn address_may_have_brackets_and_a_port() {
        for (item, expected) in [
            ("203.0.113.9:51234", "203.0.113.9"),
            ("203.0.113.9:0", "203.0.113.9"),
            ("[2001:db8::5]:443", "2001:db8::5"),
            ("[2001:db8::5]", "2001:db8::5"),
            ("[::ffff:192.0.2.1]:65535", "192.0.2.1"),
            ("2001:db8::5:443", "2001:db8::5:443"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ] {
            assert_eq!(client(item).as_deref(), Some(expected), "{item}");
            let list = format!("6.6.6.6,\t{item} , 10.0.0.1:80, [fd00::1]:443, [fd00::2]");
            assert_eq!(client(&list).as_deref(), Some(expected), "{list}");
        }
    }

    #[test]
    fn lines_are_one_list() {
        for (lines, expected) in [
            (&["6.6.6.6", "192.0.2.1"][..], Some("192.0.2.1")),
            (&["192.0.2.1", "10.0.0.1"], Some("192.0.2.1")),
            (&["6.6.6.6, 192.0.2.1", "10.0.0.2, 10.0.0.1", "10.0.0.3"], Some("192.0.2.1")),
            (&["10.0.0.3", "10.0.0.2, 10.0.0.1"], Some("10.0.0.3")),
            (&["garbage", "192.0.2.1"], Some("192.0.2.1")),
            (&["garbage", "10.0.0.1"], None),
            (&["192.0.2.1", "garbage", "10.0.0.1"], None),
            (&["192.0.2.1", "garbage"], None),
            (&["192.0.2.1", ""], Some("192.0.2.1")),
            (&["192.0.2.1", " ,\t", "10.0.0.1", ","], Some("192.0.2.1")),
            (&["", "192.0.2.1"], Some("192.0.2.1")),
            (&["garbage", ""], None),
            (&["", " , "], None),
            (&[], None),
        ] {
            assert_eq!(client_of(lines).as_deref(), expected, "{lines:?}");
        }
    }

    #[test]
    fn empty_elements_are_ignored() {
        for list in [
            "192.0.2.1,",
            ",192.0.2.1",
            "192.0.2.1, ,10.0.0.1",
            "6.6.6.6,,192.0.2.1 ,\t, 10.0.0.1,,",
        ] {
            assert_eq!(client(list).as_deref(), Some("192.0.2.1"), "{list}");
        }
        assert_eq!(client("10.0.0.2,,10.0.0.1, ").as_deref(), Some("10.0.0.2"));
    }

    #[test]
    fn elements_sent_by_the_client_are_ignored() {
        assert_eq!(client("garbage, 192.0.2.1").as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn invalid_element_makes_the_client_unknown() {
        for list in [
            "",
            " ",
            ",",
            " ,\t, ",
            "unknown",
            "garbage,",
            "192.0.2.1, garbage, ,",
            "garbage, 10.0.0.1",
            "192.0.2.1:",
            "192.0.2.1:x",
            "192.0.2.1:65536",
            "192.0.2.1:+80",
            "192.0.2.1:80:80",
            "[192.0.2.1]",
            "[192.0.2.1]:80",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]443",
            "[2001:db8::1]:",
            "[2001:db8::1]:x",
            "[fe80::1%eth0]",
            "fe80::1%eth0",
            "fe80::1%25eth0",
            "[]",
            ":80",
            "_hidden",
            "192.0.2.01",
        ] {
            assert_eq!(client(list), None, "{list}");
        }
    }
}
