use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use proptest::{collection::vec, prelude::*};

use super::{ForwardedError, ForwardedHeaders, ForwardedRequest, Peer, TrustedProxies};

const FOR: &str = "x-forwarded-for";

/// Trusts two private networks.
fn trust(family: ForwardedHeaders) -> TrustedProxies {
    let network = |text: &str| text.parse::<IpNet>().expect("a network");
    TrustedProxies { networks: vec![network("10.0.0.0/8"), network("fd00::/8")], headers: family }
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Generates a list element as a proxy may write it, and true if it is a trusted proxy.
fn hop() -> impl Strategy<Value = (String, bool)> {
    prop_oneof![
        any::<[u8; 3]>().prop_map(|[a, b, c]| (format!("10.{a}.{b}.{c}"), true)),
        any::<[u8; 3]>().prop_map(|[a, b, c]| (format!("::ffff:10.{a}.{b}.{c}"), true)),
        any::<u16>().prop_map(|a| (format!("fd00::{a:x}"), true)),
        any::<[u8; 3]>().prop_map(|[a, b, c]| (format!("192.{a}.{b}.{c}"), false)),
        any::<[u8; 3]>().prop_map(|[a, b, c]| (format!("::ffff:192.{a}.{b}.{c}"), false)),
        any::<u16>().prop_map(|a| (format!("2001:db8::{a:x}"), false)),
    ]
}

/// Generates bytes that are valid in a header value.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![32..=126_u8, 128..=255_u8, Just(b','), Just(b'.'), Just(b':')];
    vec(byte, 0..30)
}

fn headers(all: &[(&'static str, Vec<u8>)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, Vec<u8>)| {
        let value = HeaderValue::from_bytes(value).expect("a value");
        (HeaderName::from_static(name), value)
    };
    all.iter().map(header).collect()
}

fn client(peer: Peer, all: &[(&'static str, Vec<u8>)]) -> Result<IpAddr, ForwardedError> {
    ForwardedRequest::new((&headers(all)).into(), peer, &trust(ForwardedHeaders::Forwarded))
        .client_address()
}

proptest! {
    #[test]
    fn client_is_the_rightmost_untrusted_address(
        sent in value(),
        untrusted in hop().prop_filter("no proxy", |(_, trusted)| !trusted),
        proxies in vec(hop().prop_filter("a proxy", |(_, trusted)| *trusted), 0..4),
        blank in "[ \t]{0,2}",
    ) {
        let right = std::iter::once(&untrusted).chain(&proxies).map(|(text, _)| text.as_str());
        let right = right.collect::<Vec<_>>().join(&format!(",{blank}"));
        // Anything that a client sends is to the left of its own address.
        let list = [&sent[..], b",", right.as_bytes()].concat();
        let expected = address(&untrusted.0).to_canonical();
        for peer in [Peer::UnixSocket, Peer::Address(address("10.9.9.9"))] {
            let found = client(peer, &[(FOR, list.clone())]);
            prop_assert_eq!(found, Ok(expected));
            let alone = client(peer, &[(FOR, right.clone().into_bytes())]);
            prop_assert_eq!(alone, Ok(expected));
        }
    }

    #[test]
    fn client_is_an_address_of_the_header(list in value()) {
        for peer in [Peer::UnixSocket, Peer::Address(address("::ffff:10.0.0.1"))] {
            if let Ok(found) = client(peer, &[(FOR, list.clone())]) {
                let text = String::from_utf8_lossy(&list);
                let bare = |hop: &str| hop.trim().trim_start_matches('[').to_owned();
                let ends = |hop: &str| {
                    let ends = hop.match_indices([':', ']']).map(|(end, _)| end).chain([hop.len()]);
                    ends.map(|end| hop[..end].to_owned()).collect::<Vec<_>>()
                };
                let mut hops = text.split(',').flat_map(|hop| ends(&bare(hop)));
                let is_found = |hop: &str| hop.parse::<IpAddr>().is_ok_and(|hop| hop.to_canonical() == found);
                prop_assert!(hops.any(|hop| is_found(&hop)));
            }
        }
    }

    #[test]
    fn several_lines_are_one_list(
        hops in vec(hop(), 1..6),
        breaks in any::<u8>(),
        garbage in vec(value(), 0..2),
    ) {
        let texts: Vec<Vec<u8>> = garbage.into_iter().chain(hops.into_iter().map(|(text, _)| text.into_bytes())).collect();
        let one = texts.join(&b","[..]);
        let mut lines = vec![texts[0].clone()];
        for (place, text) in texts[1..].iter().enumerate() {
            match lines.last_mut() {
                Some(line) if breaks >> (place % 8) & 1 == 0 => line.extend([b",", &text[..]].concat()),
                _ => lines.push(text.clone()),
            }
        }
        let lines: Vec<_> = lines.into_iter().map(|line| (FOR, line)).collect();
        let found = client(Peer::UnixSocket, &lines);
        prop_assert_eq!(client(Peer::UnixSocket, &[(FOR, one)]), found);
    }

    #[test]
    fn empty_elements_change_nothing(
        hops in vec(hop(), 1..6),
        blanks in vec("[ \t]{0,2}", 0..6),
        place in any::<prop::sample::Index>(),
    ) {
        let bytes = |text: &String| text.clone().into_bytes();
        let mut texts: Vec<Vec<u8>> = hops.iter().map(|(text, _)| bytes(text)).collect();
        let found = client(Peer::UnixSocket, &[(FOR, texts.join(&b","[..]))]);
        prop_assert!(found.is_ok());
        for blank in &blanks {
            texts.insert(place.index(texts.len() + 1), bytes(blank));
        }
        prop_assert_eq!(client(Peer::UnixSocket, &[(FOR, texts.join(&b","[..]))]), found);
        let lines: Vec<_> = texts.into_iter().map(|text| (FOR, text)).collect();
        prop_assert_eq!(client(Peer::UnixSocket, &lines), found);
    }

    #[test]
    fn rate_limit_address_is_never_missing(lists in vec(value(), 0..3), trusted in any::<bool>()) {
        let peer = address(if trusted { "10.0.0.1" } else { "192.0.2.7" });
        let all: Vec<_> = lists.into_iter().map(|list| (FOR, list)).collect();
        for (peer, fallback) in [(Peer::Address(peer), peer), (Peer::UnixSocket, address("::"))] {
            let (map, trust) = (headers(&all), trust(ForwardedHeaders::Forwarded));
            let forwarded = ForwardedRequest::new((&map).into(), peer, &trust);
            let expected = forwarded.client_address().unwrap_or(fallback);
            prop_assert_eq!(forwarded.rate_limit_address(), expected);
        }
    }

    #[test]
    fn untrusted_peer_is_the_client(
        (peer, _) in hop().prop_filter("no proxy", |(_, trusted)| !trusted),
        lists in vec(value(), 0..3),
    ) {
        let peer = address(&peer);
        let all: Vec<_> = lists.iter().map(|list| (FOR, list.clone())).collect();
        prop_assert_eq!(client(Peer::Address(peer), &all), Ok(peer.to_canonical()));
        for family in [ForwardedHeaders::Forwarded, ForwardedHeaders::Original] {
            let names = ["x-forwarded-uri", "x-forwarded-method", "x-original-uri", "x-original-method"];
            let all: Vec<_> = names.map(|name| (name, b"GET".to_vec())).into();
            let (map, trust) = (headers(&all), trust(family));
            let forwarded = ForwardedRequest::new((&map).into(), Peer::Address(peer), &trust);
            prop_assert!(matches!(forwarded.target(), Err(ForwardedError::Missing(_))));
            prop_assert!(matches!(forwarded.method(), Err(ForwardedError::Missing(_))));
        }
    }

    #[test]
    fn header_is_read_if_single_and_text(
        values in vec(prop_oneof![value(), "/[a-z]{0,3}(\\?[a-z=]{0,5})?".prop_map(String::into_bytes)], 0..4),
    ) {
        for (family, name, other) in [
            (ForwardedHeaders::Forwarded, "x-forwarded-uri", "x-original-uri"),
            (ForwardedHeaders::Original, "x-original-uri", "x-forwarded-uri"),
        ] {
            let mut all: Vec<_> = values.iter().map(|value| (name, value.clone())).collect();
            all.push((other, b"/other".to_vec()));
            let (map, trust) = (headers(&all), trust(family));
            let forwarded = ForwardedRequest::new((&map).into(), Peer::UnixSocket, &trust);
            let (path, query) = match values.as_slice() {
                [] => (Err(ForwardedError::Missing(name)), Err(ForwardedError::Missing(name))),
                [one] => {
                    let mut parts = one.splitn(2, |byte| *byte == b'?');
                    let path = parts.next().and_then(|path| std::str::from_utf8(path).ok());
                    let path = path.filter(|path| path.is_ascii() && !path.is_empty());
                    (path.ok_or(ForwardedError::Malformed(name)), Ok(parts.next().unwrap_or_default()))
                }
                _ => (Err(ForwardedError::Duplicate(name)), Err(ForwardedError::Duplicate(name))),
            };
            prop_assert_eq!(forwarded.target().and_then(|target| target.path()), path);
            prop_assert_eq!(forwarded.target().map(|target| target.query), query);
        }
    }
}
