//! The handler of the auth listener: `/validate`, and 404 for every other path.
//!
//! A request with a cached token and known requirements is authorized from cached data alone, in
//! [`RequestHandler::authorize_cached`]. Every other request takes [`RequestHandler::respond`],
//! which may wait for Vault.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, StatusCode, header::COOKIE};

use crate::{
    auth::{AuthRequest, Authorizer, Decision, Recency, Refusal},
    forwarded::{ForwardedRequest, Peer, TrustedProxies},
    headers::RequestHeaders,
    login::{LOGIN_COOKIE, LoginSite},
    oauth::Resources,
    requirements::{Requirements, RequirementsCache, ResponseCookies, UnauthenticatedNavigation},
    resource_uri::ResourceUri,
    server::{
        denial_log::DenialLog,
        http1::{HandlerResponse, RequestHandler, RequestHead},
        problem,
        refused_client::RefusedClient,
        refused_person::RefusedPerson,
        request_id::RequestId,
        target,
    },
    telemetry::{
        DecisionLog, DecisionLogUnavailable, DecisionRecord, Limiter, ListenerName, Metrics,
        RecentDenials, RequestTrace, ServedRequest, TraceExport, TracedDecision, TracedRequest,
    },
    token::{
        CacheStatus, CallerIdentity, CredentialReader, RequestAudience, SESSION_COOKIE, TokenEntry,
    },
};

const PATH: &str = "/validate";

/// The header by which a client that has just changed something in Vault asks for a decision that includes
/// the change: Vault's own header of its response to the change. The value does not matter here, since the
/// active node has all changes.
const X_VAULT_INDEX: &str = "x-vault-index";

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
    pub(super) denials: Arc<DenialLog>,
    /// The decision log; `None` without one.
    pub(super) decision_log: Option<Arc<DecisionLog>>,
    pub(super) recent_denials: Arc<RecentDenials>,
    pub(super) traces: TraceExport,
}

impl ValidateHandler {
    async fn decide<B>(&self, peer: Peer, request: &Request<B>) -> Decision {
        if !target::has_origin_form(request) {
            return Decision::denied(Refusal::RequestInvalid(target::REASON.to_owned()));
        }
        let query = request.uri().query().unwrap_or_default();
        let requirements = match self.requirements.get_or_parse(query) {
            Ok(requirements) => requirements,
            Err(error) => return Decision::denied(Refusal::RequirementInvalid(error)),
        };
        let auth_request = self.auth_request(peer, request.headers().into(), &requirements);
        self.validator.authorize(&auth_request).await
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
        let person =
            RefusedPerson { refusal, headers, forwarded: self.forwarded(peer, request), id };
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
        let recency =
            if fields.has_any(&[X_VAULT_INDEX]) { Recency::Current } else { Recency::Cached };
        AuthRequest { credential, requirements, forwarded, recency }
    }

    /// Writes a decision to the decision log, if there is one. If that is not possible and has to be, the
    /// decision is to deny the request for that reason.
    fn logged(
        &self,
        decision: Decision,
        forwarded: &ForwardedRequest<'_>,
        id: &RequestId,
        started: Instant,
    ) -> Decision {
        let Some(log) = &self.decision_log else { return decision };
        let Err(DecisionLogUnavailable) =
            log.record(&record(&decision, forwarded, id, started.elapsed()))
        else {
            return decision;
        };
        let refused = Decision { outcome: Err(Refusal::DecisionLogUnavailable), ..decision };
        log.record_refusal(&record(&refused, forwarded, id, started.elapsed()));
        refused
    }

    /// Returns the response to a denied request.
    fn reject<B>(
        &self,
        refusal: &Refusal,
        peer: Peer,
        request: &Request<B>,
        id: &RequestId,
    ) -> Response<Bytes> {
        let page = self.response_to_person(refusal, peer, request, id);
        let respond = || problem::problem_response(&refusal.problem_spec(), None, id);
        let query = request.uri().query().unwrap_or_default();
        let Ok(requirements) = self.requirements.get_or_parse(query) else {
            return page.unwrap_or_else(respond);
        };
        let forwarded = self.forwarded(peer, request);
        let refused = RefusedClient { refusal, requirements: &requirements, forwarded };
        let response = page.unwrap_or_else(|| refused.complete(respond(), id));
        refused.with_metadata(response, self.resources.as_deref())
    }

    fn forwarded<'r, B>(&'r self, peer: Peer, request: &'r Request<B>) -> ForwardedRequest<'r> {
        ForwardedRequest::new(request.headers().into(), peer, &self.trust)
    }
}

impl RequestHandler for ValidateHandler {
    /// Only query strings that the full parser has read before are known here. They were read from
    /// targets in origin form, so that the bytes of this one need no further check.
    fn authorize_cached(
        &self,
        peer: Peer,
        head: &RequestHead<'_>,
        received: Instant,
    ) -> Option<Arc<TokenEntry>> {
        let query = match head.target.strip_prefix(PATH)? {
            "" => "",
            rest => rest.strip_prefix('?')?,
        };
        // A panic happens again in `respond`, which counts it.
        let entry = catch_unwind(AssertUnwindSafe(|| {
            let requirements = self.requirements.get(query)?;
            if requirements.cookies != ResponseCookies::Omitted {
                return None;
            }
            let auth_request = self.auth_request(peer, head.fields(), &requirements);
            let entry = self.validator.authorize_cached(&auth_request, received)?;
            if let Some(log) = &self.decision_log {
                log_cached(log, &entry, &auth_request, head.fields(), received)?;
            }
            Some(entry)
        }));
        let entry = entry.ok()??;
        self.metrics.record_cached(head.method, received.elapsed());
        let forwarded = ForwardedRequest::new(head.fields(), peer, &self.trust);
        let traced = TracedRequest { method: head.method, route: Some(PATH), forwarded };
        self.traces.record_cached(&traced, received);
        Some(entry)
    }

    async fn respond<B: Sync>(&self, peer: Peer, request: &Request<B>) -> HandlerResponse {
        let started = Instant::now();
        if target::has_origin_form(request) && request.uri().path() != PATH {
            let response = HandlerResponse::Other(problem::not_found(request.headers()));
            let (listener, status) = (ListenerName::Auth, response.status());
            let (method, duration) = (request.method(), started.elapsed());
            let served = ServedRequest { listener, method, route: None, status, duration };
            self.metrics.record_response(&served);
            return response;
        }
        let in_flight = self.metrics.begin_request(ListenerName::Auth);
        let (method, forwarded) = (request.method().as_str(), self.forwarded(peer, request));
        let span = self.traces.start(&TracedRequest { method, route: Some(PATH), forwarded });
        let decision = AssertUnwindSafe(self.decide(peer, request)).catch_unwind();
        let decision = span.run(decision).await.unwrap_or_else(|_| {
            self.metrics.record_panic();
            Decision::denied(Refusal::Internal)
        });
        drop(in_flight);
        if let Some(status) = decision.cache_status {
            self.metrics.record_cache_status(status);
        }
        let id = RequestId::of(request.headers());
        let decision = span.in_scope(|| self.logged(decision, &forwarded, &id, started));
        let traced = TracedDecision::new(&decision);
        let respond = || match &decision.outcome {
            Ok(entry) => {
                self.metrics.record_allowed();
                let cache = decision.cache_status.unwrap_or(CacheStatus::Miss);
                self.allow(Arc::clone(entry), cache, request)
            }
            Err(refusal) => {
                self.metrics.record_denied(&refusal.problem_spec());
                if matches!(refusal, Refusal::TooManyFailures) {
                    self.metrics.record_limited(Limiter::Validate);
                }
                let record = record(&decision, &forwarded, &id, started.elapsed());
                self.denials.log(&record, refusal);
                self.recent_denials.record(&record);
                HandlerResponse::Other(self.reject(refusal, peer, request, &id))
            }
        };
        let response = span.in_scope(|| {
            let response = respond();
            let answer = (request.method(), response.status());
            self.metrics.record_validate(decision.cache_status, answer, started.elapsed());
            response
        });
        span.end_decided(response.status(), traced);
        response
    }
}

/// Writes a request that is allowed from the cache to the decision log; `None` if that is not possible and
/// has to be.
fn log_cached(
    log: &DecisionLog,
    entry: &Arc<TokenEntry>,
    request: &AuthRequest<'_>,
    headers: RequestHeaders<'_>,
    received: Instant,
) -> Option<()> {
    let decision = Decision {
        outcome: Ok(Arc::clone(entry)),
        caller: Some(Arc::clone(entry)),
        cache_status: Some(CacheStatus::Hit),
    };
    let id = RequestId::of(headers);
    log.record_cached(&record(&decision, &request.forwarded, &id, received.elapsed())).ok()
}

/// Returns the id of the trace of a request: of the current one, else of the proxy's, which may be recorded
/// elsewhere.
fn trace_id(forwarded: &ForwardedRequest<'_>) -> Option<String> {
    let parent = || Some(format!("{:032x}", forwarded.trace_parent()?.trace_id()));
    RequestTrace::current().map(|trace| trace.to_string()).or_else(parent)
}

/// Returns the record of a decision.
fn record<'r>(
    decision: &'r Decision,
    forwarded: &ForwardedRequest<'r>,
    id: &'r RequestId,
    duration: Duration,
) -> DecisionRecord<'r> {
    let terms = decision.outcome.as_ref().err().map(Refusal::problem_spec);
    let caller = decision.caller.as_deref();
    let identity = caller.map(|entry| &entry.identity);
    DecisionRecord {
        request_id: id.as_str(),
        result: terms.as_ref().map_or("allow", |terms| terms.severity.result_label()),
        reason: terms.as_ref().map_or("ok", |terms| terms.code),
        status: terms.as_ref().map_or(StatusCode::OK, |terms| terms.status).as_u16(),
        cache: decision.cache_status,
        host: forwarded.authority().ok(),
        method: forwarded.method().ok(),
        path: forwarded.target().and_then(|target| target.path()).ok(),
        client: forwarded.client_address().ok(),
        subject: identity.and_then(CallerIdentity::subject),
        entity_id: identity.and_then(CallerIdentity::entity_id),
        tenant: identity.and_then(CallerIdentity::tenant),
        accessor: caller.map(|entry| &*entry.accessor).filter(|accessor| !accessor.is_empty()),
        trace_id: trace_id(forwarded).map(Into::into),
        duration,
    }
}
