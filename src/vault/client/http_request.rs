use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header::InvalidHeaderValue};
use http_body_util::Full;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rustify::endpoint::Endpoint;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{
    error::VaultError,
    failure::FailureKind,
    settings::Namespace,
    vault_index::{FORWARD, INCONSISTENT_HEADER, INDEX_HEADER},
};

/// Bytes that would end or change a segment of a path (RFC 3986, 3.3).
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The parts of a request that are sent as headers.
#[derive(Clone, Copy, Default)]
pub(super) struct RequestOptions<'a> {
    /// The token that the request is made with.
    pub(super) token: Option<&'a SecretString>,
    pub(super) namespace: Option<&'a Namespace>,
    /// The lifetime of the wrapping token, if the response is to be wrapped.
    pub(super) wrap_ttl: Option<Duration>,
    /// The index that the response has to include.
    pub(super) index: Option<&'a HeaderValue>,
}

/// Builds the HTTP request for `endpoint` at the server with this origin.
///
/// rustify and vaultrs are not used for that: they parse the address four times, and panic on a
/// token that is no valid header value.
pub(super) fn build_request(
    origin: &str,
    options: RequestOptions<'_>,
    endpoint: &impl Endpoint,
) -> Result<Request<Full<Bytes>>, VaultError> {
    let invalid = |detail: &str| VaultError::new(FailureKind::BadRequest, detail);
    let query = endpoint.query().map_err(|_| invalid("cannot serialize the query"))?;
    let body = endpoint.body().map_err(|_| invalid("cannot serialize the body"))?;
    let target = build_uri(origin, &endpoint.path(), query.as_deref())?;
    // The body may contain a token or a secret.
    let body = Full::new(Bytes::from_owner(Zeroizing::new(body.unwrap_or_default())));
    let mut request = Request::new(body);
    *request.method_mut() = endpoint.method().into();
    *request.uri_mut() = target;
    let headers = request.headers_mut();
    headers.insert("x-vault-request", HeaderValue::from_static("true"));
    if let Some(token) = options.token {
        let token = sensitive_value(token.expose_secret()).map_err(|_| {
            let why = "the token contains a line break or another byte that no header may contain";
            VaultError::new(FailureKind::TokenRejected, why)
        })?;
        headers.insert("x-vault-token", token);
    }
    if let Some(namespace) = options.namespace {
        let namespace = HeaderValue::from_str(namespace.as_str());
        let namespace = namespace.map_err(|_| invalid("the namespace is not a header value"))?;
        headers.insert("x-vault-namespace", namespace);
    }
    if let Some(ttl) = options.wrap_ttl {
        headers.insert("x-vault-wrap-ttl", HeaderValue::from(ttl.as_secs()));
    }
    if let Some(index) = options.index {
        headers.insert(INDEX_HEADER, index.clone());
        headers.insert(INCONSISTENT_HEADER, FORWARD);
    }
    Ok(request)
}

fn build_uri(origin: &str, path: &str, query: Option<&str>) -> Result<Uri, VaultError> {
    let mut target = format!("{origin}/v1");
    // Some of vaultrs' paths begin with a tab.
    for segment in path.trim_start().trim_start_matches('/').split('/') {
        if matches!(segment, "." | "..") {
            let why = "the path contains a `.` or `..` segment, which servers and proxies resolve \
                       differently";
            return Err(VaultError::new(FailureKind::BadRequest, why));
        }
        target.push('/');
        target.extend(utf8_percent_encode(segment, ENCODED));
    }
    target.extend(query.into_iter().flat_map(|query| ["?", query]));
    Uri::try_from(target).map_err(|_| {
        VaultError::new(FailureKind::BadRequest, "the path or query is not a valid URI")
    })
}

fn sensitive_value(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use http::uri::{Authority, PathAndQuery};

    use super::build_uri;

    #[test]
    fn path_segments_are_percent_encoded() {
        let uri = |path: &str, query| build_uri("http://v:8200", path, query).expect("a URI");
        for (path, query, expected) in [
            ("auth/token/lookup", None, "/v1/auth/token/lookup"),
            ("/sys/health", None, "/v1/sys/health"),
            ("\t/auth/token/renew-self", None, "/v1/auth/token/renew-self"),
            ("kv/metadata/a/", Some("list=true"), "/v1/kv/metadata/a/?list=true"),
            ("sys/policies/acl/a b?c#d%2f", None, "/v1/sys/policies/acl/a%20b%3Fc%23d%252f"),
            ("x/naïve", None, "/v1/x/na%C3%AFve"),
        ] {
            let uri = uri(path, query);
            assert_eq!(uri.path_and_query().map(PathAndQuery::as_str), Some(expected));
            assert_eq!(uri.authority().map(Authority::as_str), Some("v:8200"));
        }
    }

    #[test]
    fn dot_segments_are_rejected() {
        for path in ["..", "kv/data/../sys", "kv/./a"] {
            assert!(build_uri("http://v", path, None).is_err(), "{path}");
        }
    }
}
