use std::net::IpAddr;

/// The address in `X-Forwarded-For` that is nearest to us and no trusted proxy; the farthest if
/// all are. Each proxy appends its own peer, so what stands to the left of the nearest untrusted
/// address is the client's own say.
///
/// `None` if an address that was looked at is none. The rest need not even be text: a client could
/// otherwise make itself unknown.
pub(super) fn nearest(list: &[u8], trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let mut farthest = None;
    for hop in list.rsplit(|byte| *byte == b',') {
        let hop = std::str::from_utf8(hop).ok()?;
        let address = hop.trim().parse::<IpAddr>().ok()?.to_canonical();
        if !trusted(address) {
            return Some(address);
        }
        farthest = Some(address);
    }
    farthest
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::nearest;

    fn client(list: &str) -> Option<String> {
        let trusted = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets()[0] == 10,
            IpAddr::V6(_) => false,
        };
        nearest(list.as_bytes(), trusted).map(|address| address.to_string())
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
    fn what_the_client_wrote_itself_is_not_even_read() {
        assert_eq!(client("garbage, 192.0.2.1").as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn an_address_that_is_none_makes_the_client_unknown() {
        for list in ["", "unknown", "192.0.2.1:80", "192.0.2.1,", "garbage, 10.0.0.1", "[::1]"] {
            assert_eq!(client(list), None, "{list}");
        }
    }
}
