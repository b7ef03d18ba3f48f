use std::{net::IpAddr, sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, ORIGIN},
};

use super::policy_trace::{PolicyTrace, RuleTrace};
use crate::{
    auth::{
        AuthCheck, AuthRequest, Authorizer, DecisionExplanation, FailureLimiter, Recency, Refusal,
        RootTokens,
    },
    forwarded::{ForwardedHeaders, ForwardedRequest, McpCall, Peer, TrustedProxies, is_loopback},
    requirements::Requirements,
    resource_uri::ResourceUri,
    token::{
        CacheSettings, Credential, CredentialError, CredentialReader, RequestAudience, TokenCache,
        Unavailable,
    },
    vault::{ExplainReader, Requester, VaultSession, VaultTokenBackend},
};

/// Settings of a cache that serves a single decision.
const SINGLE_USE_CACHE: CacheSettings = CacheSettings {
    ttl: Duration::from_secs(10),
    ttl_with_feed: Duration::from_secs(10),
    negative_ttl: Duration::ZERO,
    stale_grace: Duration::ZERO,
    capacity: 1,
};

/// A request whose decision is to be explained.
pub struct RequestToExplain<'r> {
    /// The credential of the request.
    pub credential: CredentialToExplain<'r>,
    /// The requirements of the route.
    pub requirements: &'r Requirements,
    /// The method.
    pub method: &'r HeaderValue,
    /// The request target.
    pub uri: &'r HeaderValue,
    /// The call of the Model Context Protocol that the request makes.
    pub mcp: Option<McpCall<'r>>,
    /// The address of the client.
    pub client: Option<IpAddr>,
    /// The handling of root tokens.
    pub root_tokens: RootTokens,
}

/// The credential of a request whose decision is to be explained.
#[derive(Clone, Copy)]
pub enum CredentialToExplain<'r> {
    /// A token; empty for a request without a credential.
    Token(&'r str),
    /// A session cookie.
    Session(&'r SessionToExplain),
    /// An OAuth access token for the resource of the requirements.
    AccessToken(&'r AccessTokenToExplain),
}

/// An OAuth access token.
pub struct AccessTokenToExplain {
    /// Reads access tokens.
    pub reader: CredentialReader,
    /// The `Authorization` header.
    pub authorization: HeaderValue,
}

/// A session cookie, and the request of a browser that has it.
pub struct SessionToExplain {
    /// Reads session cookies.
    pub reader: CredentialReader,
    /// The `Cookie` header.
    pub cookie: HeaderValue,
    /// The host that the request is for.
    pub host: HeaderValue,
    /// The origin of the page that makes the request; `None` for the origin of the request itself.
    pub origin: Option<HeaderValue>,
}

/// A decision with its reasons.
pub struct ExplainedDecision {
    /// The decision, check by check.
    pub explanation: DecisionExplanation,
    /// For each check that Vault's policies failed: the rules that decided.
    pub traces: Vec<Option<RuleTrace>>,
}

/// Makes the decision of `/validate` on a request with this session, and explains it. `subject_mount` is the
/// auth mount that people log in at. The service's own token may not read policies, so that only an
/// operator's session finds out which rules decide.
///
/// # Errors
/// The reason why the token lookup failed.
pub async fn explain(
    session: &Arc<VaultSession>,
    requester: Requester,
    subject_mount: String,
    request: &RequestToExplain<'_>,
) -> Result<ExplainedDecision, Unavailable> {
    let authority = VaultTokenBackend::new(Arc::clone(session), requester, subject_mount);
    let validator = Authorizer {
        cache: Arc::new(TokenCache::new(SINGLE_USE_CACHE, Arc::new(authority))),
        root_tokens: request.root_tokens,
        failure_limiter: Arc::new(FailureLimiter::new(None)),
        timeout: Duration::from_mins(1),
    };
    let headers = forwarded_headers(request);
    let trust = TrustedProxies { networks: Vec::new(), headers: ForwardedHeaders::Forwarded };
    let forwarded = ForwardedRequest::new((&headers).into(), Peer::UnixSocket, &trust);
    let credential = match request.credential {
        CredentialToExplain::Token("") => Err(CredentialError::Missing),
        CredentialToExplain::Token(token) => {
            Credential::from_text(token).ok_or(CredentialError::Malformed)
        }
        CredentialToExplain::Session(session) => {
            let authority = || forwarded.authority().ok();
            session.reader.find((&headers).into(), RequestAudience { authority, resource: None })
        }
        CredentialToExplain::AccessToken(access) => {
            let resource = request.requirements.resource.as_ref().map(ResourceUri::as_str);
            access.reader.find((&headers).into(), RequestAudience { authority: || None, resource })
        }
    };
    let asked = AuthRequest {
        credential,
        requirements: request.requirements,
        forwarded,
        recency: Recency::Cached,
    };
    let explanation = validator.explain(&asked).await;
    if let Err(Refusal::Unavailable(unavailable)) = explanation.outcome {
        return Err(unavailable);
    }
    let traces = match requester {
        Requester::Operator => trace_failed_checks(&explanation, session).await,
        Requester::Service => explanation.checks.iter().map(|_| None).collect(),
    };
    Ok(ExplainedDecision { explanation, traces })
}

/// Returns the headers with which a proxy would forward the request.
fn forwarded_headers(request: &RequestToExplain<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-method", request.method.clone());
    headers.insert("x-forwarded-uri", request.uri.clone());
    // The text of an address is always a valid header value.
    let client = request.client.and_then(|client| client.to_string().try_into().ok());
    headers.extend(client.map(|client| (HeaderName::from_static("x-forwarded-for"), client)));
    for (name, value) in request.mcp.iter().flat_map(McpCall::headers) {
        // A method and an encoded name are visible ASCII.
        headers.extend(value.try_into().ok().map(|value| (HeaderName::from_static(name), value)));
    }
    match request.credential {
        CredentialToExplain::Token(_) => {}
        CredentialToExplain::Session(session) => add_browser_headers(&mut headers, session),
        CredentialToExplain::AccessToken(access) => {
            headers.insert(AUTHORIZATION, access.authorization.clone());
        }
    }
    headers
}

/// Adds the headers of a browser, and those with which a proxy says which host it has called.
fn add_browser_headers(headers: &mut HeaderMap, session: &SessionToExplain) {
    headers.insert(COOKIE, session.cookie.clone());
    headers.insert("x-forwarded-host", session.host.clone());
    let is_http = |origin: &HeaderValue| origin.as_bytes().starts_with(b"http://");
    let scheme = match &session.origin {
        Some(origin) if is_http(origin) && is_local(&session.host) => "http",
        _ => "https",
    };
    headers.insert("x-forwarded-proto", HeaderValue::from_static(scheme));
    match &session.origin {
        Some(origin) => headers.insert(ORIGIN, origin.clone()),
        None => headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin")),
    };
}

/// Returns true for a host of this machine, which needs no TLS.
fn is_local(host: &HeaderValue) -> bool {
    let host = host.to_str().unwrap_or_default();
    let end = host.rfind(']').map_or_else(|| host.find(':'), |end| Some(end + 1));
    is_loopback(&host[..end.unwrap_or(host.len())])
}

/// Returns the rules that decided, for each failed check of Vault's policies.
async fn trace_failed_checks(
    explanation: &DecisionExplanation,
    session: &VaultSession,
) -> Vec<Option<RuleTrace>> {
    let denied = |check: &AuthCheck| check.path.clone().filter(|_| check.outcome.is_err());
    let paths: Vec<Option<String>> = explanation.checks.iter().map(denied).collect();
    let trace = match &explanation.entry {
        Some(entry) if paths.iter().any(Option::is_some) => {
            Some(PolicyTrace::load(&entry.identity, &ExplainReader::new(session)).await)
        }
        _ => None,
    };
    let rules = |path: String| trace.as_ref().map(|trace| trace.trace(&path));
    paths.into_iter().map(|path| path.and_then(rules)).collect()
}
