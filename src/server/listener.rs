//! A group of listeners with a shared graceful shutdown.

mod bind;
mod limits;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use hyper_util::{rt::TokioExecutor, server::conn::auto::Builder};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use self::bind::Socket;
pub use self::bind::{BindError, Listener};
pub(super) use self::limits::ConnectionLimits;
use crate::{
    forwarded::Peer,
    server::connection::{Connection, ConnectionHandler, ConnectionReaper, http_builder},
    telemetry::{InProgress, ListenerName, LogLimit, Metrics},
};

/// The pause after `accept(2)` has failed, mostly for want of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// The minimum time between two log lines about the connection limit, and between two about
/// failures of `accept(2)`.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// A group of listeners and their connections.
#[derive(Clone)]
pub(super) struct ListenerGroup {
    shutdown: CancellationToken,
    connections: TaskTracker,
    reaper: ConnectionReaper,
    http_builder: Arc<Builder<TokioExecutor>>,
    metrics: Arc<Metrics>,
}

impl ListenerGroup {
    /// Creates a group without a listener. Must be called on the runtime that serves the
    /// connections.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let (shutdown, connections) = (CancellationToken::new(), TaskTracker::new());
        let reaper = ConnectionReaper::default();
        tokio::spawn(reaper.clone().run(connections.clone(), shutdown.clone()));
        Self { shutdown, connections, reaper, http_builder: Arc::new(http_builder()), metrics }
    }

    /// Returns a token that is cancelled when the shutdown begins.
    pub(super) fn shutdown_token(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Accepts connections on this listener, and serves each with a handler that `new_handler`
    /// creates for its peer. While `limit` connections are open, new ones wait in the kernel's
    /// queue.
    pub(super) fn serve<F, H>(
        &self,
        (name, listener): (ListenerName, Listener),
        limit: usize,
        new_handler: F,
    ) where
        F: Fn(Peer) -> H + Send + Sync + 'static,
        H: ConnectionHandler,
    {
        let group = self.clone();
        self.connections.spawn(async move {
            let permits = Arc::new(Semaphore::new(limit));
            let shutdown = group.shutdown_token();
            let new_handler = |peer| (group.metrics.begin_connection(name), new_handler(peer));
            shutdown.run_until_cancelled(group.accept(&listener, &permits, &new_handler)).await;
            for socket in listener.into_queued() {
                group.spawn_connection(socket, None, &new_handler);
            }
        });
    }

    async fn accept<F, H>(&self, listener: &Listener, permits: &Arc<Semaphore>, new_handler: &F)
    where
        F: Fn(Peer) -> (InProgress, H),
        H: ConnectionHandler,
    {
        let limit_reached = LogLimit::one_line_per(WARNING_INTERVAL);
        let accept_failed = LogLimit::one_line_per(WARNING_INTERVAL);
        let address = listener.address();
        loop {
            if permits.available_permits() == 0 && limit_reached.allows(1) {
                warn!(address, "connection limit reached: raise the limit on open files");
            }
            // Fails only if the semaphore is closed, which never happens.
            let permit = Arc::clone(permits).acquire_owned().await.ok();
            match listener.accept().await {
                Ok(socket) => self.spawn_connection(socket, permit, new_handler),
                Err(error) => {
                    self.metrics.record_accept_error();
                    if accept_failed.allows(1) {
                        warn!(address, %error, "cannot accept a connection");
                    }
                    sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }

    /// Serves a connection in a task of its own, which holds the permit until it ends.
    fn spawn_connection<F, H>(
        &self,
        socket: Socket,
        permit: Option<OwnedSemaphorePermit>,
        new_handler: &F,
    ) where
        F: Fn(Peer) -> (InProgress, H),
        H: ConnectionHandler,
    {
        let (activity, http_builder) = (self.reaper.register(), Arc::clone(&self.http_builder));
        match socket {
            Socket::Tcp(stream, address) => {
                // Otherwise the kernel may delay small responses; an error costs only time.
                let _ = stream.set_nodelay(true);
                let connection = Connection::new(stream, activity, http_builder);
                let (open, handler) = new_handler(Peer::Address(address));
                let served = handler.serve(connection);
                self.connections.spawn(served.map(|()| drop((permit, open))));
            }
            Socket::Unix(stream) => {
                let connection = Connection::new(stream, activity, http_builder);
                let (open, handler) = new_handler(Peer::UnixSocket);
                let served = handler.serve(connection);
                self.connections.spawn(served.map(|()| drop((permit, open))));
            }
        }
    }

    /// Stops accepting, except for connections in the kernel's queue, and waits until the requests
    /// in flight have their responses, for at most `deadline`.
    pub(super) async fn shutdown(self, deadline: Duration) {
        self.shutdown.cancel();
        self.connections.close();
        if timeout(deadline, self.connections.wait()).await.is_err() {
            let connections = self.connections.len();
            warn!(connections, "shutdown deadline exceeded: requests in flight were aborted");
        }
    }
}
