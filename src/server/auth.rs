//! The listener that the proxy asks: `/validate` and nothing else.

use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::service::service_fn;
use tracing::{Instrument, Span, field::Empty, info_span};

use crate::{
    decision::{Asked, Refusal, Validator},
    forwarded::{Forwarded, Peer, Trust},
    requirement::KnownRequirements,
    server::{
        bind::Listener,
        doors::Doors,
        problem::{self, Details},
        request_id::RequestId,
        target::is_origin_form,
    },
    telemetry::{Metrics, Traces},
    token::{CacheStatus, Credential, Entry, Sources, X_AUTH_CACHE},
};

const PATH: &str = "/validate";

/// Answers the proxy.
pub(super) struct Auth {
    pub(super) validator: Arc<Validator>,
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
            service_fn(move |request| {
                let auth = Arc::clone(&auth);
                async move { Ok::<_, Infallible>(auth.respond(peer, &request).await) }
            })
        });
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
        let headers = request.headers();
        let span = self
            .traces
            .span(headers, || info_span!("validate", otel.kind = "server", code = Empty));
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
        let query = request.uri().query().unwrap_or_default();
        let requirements = self.requirements.read(query).map_err(Refusal::RequirementInvalid)?;
        let asked = Asked {
            credential: Credential::find(request.headers(), &self.credentials),
            requirements: &requirements,
            forwarded: Forwarded::new(request.headers(), peer, &self.trust),
        };
        let decision = self.validator.decide(&asked).await;
        let cache = decision.cache.inspect(|status| self.metrics.cache(*status));
        let entry = decision.outcome?;
        Ok(Grant { entry, cache: cache.unwrap_or(CacheStatus::Miss) })
    }

    fn refuse<B>(&self, refusal: &Refusal, request: &Request<B>) -> Response<Full<Bytes>> {
        let terms = refusal.terms();
        self.metrics.refused(&terms);
        Span::current().record("code", terms.code);
        let detail = refusal.detail();
        let details = Details { logged: detail.as_deref(), told: None };
        problem::refuse(&terms, details, &RequestId::of(request.headers()))
    }
}

impl Grant {
    /// Exactly 200 and an empty body: a body on a 2xx makes proxies drop the connection.
    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        let headers = response.headers_mut();
        headers.clone_from(self.entry.identity.headers());
        if self.cache != CacheStatus::Hit {
            headers.insert(X_AUTH_CACHE, HeaderValue::from_static(self.cache.as_str()));
        }
        response
    }
}
