use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use crate::{
    decision::{Failures, RootTokens, Validator},
    forwarded::{HeaderFamily, Peer, Trust},
    requirement::KnownRequirements,
    server::{auth::Auth, bind::Listener, doors::Doors},
    telemetry::{Metrics, Traces},
    token::{FactsCache, Sources},
};

/// Where the proxy is: on this machine.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The auth listener's answers from a cache that was filled by other means than Vault, with
/// defaults for all else. For the benchmarks, which so measure the very code that the service runs.
#[doc(hidden)]
pub struct HitPath(Arc<Auth>);

impl HitPath {
    /// Answers from this cache.
    #[must_use]
    pub fn new(cache: Arc<FactsCache>) -> Self {
        let validator = Validator {
            cache,
            root_tokens: RootTokens::Refused,
            failures: Failures::new(Some(100)),
            patience: Duration::from_millis(2500),
        };
        let trust = Trust { proxies: vec![PROXY.into()], family: HeaderFamily::Forwarded };
        Self(Arc::new(Auth {
            validator,
            requirements: KnownRequirements::default(),
            credentials: Sources::default(),
            trust,
            metrics: Arc::new(Metrics::default()),
            traces: Traces::Off,
        }))
    }

    /// The answer to one request of the proxy.
    pub async fn respond<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let peer = Peer::Address(PROXY);
        match self.0.grant_from_memory(peer, request) {
            Some(answer) => answer,
            None => self.0.respond(peer, request).await,
        }
    }

    /// Answers at this listener, for ever.
    pub async fn serve(&self, listener: Listener) {
        let doors = Doors::new(Arc::clone(&self.0.metrics));
        Arc::clone(&self.0).open(&doors, listener);
        std::future::pending::<()>().await;
    }
}
