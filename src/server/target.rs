use http::{Request, Version};

/// Whether the target of a request is a path, as a proxy sends it (origin-form, RFC 9112, 3.2.1).
/// The other forms name a host of their own, and mean something else to each program that reads
/// them.
pub(super) fn is_origin_form<B>(request: &Request<B>) -> bool {
    let uri = request.uri();
    // HTTP/2 carries scheme and host apart from the path, and hyper puts them together.
    let bare = request.version() == Version::HTTP_2
        || (uri.scheme().is_none() && uri.authority().is_none());
    bare && uri.path().starts_with('/')
}

#[cfg(test)]
mod tests {
    use http::{Request, Uri, Version};

    use super::is_origin_form;

    fn accepts(target: &'static str, version: Version) -> bool {
        let request = Request::builder().uri(Uri::from_static(target)).version(version);
        is_origin_form(&request.body(()).expect("a request"))
    }

    #[test]
    fn only_a_path_is_a_target() {
        assert!(accepts("/validate?tenant=acme", Version::HTTP_11));
        assert!(accepts("http://host/validate", Version::HTTP_2));
        for target in ["http://host/validate", "x:y", "host:443", "*", "x://v/validate"] {
            if let Ok(uri) = target.parse::<Uri>() {
                let request = Request::builder().uri(uri).body(()).expect("a request");
                assert!(!is_origin_form(&request), "{target}");
            }
        }
        assert!(!accepts("*", Version::HTTP_2));
    }
}
