//! Request targets. Every listener accepts only the origin form (RFC 9112, 3.2.1), in the
//! characters of RFC 3986.
//!
//! The URI parser of hyper and h2 is lenient: it drops a `#` and everything after it, and accepts
//! quotes, braces and bytes that are not ASCII. The bytes of a target are therefore checked before
//! they are parsed; on connections that hyper reads, `connection::target_filter` does so.

use http::{Request, Version};

use crate::uri::{is_path, is_query};

/// The header that marks an HTTP/2 request whose `:path` is not in origin form. A request in which
/// the client sends it is rejected as well.
pub(super) const INVALID_TARGET: &str = "x-invalid-request-target";

/// The replacement for a target that is not in origin form and may not be a valid URI.
pub(super) const NOT_ORIGIN_FORM: &str = "*";

/// The reason for rejecting a request because of its target.
pub(super) const REASON: &str = "the request target is not a path, or has characters that have to \
                                 be percent-encoded, such as `#`, `{` or a quote";

/// Returns true if these bytes are a target in origin form. Other forms name a host, and programs
/// differ in how they interpret them.
pub(super) fn is_origin_form(target: &[u8]) -> bool {
    match target.iter().position(|byte| *byte == b'?') {
        Some(end) => is_path(&target[..end]) && is_query(&target[end + 1..]),
        None => is_path(target),
    }
}

/// Returns true if the target of this request was received in origin form.
pub(super) fn has_origin_form<B>(request: &Request<B>) -> bool {
    let uri = request.uri();
    // HTTP/2 sends scheme and host apart from the path; hyper combines them.
    let is_path_only = match request.version() {
        Version::HTTP_2 => !request.headers().contains_key(INVALID_TARGET),
        _ => uri.scheme().is_none() && uri.authority().is_none(),
    };
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    is_path_only && is_origin_form(target.as_bytes())
}

#[cfg(test)]
mod tests {
    use http::{Request, Uri, Version};
    use proptest::{collection::vec, prelude::*};

    use super::{has_origin_form, is_origin_form};

    fn accepts(target: &'static str, version: Version) -> bool {
        let request = Request::builder().uri(Uri::from_static(target)).version(version);
        has_origin_form(&request.body(()).expect("a request"))
    }

    #[test]
    fn path_with_a_query_is_origin_form() {
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
    fn other_target_forms_are_rejected() {
        assert!(accepts("/validate?tenant=acme", Version::HTTP_11));
        assert!(accepts("http://host/validate", Version::HTTP_2));
        for target in ["http://host/validate", "host:443", "*"] {
            assert!(!accepts(target, Version::HTTP_11), "{target}");
        }
        assert!(!accepts("*", Version::HTTP_2));
    }

    proptest! {
        #[test]
        fn accepted_target_survives_parsing(
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
