//! The handler of the auth listener: `/validate`, and 404 for every other path.
//!
//! A request with a cached token and known requirements is authorized from cached data alone, in
//! [`RequestHandler::authorize_cached`]. Every other request takes [`RequestHandler::respond`],
//! which may wait for Vault.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, header::COOKIE};
use tracing::{Instrument, Span, field::Empty, info_span};

use crate::{
    auth::{AuthRequest, Authorizer, Refusal},
    forwarded::{ForwardedRequest, Peer, TrustedProxies},
    headers::RequestHeaders,
    login::{LOGIN_COOKIE, LoginSite},
    oauth::Resources,
    requirements::{Requirements, RequirementsCache, ResponseCookies, UnauthenticatedNavigation},
    resource_uri::ResourceUri,
    server::{
        http1::{HandlerResponse, Http1Connection, RequestHandler, RequestHead},
        listener::{Listener, ListenerGroup},
        problem::{self, ErrorDetails},
        refused_client::RefusedClient,
        refused_person::RefusedPerson,
        request_id::RequestId,
        target,
    },
    telemetry::{Metrics, TraceExport},
    token::{CacheStatus, CredentialReader, RequestAudience, SESSION_COOKIE, TokenEntry},
};

const PATH: &str = "/validate";

/// The handler of `/validate`.
pub(super) struct ValidateHandler {
    pub(super) validator: Arc<Authorizer>,
    pub(super) requirements: RequirementsCache,
    pub(super) credentials: CredentialReader,
    pub(super) login: Option<Arc<LoginSite>>,
    /// The resources with metadata; `None` without OAuth.
    pub(super) resources: Option<Arc<Resources>>,
    pub(super) trust: TrustedProxies,
    pub(super) metrics: Arc<Metrics>,
    pub(super) traces: TraceExport,
}

impl ValidateHandler {
    /// Serves a listener until its group shuts down, with at most `limit` open connections.
    pub(super) fn serve(self: Arc<Self>, group: &ListenerGroup, listener: Listener, limit: usize) {
        group.serve(listener, limit, move |peer| Http1Connection::new(Arc::clone(&self), peer));
    }

    async fn decide<B>(
        &self,
        peer: Peer,
        request: &Request<B>,
    ) -> Result<(Arc<TokenEntry>, CacheStatus), Refusal> {
        if !target::has_origin_form(request) {
            return Err(Refusal::RequestInvalid(target::REASON.to_owned()));
        }
        let query = request.uri().query().unwrap_or_default();
        let requirements =
            self.requirements.get_or_parse(query).map_err(Refusal::RequirementInvalid)?;
        let auth_request = self.auth_request(peer, request.headers().into(), &requirements);
        let decision = self.validator.authorize(&auth_request).await;
        let cache =
            decision.cache_status.inspect(|status| self.metrics.record_cache_status(*status));
        let entry = decision.outcome?;
        Ok((entry, cache.unwrap_or(CacheStatus::Miss)))
    }

    /// Returns the response to a person whose browser shows it; `None` for other clients.
    fn response_to_person<B>(
        &self,
        refusal: &Refusal,
        peer: Peer,
        request: &Request<B>,
        id: &RequestId,
    ) -> Option<Response<Bytes>> {
        let headers = RequestHeaders::from(request.headers());
        let person = RefusedPerson {
            refusal,
            headers,
            forwarded: ForwardedRequest::new(headers, peer, &self.trust),
            id,
        };
        let is_redirected = || {
            let query = request.uri().query().unwrap_or_default();
            let requirements = self.requirements.get_or_parse(query);
            requirements
                .is_ok_and(|all| all.unauthenticated == UnauthenticatedNavigation::Redirected)
        };
        let site = self.login.as_deref();
        site.filter(|_| is_redirected())
            .and_then(|site| person.login_redirect(site))
            .or_else(|| person.page(site))
    }

    /// Returns the response that allows a request, with its cookies if the route asks for them.
    fn allow<B>(
        &self,
        entry: Arc<TokenEntry>,
        cache: CacheStatus,
        request: &Request<B>,
    ) -> HandlerResponse {
        let query = request.uri().query().unwrap_or_default();
        let requirements = self.requirements.get_or_parse(query);
        if !requirements.is_ok_and(|all| all.cookies == ResponseCookies::WithoutCredentials) {
            return HandlerResponse::Allowed(entry, cache);
        }
        let mut response = Response::new(Bytes::new());
        *response.headers_mut() = entry.identity.headers(cache);
        let names: Vec<_> =
            self.credentials.cookie_names().chain([SESSION_COOKIE, LOGIN_COOKIE]).collect();
        let cookies = RequestHeaders::from(request.headers()).cookies_without(&names);
        let cookies = cookies.and_then(|cookies| HeaderValue::from_bytes(&cookies).ok());
        response.headers_mut().extend(cookies.map(|cookies| (COOKIE, cookies)));
        HandlerResponse::Other(response)
    }

    fn auth_request<'r>(
        &'r self,
        peer: Peer,
        fields: RequestHeaders<'r>,
        requirements: &'r Requirements,
    ) -> AuthRequest<'r> {
        let forwarded = ForwardedRequest::new(fields, peer, &self.trust);
        let audience = RequestAudience {
            authority: || forwarded.authority().ok(),
            resource: requirements.resource.as_ref().map(ResourceUri::as_str),
        };
        let credential = self.credentials.find(fields, audience);
        AuthRequest { credential, requirements, forwarded }
    }

    fn reject<B>(&self, refusal: &Refusal, peer: Peer, request: &Request<B>) -> Response<Bytes> {
        let terms = refusal.problem_spec();
        self.metrics.record_denied(&terms);
        Span::current().record("code", terms.code);
        let detail = refusal.detail();
        let details = ErrorDetails { log_detail: detail.as_deref(), client_detail: None };
        let id = RequestId::of(request.headers());
        let response = match refusal {
            Refusal::RequirementInvalid(error) => {
                problem::log_and_respond_to_requirement(error, &terms, details, &id)
            }
            _ => problem::log_and_respond(&terms, details, &id),
        };
        let page = self.response_to_person(refusal, peer, request, &id);
        let query = request.uri().query().unwrap_or_default();
        let Ok(requirements) = self.requirements.get_or_parse(query) else {
            return page.unwrap_or(response);
        };
        let forwarded = ForwardedRequest::new(request.headers().into(), peer, &self.trust);
        let refused = RefusedClient { refusal, requirements: &requirements, forwarded };
        let response = page.unwrap_or_else(|| refused.complete(response, &id));
        refused.with_metadata(response, self.resources.as_deref())
    }
}

impl RequestHandler for ValidateHandler {
    /// Only query strings that the full parser has read before are known here. They were read from
    /// targets in origin form, so that the bytes of this one need no further check.
    fn authorize_cached(&self, peer: Peer, head: &RequestHead<'_>) -> Option<Arc<TokenEntry>> {
        let query = match head.target.strip_prefix(PATH)? {
            "" => "",
            rest => rest.strip_prefix('?')?,
        };
        if self.traces != TraceExport::Off {
            return None;
        }
        // A panic happens again in `respond`, which counts it.
        let entry = catch_unwind(AssertUnwindSafe(|| {
            let requirements = self.requirements.get(query)?;
            if requirements.cookies != ResponseCookies::Omitted {
                return None;
            }
            let auth_request = self.auth_request(peer, head.fields(), &requirements);
            self.validator.authorize_cached(&auth_request)
        }));
        let entry = entry.ok()??;
        self.metrics.record_cache_status(CacheStatus::Hit);
        self.metrics.record_allowed();
        Some(entry)
    }

    async fn respond<B: Sync>(&self, peer: Peer, request: &Request<B>) -> HandlerResponse {
        if target::has_origin_form(request) && request.uri().path() != PATH {
            return HandlerResponse::Other(problem::not_found(request.headers()));
        }
        let headers = request.headers();
        let span = self
            .traces
            .request_span(headers, || info_span!("validate", otel.kind = "server", code = Empty));
        let decision = AssertUnwindSafe(self.decide(peer, request)).catch_unwind();
        let decision = decision.instrument(span.clone()).await;
        let outcome = decision.unwrap_or_else(|_| {
            self.metrics.record_panic();
            Err(Refusal::Internal)
        });
        match outcome {
            Ok((entry, cache)) => {
                self.metrics.record_allowed();
                self.allow(entry, cache, request)
            }
            Err(refusal) => {
                span.in_scope(|| HandlerResponse::Other(self.reject(&refusal, peer, request)))
            }
        }
    }
}
