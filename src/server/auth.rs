//! The listener that the proxy asks: `/validate` and nothing else.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{Either, ready},
};
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::{Body, Incoming},
    service::service_fn,
};
use tracing::{Instrument, Span, error, info, warn};

use crate::{
    decision::{Asked, Refusal, Severity, Validator},
    forwarded::{Forwarded, Peer, Trust},
    requirement::{KnownRequirements, RequirementError, Requirements},
    server::{
        bind::Listener, doors::Doors, problem, request_id::RequestId, target::is_origin_form,
    },
    telemetry::{Metrics, Traces},
    token::{CacheStatus, Credential, Entry, Sources},
};

const PATH: &str = "/validate";

/// Answers the proxy.
pub(super) struct Auth {
    pub(super) validator: Validator,
    pub(super) requirements: KnownRequirements,
    pub(super) credentials: Sources,
    pub(super) trust: Trust,
    pub(super) metrics: Arc<Metrics>,
    pub(super) traces: Traces,
}

/// A caller who is let in.
struct Grant {
    entry: Arc<Entry>,
    cache: CacheStatus,
}

impl Auth {
    /// Answers at this listener, as long as the doors are open.
    pub(super) fn open(self: Arc<Self>, doors: &Doors, listener: Listener) {
        doors.open(listener, move |peer| {
            let auth = Arc::clone(&self);
            service_fn(move |request: Request<Incoming>| {
                // Where a body follows, hyper has to see that nobody wants it.
                let whole = request.body().is_end_stream();
                let granted = whole.then(|| auth.grant_from_memory(peer, &request)).flatten();
                if let Some(answer) = granted {
                    return Either::Left(ready(Ok::<_, Infallible>(answer)));
                }
                let auth = Arc::clone(&auth);
                Either::Right(async move { Ok(auth.respond(peer, &request).await) }.boxed())
            })
        });
    }

    /// What nearly every request comes to, without the room and the moves of a future that may
    /// have to wait: the answer to a caller who comes in by what is remembered. `None` for all
    /// others, who are answered by [`Auth::respond`] from the beginning.
    pub(super) fn grant_from_memory<B>(
        &self,
        peer: Peer,
        request: &Request<B>,
    ) -> Option<Response<Full<Bytes>>> {
        if self.traces != Traces::Off || !is_origin_form(request) || request.uri().path() != PATH {
            return None;
        }
        // A panic comes again in `respond`, and is counted there.
        let entry = catch_unwind(AssertUnwindSafe(|| {
            let requirements = self.requirements(request).ok()?;
            self.validator.grant_from_memory(&self.asked(peer, request, &requirements))
        }));
        let entry = entry.ok()??;
        let cache = CacheStatus::Hit;
        self.metrics.cache(cache);
        self.metrics.allowed();
        Some(Grant { entry, cache }.response())
    }

    /// The answer to one request. Its body is not read.
    pub(super) async fn respond<B>(
        &self,
        peer: Peer,
        request: &Request<B>,
    ) -> Response<Full<Bytes>> {
        if is_origin_form(request) && request.uri().path() != PATH {
            return problem::not_found(request.headers());
        }
        let span = self.traces.span(request.headers());
        let decision = AssertUnwindSafe(self.decide(peer, request)).catch_unwind();
        let decision = decision.instrument(span.clone()).await;
        let outcome = decision.unwrap_or_else(|_| {
            self.metrics.panicked();
            Err(Refusal::Internal)
        });
        match outcome {
            Ok(grant) => {
                self.metrics.allowed();
                grant.response()
            }
            Err(refusal) => span.in_scope(|| self.refuse(&refusal, request)),
        }
    }

    async fn decide<B>(&self, peer: Peer, request: &Request<B>) -> Result<Grant, Refusal> {
        if !is_origin_form(request) {
            return Err(Refusal::RequestInvalid("the request target is not a path".to_owned()));
        }
        let requirements = self.requirements(request).map_err(Refusal::RequirementInvalid)?;
        let decision = self.validator.decide(&self.asked(peer, request, &requirements)).await;
        let cache = decision.cache.inspect(|status| self.metrics.cache(*status));
        let entry = decision.outcome?;
        Ok(Grant { entry, cache: cache.unwrap_or(CacheStatus::Miss) })
    }

    fn requirements<B>(&self, request: &Request<B>) -> Result<Arc<Requirements>, RequirementError> {
        self.requirements.read(request.uri().query().unwrap_or_default())
    }

    fn asked<'r, B>(
        &'r self,
        peer: Peer,
        request: &'r Request<B>,
        requirements: &'r Requirements,
    ) -> Asked<'r> {
        Asked {
            credential: Credential::find(request.headers(), &self.credentials),
            requirements,
            forwarded: Forwarded::new(request.headers(), peer, &self.trust),
        }
    }

    fn refuse<B>(&self, refusal: &Refusal, request: &Request<B>) -> Response<Full<Bytes>> {
        let terms = refusal.terms();
        self.metrics.refused(&terms);
        Span::current().record("code", terms.code);
        let request_id = RequestId::of(request.headers());
        let (id, code, detail) = (request_id.as_str(), terms.code, refusal.detail());
        match terms.severity {
            Severity::Client => info!(request_id = id, code, detail, "refused"),
            Severity::Dependency => warn!(request_id = id, code, detail, "refused"),
            Severity::Operator => error!(request_id = id, code, detail, "refused"),
        }
        problem::refusal(&terms, &request_id)
    }
}

impl Grant {
    /// Exactly 200 and an empty body: a body on a 2xx makes proxies drop the connection.
    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        *response.headers_mut() = self.entry.identity.headers(self.cache);
        response
    }
}
