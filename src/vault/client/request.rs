use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header::InvalidHeaderValue};
use http_body_util::Full;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rustify::endpoint::Endpoint;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::vault::{
    client::Frame,
    error::{Failure, VaultError},
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

/// The request by which this call is made of the server with this origin. Not by rustify and
/// vaultrs, which parse the address four times, and panic on a token that no header can hold.
pub(super) fn request(
    origin: &str,
    frame: Frame<'_>,
    endpoint: &impl Endpoint,
) -> Result<Request<Full<Bytes>>, VaultError> {
    let unusable = |what: &str| VaultError::new(Failure::BadRequest, what);
    let query = endpoint.query().map_err(|_| unusable("its query cannot be written"))?;
    let body = endpoint.body().map_err(|_| unusable("its body cannot be written"))?;
    let target = target(origin, &endpoint.path(), query.as_deref())?;
    // The body may hold a token or a secret.
    let body = Full::new(Bytes::from_owner(Zeroizing::new(body.unwrap_or_default())));
    let mut request = Request::new(body);
    *request.method_mut() = endpoint.method().into();
    *request.uri_mut() = target;
    let headers = request.headers_mut();
    headers.insert("x-vault-request", HeaderValue::from_static("true"));
    if let Some(token) = frame.token {
        let token = secret(token.expose_secret()).map_err(|_| {
            VaultError::new(Failure::OwnToken, "the token has a line break or the like")
        })?;
        headers.insert("x-vault-token", token);
    }
    if let Some(namespace) = frame.namespace {
        let namespace = HeaderValue::from_str(namespace.as_str());
        headers.insert("x-vault-namespace", namespace.map_err(|_| unusable("its namespace"))?);
    }
    if let Some(life) = frame.wrap {
        headers.insert("x-vault-wrap-ttl", HeaderValue::from(life.as_secs()));
    }
    Ok(request)
}

fn target(origin: &str, path: &str, query: Option<&str>) -> Result<Uri, VaultError> {
    let mut target = format!("{origin}/v1");
    // Some of vaultrs's begin with a tab.
    for segment in path.trim_start().trim_start_matches('/').split('/') {
        if matches!(segment, "." | "..") {
            let why = "a path with `.` or `..` in it means something else to each reader";
            return Err(VaultError::new(Failure::BadRequest, why));
        }
        target.push('/');
        target.extend(utf8_percent_encode(segment, ENCODED));
    }
    target.extend(query.into_iter().flat_map(|query| ["?", query]));
    Uri::try_from(target)
        .map_err(|_| VaultError::new(Failure::BadRequest, "the request cannot be built"))
}

fn secret(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use http::uri::{Authority, PathAndQuery};

    use super::target;

    #[test]
    fn each_segment_of_a_path_stays_what_it_is() {
        let written = |path: &str, query| target("http://v:8200", path, query).expect("a target");
        for (path, query, expected) in [
            ("auth/token/lookup", None, "/v1/auth/token/lookup"),
            ("/sys/health", None, "/v1/sys/health"),
            ("\t/auth/token/renew-self", None, "/v1/auth/token/renew-self"),
            ("kv/metadata/a/", Some("list=true"), "/v1/kv/metadata/a/?list=true"),
            ("sys/policies/acl/a b?c#d%2f", None, "/v1/sys/policies/acl/a%20b%3Fc%23d%252f"),
            ("x/naïve", None, "/v1/x/na%C3%AFve"),
        ] {
            let target = written(path, query);
            assert_eq!(target.path_and_query().map(PathAndQuery::as_str), Some(expected));
            assert_eq!(target.authority().map(Authority::as_str), Some("v:8200"));
        }
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_none() {
        for path in ["..", "kv/data/../sys", "kv/./a"] {
            assert!(target("http://v", path, None).is_err(), "{path}");
        }
    }
}
