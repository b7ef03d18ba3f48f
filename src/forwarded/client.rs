use std::net::{IpAddr, Ipv6Addr};

/// Reads the client's address from the lines of `X-Forwarded-For`, which are one list (RFC 9110,
/// 5.3): the address that is nearest to us and no trusted proxy; the farthest if all are. Each proxy
/// appends its own peer, so what stands to the left of the nearest untrusted address is the
/// client's own say. Empty elements are ignored (RFC 9110, 5.6.1.2).
///
/// `None` if the list is empty, or if an address that was looked at is none. The rest need not even
/// be text: a client could otherwise make itself unknown.
pub(super) fn nearest<'h>(
    lines: impl Iterator<Item = &'h [u8]>,
    trusted: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut nearest = None;
    for line in lines {
        match (nearest_in(line, &trusted), nearest) {
            // Proxies to the right of others' addresses: those are what is behind them.
            (None, _) | (Some(Nearest::Proxy(_)), Some(_)) => {}
            (found, _) => nearest = found,
        }
    }
    match nearest? {
        Nearest::Client(address) | Nearest::Proxy(address) => Some(address),
        Nearest::Unreadable => None,
    }
}

/// What stands nearest to us in one line.
#[derive(Clone, Copy)]
enum Nearest {
    /// This address, which is no trusted proxy's.
    Client(IpAddr),
    /// Trusted proxies alone, of which this is the farthest.
    Proxy(IpAddr),
    /// Something that is no address.
    Unreadable,
}

/// `None` if the line has nothing but empty elements.
fn nearest_in(line: &[u8], trusted: impl Fn(IpAddr) -> bool) -> Option<Nearest> {
    let mut nearest = None;
    let hops = line.rsplit(|byte| *byte == b',').filter(|hop| !is_blank(hop));
    for hop in hops {
        nearest = match address(hop) {
            None => return Some(Nearest::Unreadable),
            Some(address) if trusted(address) => Some(Nearest::Proxy(address)),
            Some(address) => return Some(Nearest::Client(address)),
        };
    }
    nearest
}

/// Returns whether there is nothing but white space (`OWS`, RFC 9110, 5.6.3).
fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// The address in one item of the list: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`
/// or `[2001:db8::1]:443`. A zone (RFC 4007, 11) means nothing on another machine, and is refused.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    if let Some((address, port)) = hop.strip_prefix('[').and_then(|hop| hop.split_once(']')) {
        let has_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let address: Ipv6Addr = address.parse().ok().filter(|_| has_port)?;
        return Some(IpAddr::from(address).to_canonical());
    }
    let address = match hop.split_once(':') {
        // An IPv6 address without brackets has more than one `:`, and no port.
        Some((address, port)) if is_port(port) => address,
        _ => hop,
    };
    address.parse().ok().map(|address: IpAddr| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::nearest;

    fn client_of(lines: &[&str]) -> Option<String> {
        let trusted = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets()[0] == 10,
            IpAddr::V6(address) => address.segments()[0] == 0xfd00,
        };
        let lines = lines.iter().map(|line| line.as_bytes());
        nearest(lines, trusted).map(|address| address.to_string())
    }

    fn client(list: &str) -> Option<String> {
        client_of(&[list])
    }

    #[test]
    fn the_nearest_address_that_is_no_proxy_is_the_client() {
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
    fn what_the_client_wrote_itself_is_not_even_read() {
        assert_eq!(client("garbage, 192.0.2.1").as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn an_address_that_is_none_makes_the_client_unknown() {
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
