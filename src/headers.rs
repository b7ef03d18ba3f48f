//! A view of request headers, independent of the parser that produced them.

use std::{iter, slice};

use http::{HeaderMap, HeaderValue, header::ValueIter};
use httparse::Header;
use memchr::memchr;

/// The headers of one request.
#[derive(Clone, Copy)]
pub enum RequestHeaders<'h> {
    /// A parsed header map (hyper).
    Map(&'h HeaderMap),
    /// Borrowed from the request bytes (httparse).
    Raw(&'h [Header<'h>]),
}

/// The headers that [`RequestHeaders::get_all`] has not visited.
enum RemainingHeaders<'h> {
    Map(ValueIter<'h, HeaderValue>),
    Raw(slice::Iter<'h, Header<'h>>),
}

impl<'h> From<&'h HeaderMap> for RequestHeaders<'h> {
    fn from(map: &'h HeaderMap) -> Self {
        Self::Map(map)
    }
}

impl<'h> RequestHeaders<'h> {
    /// Returns the values of all headers with this name, in order. `name` has to be in lower case;
    /// header names are matched case-insensitively (RFC 9110, 5.1).
    pub fn get_all(self, name: &'static str) -> impl Iterator<Item = &'h [u8]> {
        let mut rest = match self {
            Self::Map(map) => RemainingHeaders::Map(map.get_all(name).into_iter()),
            Self::Raw(raw) => RemainingHeaders::Raw(raw.iter()),
        };
        iter::from_fn(move || match &mut rest {
            RemainingHeaders::Map(values) => values.next().map(HeaderValue::as_bytes),
            RemainingHeaders::Raw(headers) => headers
                .find(|header| header.name.eq_ignore_ascii_case(name))
                .map(|header| header.value),
        })
    }

    /// Returns true if there is a header whose name is one of these but for its punctuation: some gateways
    /// treat `_` and `.` as `-`. The names have to be in lower case.
    #[must_use]
    pub fn has_similar(self, names: &[&'static str]) -> bool {
        let is_similar = |found: &str| {
            names.iter().any(|name| {
                found.len() == name.len()
                    && !found.eq_ignore_ascii_case(name)
                    && found.bytes().zip(name.bytes()).all(|(one, other)| {
                        one.eq_ignore_ascii_case(&other)
                            || (other == b'-' && !one.is_ascii_alphanumeric())
                    })
            })
        };
        match self {
            Self::Map(map) => map.keys().any(|name| is_similar(name.as_str())),
            Self::Raw(raw) => raw.iter().any(|header| is_similar(header.name)),
        }
    }

    /// Returns true if there is a header with one of these names, which have to be in lower case.
    #[must_use]
    pub fn has_any(self, names: &[&'static str]) -> bool {
        match self {
            Self::Map(map) => names.iter().any(|name| map.contains_key(*name)),
            // The lengths are compared first, without a call for each header.
            Self::Raw(raw) => names.iter().any(|name| {
                raw.iter().any(|header| {
                    header.name.len() == name.len() && header.name.eq_ignore_ascii_case(name)
                })
            }),
        }
    }

    /// Returns the value of each cookie with this name, parsed strictly (RFC 6265, 4.2.1): pairs are
    /// separated by `; `, without white space around `=`. So this reads exactly the pairs that the
    /// proxies' example configurations remove from the request with `(^|;\s*)NAME=[^;]*`. An
    /// application may parse further pairs; a token in those is not accepted.
    pub fn cookies(self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.get_all("cookie").flat_map(move |line| {
            let mut rest = Some(line);
            let pairs = iter::from_fn(move || {
                let line = rest?;
                let (pair, next) = match memchr(b';', line) {
                    // White space is allowed only after a semicolon.
                    Some(end) => (&line[..end], Some(line[end + 1..].trim_ascii_start())),
                    None => (line, None),
                };
                rest = next;
                Some(pair)
            });
            pairs.filter_map(move |pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        })
    }

    /// Returns the cookies without those that have one of these names, and all other bytes as they were
    /// sent. Several lines are joined to one. `None` if nothing is left.
    #[must_use]
    pub fn cookies_without(self, names: &[&str]) -> Option<Vec<u8>> {
        let is_removed = |pair: &[u8]| {
            names.iter().any(|name| {
                pair.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
            })
        };
        let line_without = |line: &'h [u8]| {
            let mut pairs = line.split(|byte| *byte == b';');
            let first = pairs.next().filter(|pair| !is_removed(pair));
            let others = pairs.filter(|pair| !is_removed(pair.trim_ascii_start()));
            let left: Vec<_> = first.into_iter().chain(others).collect();
            let line = left.join(&b';');
            if first.is_some() { line } else { line.trim_ascii_start().to_vec() }
        };
        let lines: Vec<_> =
            self.get_all("cookie").map(line_without).filter(|line| !line.is_empty()).collect();
        (!lines.is_empty()).then(|| lines.join(&b"; "[..]))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use httparse::Header;

    use super::RequestHeaders;

    #[test]
    fn other_cookies_are_left_unchanged() {
        let without = |lines: &[&str]| {
            let raw: Vec<_> = lines
                .iter()
                .map(|line| Header { name: "Cookie", value: line.as_bytes() })
                .collect();
            let left = RequestHeaders::Raw(&raw).cookies_without(&["s", "t"]);
            left.map(|left| String::from_utf8(left).expect("text"))
        };
        for (line, left) in [
            ("s=1", None),
            ("s=1;", None),
            ("s=1; t=2", None),
            ("a=1", Some("a=1")),
            ("s=1; a=1", Some("a=1")),
            ("a=1; s=1", Some("a=1")),
            ("a=1;  s=1;  b=\"q; r\";t=;c==", Some("a=1;  b=\"q; r\";c==")),
            ("ss=1; xs=2; s =3; S=4; s", Some("ss=1; xs=2; s =3; S=4; s")),
            (" s=1; a=1", Some(" s=1; a=1")),
        ] {
            assert_eq!(without(&[line]).as_deref(), left, "{line}");
        }
        assert_eq!(without(&["a=1; s=1", "t=2", "b=2"]).as_deref(), Some("a=1; b=2"));
        assert_eq!(without(&[]), None);
    }

    #[test]
    fn get_all_ignores_case_and_keeps_order() {
        let all = [("X-One", "1"), ("x-two", "a"), ("x-one", ""), ("X-ONE-MORE", "b")];
        let map: HeaderMap = all
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                (name, HeaderValue::from_static(value))
            })
            .into_iter()
            .collect();
        let raw = all.map(|(name, value)| Header { name, value: value.as_bytes() });
        for headers in [RequestHeaders::from(&map), RequestHeaders::Raw(&raw)] {
            assert_eq!(headers.get_all("x-one").collect::<Vec<_>>(), [&b"1"[..], b""]);
            assert_eq!(headers.get_all("x-two").collect::<Vec<_>>(), [b"a"]);
            assert_eq!(headers.get_all("x").count(), 0);
        }
    }
}
