use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header, uri::Authority};
use http_body_util::Empty;
use url::Url;

use crate::{
    diagnostics::finding::Finding,
    probe::{Endpoint, ProbeError, ProbeResponse, TrustRoots},
    token::CallerIdentity,
};

/// The identity headers that the validator sets for applications.
pub(super) const IDENTITY_HEADERS: [&str; 6] = CallerIdentity::HEADERS;

/// A site behind the proxy, and the settings for requests to it.
pub struct Site {
    /// The URL of the proxy.
    pub url: Url,
    /// The value of the `Host` header.
    pub host: Authority,
    /// The authorities that the proxy's certificate is verified with.
    pub trust: TrustRoots,
    /// A path behind the guard.
    pub path: String,
    /// A path at which the application returns the request headers.
    pub echo: Option<String>,
    /// The `Authorization` header of a caller with access.
    pub authorization: Option<HeaderValue>,
}

/// The client that a probe is sent as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Persona {
    /// A client without a token.
    Anonymous,
    /// The caller whose token was given.
    Caller,
}

/// Sends requests to a site.
pub(super) struct ProxyProbe {
    pub(super) site: Site,
    pub(super) endpoint: Endpoint,
}

impl ProxyProbe {
    /// Sends a GET request for this target with these headers.
    pub(super) async fn get(
        &self,
        persona: Persona,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<ProbeResponse, ProbeError> {
        let request = self.request(persona, target, headers);
        let request = request.map_err(|error| ProbeError::Http(error.to_string()))?;
        self.endpoint.connect().await?.send(request).await
    }

    fn request(
        &self,
        persona: Persona,
        target: &str,
        headers: &[(&str, &str)],
    ) -> http::Result<Request<Empty<Bytes>>> {
        let mut request =
            Request::builder().uri(target).header(header::HOST, self.site.host.as_str());
        for (name, value) in headers {
            request = request.header(HeaderName::try_from(*name)?, *value);
        }
        if let (Persona::Caller, Some(authorization)) = (persona, &self.site.authorization) {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(Empty::new())
    }
}

/// Returns the finding for a probe that received no response.
pub(super) fn no_response(check: &'static str, failure: &ProbeError) -> Finding {
    Finding::failed(check, format!("the proxy did not respond: {failure}"), "see the proxy's log")
}
