use std::{sync::Arc, time::Instant};

use arc_swap::ArcSwap;
use http::Request;

use crate::{
    forwarded::Peer,
    server::http1::{HandlerResponse, RequestHandler, RequestHead},
    token::TokenEntry,
};

/// A part of the service that a reload of the configuration replaces. A request uses the part that is
/// current when it begins, until its end.
pub(super) struct Replaceable<T>(ArcSwap<T>);

impl<T> Replaceable<T> {
    pub(super) fn new(part: T) -> Self {
        Self(ArcSwap::from_pointee(part))
    }

    /// Returns the current part.
    pub(super) fn current(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Makes this the current part.
    pub(super) fn replace(&self, part: T) {
        self.0.store(Arc::new(part));
    }
}

impl<H: RequestHandler> RequestHandler for Replaceable<H> {
    fn authorize_cached(
        &self,
        peer: Peer,
        head: &RequestHead<'_>,
        received: Instant,
    ) -> Option<Arc<TokenEntry>> {
        // Without a change of the reference count, which all cores would contend for.
        self.0.load().authorize_cached(peer, head, received)
    }

    async fn respond<B: Sync>(&self, peer: Peer, request: &Request<B>) -> HandlerResponse {
        self.current().respond(peer, request).await
    }
}
