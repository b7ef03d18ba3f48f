//! The listener that the proxy asks: `/validate` and nothing else.
//!
//! Nearly every request is a plain one of a known caller. Those are answered from memory, straight
//! out of the bytes that came in; all others take the long way, with a request that is put together
//! and a decision that may wait for Vault. What is no plain request is left to hyper.

mod clock;
mod conversation;
mod head;
mod wire;

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderValue, Request, Response, header::CONTENT_LENGTH};
use http_body_util::Full;
use hyper::service::service_fn;
use tracing::{Instrument, Span, field::Empty, info_span};

pub(super) use self::conversation::Conversation;
use self::head::Head;
use crate::{
    decision::{Asked, Refusal, Validator},
    fields::Fields,
    forwarded::{Forwarded, Peer, Trust},
    requirement::{KnownRequirements, Requirements},
    server::{
        bind::Listener,
        connection::{Connection, Served, Stream},
        doors::Doors,
        problem::{self, Details},
        request_id::RequestId,
        target,
    },
    telemetry::{Metrics, Traces},
    token::{CacheStatus, Credential, Entry, Sources},
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

/// What is answered to a request.
enum Answer {
    /// This caller comes in. Exactly 200 and an empty body: a body on a 2xx makes proxies drop the
    /// connection.
    Grant(Arc<Entry>, CacheStatus),
    /// Nobody does.
    Other(Response<Bytes>),
}

impl Auth {
    /// Answers at this listener, so many connections at once, as long as the doors are open.
    pub(super) fn open(self: Arc<Self>, doors: &Doors, listener: Listener, limit: usize) {
        doors.open(listener, limit, move |peer| Conversation::new(Arc::clone(&self), peer));
    }

    /// The caller, if it is let in by what is remembered. `None` says nothing: then
    /// [`Auth::respond`] does.
    ///
    /// A query is known here only if it was read before, behind a target in origin-form, so that
    /// the bytes of this one need not be judged again.
    fn grant_from_memory(&self, peer: Peer, head: &Head<'_>) -> Option<Arc<Entry>> {
        let query = match head.target.strip_prefix(PATH)? {
            "" => "",
            rest => rest.strip_prefix('?')?,
        };
        if self.traces != Traces::Off {
            return None;
        }
        // A panic comes again in `respond`, and is counted there.
        let entry = catch_unwind(AssertUnwindSafe(|| {
            let requirements = self.requirements.recall(query)?;
            self.validator.grant_from_memory(&self.asked(peer, head.fields(), &requirements))
        }));
        let entry = entry.ok()??;
        self.metrics.cache(CacheStatus::Hit);
        self.metrics.allowed();
        Some(entry)
    }

    /// The answer to one request. Its body is not read.
    async fn respond<B>(&self, peer: Peer, request: &Request<B>) -> Answer {
        if target::came_in_origin_form(request) && request.uri().path() != PATH {
            return Answer::Other(problem::not_found(request.headers()));
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
            Ok((entry, cache)) => {
                self.metrics.allowed();
                Answer::Grant(entry, cache)
            }
            Err(refusal) => span.in_scope(|| Answer::Other(self.refuse(&refusal, request))),
        }
    }

    async fn decide<B>(
        &self,
        peer: Peer,
        request: &Request<B>,
    ) -> Result<(Arc<Entry>, CacheStatus), Refusal> {
        if !target::came_in_origin_form(request) {
            return Err(Refusal::RequestInvalid(target::REASON.to_owned()));
        }
        let query = request.uri().query().unwrap_or_default();
        let requirements = self.requirements.read(query).map_err(Refusal::RequirementInvalid)?;
        let asked = self.asked(peer, request.headers().into(), &requirements);
        let decision = self.validator.decide(&asked).await;
        let cache = decision.cache.inspect(|status| self.metrics.cache(*status));
        let entry = decision.outcome?;
        Ok((entry, cache.unwrap_or(CacheStatus::Miss)))
    }

    fn asked<'r>(
        &'r self,
        peer: Peer,
        fields: Fields<'r>,
        requirements: &'r Requirements,
    ) -> Asked<'r> {
        Asked {
            credential: Credential::find(fields, &self.credentials),
            requirements,
            forwarded: Forwarded::new(fields, peer, &self.trust),
        }
    }

    fn refuse<B>(&self, refusal: &Refusal, request: &Request<B>) -> Response<Bytes> {
        let terms = refusal.terms();
        self.metrics.refused(&terms);
        Span::current().record("code", terms.code);
        let detail = refusal.detail();
        let details = Details { logged: detail.as_deref(), told: None };
        let id = RequestId::of(request.headers());
        match refusal {
            Refusal::RequirementInvalid(error) => {
                problem::requirement_refused(error, &terms, details, &id)
            }
            _ => problem::refuse(&terms, details, &id),
        }
    }
}

impl From<Answer> for Response<Full<Bytes>> {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Grant(entry, cache) => {
                let mut response = Response::new(Full::default());
                *response.headers_mut() = entry.identity.headers(cache);
                // Over HTTP/2 hyper leaves it out.
                response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
                response
            }
            Answer::Other(response) => response.map(Full::new),
        }
    }
}

/// Leaves this connection to hyper, for good.
fn serve_with_hyper<I: Stream>(
    auth: Arc<Auth>,
    peer: Peer,
    connection: Connection<I>,
) -> BoxFuture<'static, ()> {
    let service = service_fn(move |request| {
        let auth = Arc::clone(&auth);
        async move { Ok::<_, Infallible>(Response::from(auth.respond(peer, &request).await)) }
            .boxed()
    });
    connection.serve(service).boxed()
}

impl Served for Conversation {
    async fn serve<I: Stream>(self, connection: Connection<I>) {
        self.hold(connection).await;
    }
}
