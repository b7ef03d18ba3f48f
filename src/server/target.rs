//! Request targets. Every listener accepts origin-form alone (RFC 9112, 3.2.1), in the characters
//! of RFC 3986.
//!
//! The URI parser below hyper and h2 is lenient: it drops a `#` and all that follows, and accepts
//! quotes, braces and bytes that are no ASCII. So the bytes of a target are judged before they are
//! parsed; [`crate::server::inspect`] sees to that where hyper reads them.

use http::{Request, Version};

use crate::uri::{is_path, is_query};

/// Added to a request of HTTP/2 whose `:path` is no origin-form. A client that sends it itself has
/// its request refused.
pub(super) const INVALID_TARGET: &str = "x-invalid-request-target";

/// A target that is never origin-form, for one that is not and may be no target at all.
pub(super) const NOT_ORIGIN_FORM: &str = "*";

/// Why a request is refused for its target.
pub(super) const REASON: &str = "the request target is not a path, or has characters in it that \
                                 have to be percent-encoded, such as `#`, `{` or a quote";

/// Whether these bytes are a target in origin-form. Other forms name a host of their own, and mean
/// something else to each program that reads them.
pub(super) fn is_origin_form(target: &[u8]) -> bool {
    match target.iter().position(|byte| *byte == b'?') {
        Some(end) => is_path(&target[..end]) && is_query(&target[end + 1..]),
        None => is_path(target),
    }
}

/// Whether the target of this request came in as origin-form.
pub(super) fn came_in_origin_form<B>(request: &Request<B>) -> bool {
    let uri = request.uri();
    // HTTP/2 carries scheme and host apart from the path, and hyper puts them together.
    let bare = match request.version() {
        Version::HTTP_2 => !request.headers().contains_key(INVALID_TARGET),
        _ => uri.scheme().is_none() && uri.authority().is_none(),
    };
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    bare && is_origin_form(target.as_bytes())
}

#[cfg(test)]
mod tests {
    use http::{Request, Uri, Version};
    use proptest::{collection::vec, prelude::*};

    use super::{came_in_origin_form, is_origin_form};

    fn accepts(target: &'static str, version: Version) -> bool {
        let request = Request::builder().uri(Uri::from_static(target)).version(version);
        came_in_origin_form(&request.body(()).expect("a request"))
    }

    #[test]
    fn only_a_path_with_a_query_is_origin_form() {
        for target in
            ["/", "/validate?tenant=acme", "//", "/a//b;c=d/..", "/?a=/?:@!$'()*,", "/%23"]
        {
            assert!(is_origin_form(target.as_bytes()), "{target}");
        }
        for target in ["", "*", "?", "#", "a", "v:443", "x:y", "http://host/a", "x:http://v/a"] {
            assert!(!is_origin_form(target.as_bytes()), "{target}");
        }
        for byte in (0..=b' ').chain(*b"\"#<>[]\\^`{|}").chain(127..=255) {
            assert!(!is_origin_form(&[b'/', byte]), "{byte:#04x} in a path");
            assert!(!is_origin_form(&[b'/', b'?', byte]), "{byte:#04x} in a query");
        }
    }

    #[test]
    fn request_of_another_form_is_not_accepted() {
        assert!(accepts("/validate?tenant=acme", Version::HTTP_11));
        assert!(accepts("http://host/validate", Version::HTTP_2));
        for target in ["http://host/validate", "host:443", "*"] {
            assert!(!accepts(target, Version::HTTP_11), "{target}");
        }
        assert!(!accepts("*", Version::HTTP_2));
    }

    proptest! {
        #[test]
        fn uri_parser_keeps_every_byte_of_an_accepted_target(
            target in vec(prop_oneof![any::<u8>(), 33..127_u8, Just(b'%'), Just(b'0'), Just(b'#')], 0..20),
        ) {
            let target = [&b"/"[..], &target].concat();
            if is_origin_form(&target) {
                let uri = Uri::try_from(target.as_slice()).expect("a URI");
                prop_assert_eq!(uri.to_string().into_bytes(), target);
            }
        }
    }
}
