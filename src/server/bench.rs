//! Entry points of the benchmarks, which measure the code that the service runs.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::{
    auth::{Authorizer, FailureLimiter, RootTokens},
    forwarded::{ForwardedHeaders, Peer, TrustedProxies},
    requirements::RequirementsCache,
    sealed::KeyRing,
    server::{
        http1::Http1Connection,
        listener::{Listener, ListenerGroup},
        listeners::serve_validate,
        replaceable::Replaceable,
        validate::ValidateHandler,
    },
    telemetry::{Metrics, TraceExport},
    token::{CredentialReader, CredentialSources, TokenCache},
};

/// The proxy's address: a loopback address.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The auth listener with a given token cache and the default settings.
pub struct FastPathBench(ValidateHandler);

impl FastPathBench {
    /// Creates a handler that authorizes tokens from this cache, from bearer tokens and, with these keys,
    /// from session cookies.
    #[must_use]
    pub fn new(cache: Arc<TokenCache>, session_keys: Option<Arc<KeyRing>>) -> Self {
        let sources = CredentialSources::default();
        let credentials = match session_keys {
            Some(keys) => CredentialReader::with_keys(sources.with_session(), keys),
            None => CredentialReader::new(sources),
        };
        let validator = Authorizer {
            cache,
            root_tokens: RootTokens::Rejected,
            failure_limiter: Arc::new(FailureLimiter::new(Some(100))),
            timeout: Duration::from_millis(2500),
        };
        let trust =
            TrustedProxies { networks: vec![PROXY.into()], headers: ForwardedHeaders::Forwarded };
        Self(ValidateHandler {
            validator: Arc::new(validator),
            requirements: RequirementsCache::default(),
            credentials,
            login: None,
            resources: None,
            trust,
            metrics: Arc::new(Metrics::default()),
            denials: Arc::default(),
            recent_denials: Arc::default(),
            decision_log: None,
            traces: TraceExport::Off,
        })
    }

    /// Traces requests as `traces` says.
    #[must_use]
    pub fn with_traces(mut self, traces: TraceExport) -> Self {
        self.0.traces = traces;
        self
    }

    /// Creates a connection from the proxy, without a socket.
    #[must_use]
    pub fn connection(self) -> BenchConnection {
        let handler = Arc::new(Replaceable::new(self.0));
        BenchConnection(Http1Connection::new(handler, Peer::Address(PROXY)))
    }

    /// Serves this listener, without end.
    pub async fn serve(self, listener: Listener) {
        let group = ListenerGroup::new(Arc::clone(&self.0.metrics));
        let handler = Arc::new(Replaceable::new(self.0));
        serve_validate(&group, listener, Semaphore::MAX_PERMITS, &handler);
        std::future::pending::<()>().await;
    }
}

/// A connection without a socket.
pub struct BenchConnection(Http1Connection<Replaceable<ValidateHandler>>);

impl BenchConnection {
    /// Returns the responses to the requests in `bytes`.
    pub async fn respond(&mut self, bytes: &[u8]) -> &[u8] {
        self.0.serve_bytes(bytes).await
    }
}
