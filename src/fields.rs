//! The header fields of a request, in the form in which they were read.

use http::{HeaderMap, HeaderValue};
use httparse::Header;

/// All fields of one request.
#[derive(Clone, Copy)]
pub enum Fields<'h> {
    /// As libraries hold them.
    Map(&'h HeaderMap),
    /// As they stand in the bytes that came in.
    Raw(&'h [Header<'h>]),
}

impl<'h> From<&'h HeaderMap> for Fields<'h> {
    fn from(map: &'h HeaderMap) -> Self {
        Self::Map(map)
    }
}

impl<'h> Fields<'h> {
    /// The value of each field with this name, in their order. `name` is in lower case; that of a
    /// field may be in any (RFC 9110, 5.1).
    pub fn all(self, name: &'static str) -> impl Iterator<Item = &'h [u8]> {
        let (map, raw) = match self {
            Self::Map(map) => (Some(map.get_all(name)), None),
            Self::Raw(raw) => (None, Some(raw)),
        };
        let in_map = map.into_iter().flatten().map(HeaderValue::as_bytes);
        let named = move |field: &&Header<'_>| field.name.eq_ignore_ascii_case(name);
        in_map.chain(raw.into_iter().flatten().filter(named).map(|field| field.value))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use httparse::Header;

    use super::Fields;

    #[test]
    fn a_field_is_found_by_its_name_in_any_case_and_as_often_as_it_is_there() {
        let all = [("X-One", "1"), ("x-two", "a"), ("x-one", ""), ("X-ONE-MORE", "b")];
        let map: HeaderMap = all
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                (name, HeaderValue::from_static(value))
            })
            .into_iter()
            .collect();
        let raw = all.map(|(name, value)| Header { name, value: value.as_bytes() });
        for fields in [Fields::from(&map), Fields::Raw(&raw)] {
            assert_eq!(fields.all("x-one").collect::<Vec<_>>(), [&b"1"[..], b""]);
            assert_eq!(fields.all("x-two").collect::<Vec<_>>(), [b"a"]);
            assert_eq!(fields.all("x").count(), 0);
        }
    }
}
