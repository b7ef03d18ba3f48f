use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::{
    decision::{Failures, RootTokens, Validator},
    forwarded::{HeaderFamily, Peer, Trust},
    requirement::KnownRequirements,
    server::{
        auth::{Auth, Conversation},
        bind::Listener,
        doors::Doors,
    },
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
            validator: Arc::new(validator),
            requirements: KnownRequirements::default(),
            credentials: Sources::default(),
            trust,
            metrics: Arc::new(Metrics::default()),
            traces: Traces::Off,
        }))
    }

    /// A connection of the proxy.
    #[must_use]
    pub fn connection(&self) -> HitConnection {
        HitConnection(Conversation::new(Arc::clone(&self.0), Peer::Address(PROXY)))
    }

    /// Answers at this listener, for ever.
    pub async fn serve(&self, listener: Listener) {
        let doors = Doors::new(Arc::clone(&self.0.metrics));
        Arc::clone(&self.0).open(&doors, listener, Semaphore::MAX_PERMITS);
        std::future::pending::<()>().await;
    }
}

/// A connection without a socket.
#[doc(hidden)]
pub struct HitConnection(Conversation);

impl HitConnection {
    /// What is answered to these bytes of the proxy's.
    pub async fn answer(&mut self, bytes: &[u8]) -> &[u8] {
        self.0.answer(bytes).await
    }
}
