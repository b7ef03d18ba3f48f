//! Listeners that open and close together.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use hyper_util::{rt::TokioExecutor, server::conn::auto::Builder};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{
    forwarded::Peer,
    server::{
        bind::{Listener, Socket},
        connection::{Connection, Served, protocols},
        log_limit::LogLimit,
        pace::Paces,
    },
    telemetry::Metrics,
};

/// How long to wait when a connection cannot be accepted, for want of file descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often it is logged that new connections have to wait, or cannot be accepted; each.
const WARNING_PAUSE: Duration = Duration::from_secs(10);

/// A group of listeners and their connections.
#[derive(Clone)]
pub(super) struct Doors {
    stop: CancellationToken,
    connections: TaskTracker,
    paces: Paces,
    protocols: Arc<Builder<TokioExecutor>>,
    metrics: Arc<Metrics>,
}

impl Doors {
    /// No listener yet. To be called on the runtime that connections will be served on.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
        let paces = Paces::default();
        tokio::spawn(paces.clone().keep(connections.clone(), stop.clone()));
        Self { stop, connections, paces, protocols: Arc::new(protocols()), metrics }
    }

    /// Cancelled as soon as the doors begin to close.
    pub(super) fn closing(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Answers at this listener, each connection with a server of its own, made for the peer. While
    /// as many connections as the limit are open, new ones wait in the system's queue.
    pub(super) fn open<F, S>(&self, listener: Listener, limit: usize, server: F)
    where
        F: Fn(Peer) -> S + Send + Sync + 'static,
        S: Served,
    {
        let doors = self.clone();
        self.connections.spawn(async move {
            let permits = Arc::new(Semaphore::new(limit));
            let closing = doors.closing();
            closing.run_until_cancelled(doors.accept(&listener, &permits, &server)).await;
            for socket in listener.into_queued() {
                doors.serve(socket, None, &server);
            }
        });
    }

    async fn accept<F, S>(&self, listener: &Listener, permits: &Arc<Semaphore>, server: &F)
    where
        F: Fn(Peer) -> S,
        S: Served,
    {
        let full = LogLimit::new(1, WARNING_PAUSE);
        let failed = LogLimit::new(1, WARNING_PAUSE);
        let address = listener.address();
        loop {
            if permits.available_permits() == 0 {
                full.log(|| warn!(address, "the limit on open files allows no more connections"));
            }
            // It fails only if the semaphore is closed, which it never is.
            let permit = Arc::clone(permits).acquire_owned().await.ok();
            match listener.accept().await {
                Ok(socket) => self.serve(socket, permit, server),
                Err(error) => {
                    self.metrics.accept_error();
                    failed.log(|| warn!(address, %error, "cannot accept a connection"));
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection in a task of its own, which holds the permit until it ends.
    fn serve<F, S>(&self, socket: Socket, permit: Option<OwnedSemaphorePermit>, server: &F)
    where
        F: Fn(Peer) -> S,
        S: Served,
    {
        let (pace, protocols) = (self.paces.begin(), Arc::clone(&self.protocols));
        match socket {
            Socket::Tcp(stream, address) => {
                // Without it the kernel may hold small answers back; a failure costs only time.
                let _ = stream.set_nodelay(true);
                let connection = Connection::new(stream, pace, protocols);
                let answering = server(Peer::Address(address)).serve(connection);
                self.connections.spawn(answering.map(|()| drop(permit)));
            }
            Socket::Unix(stream) => {
                let connection = Connection::new(stream, pace, protocols);
                let answering = server(Peer::Local).serve(connection);
                self.connections.spawn(answering.map(|()| drop(permit)));
            }
        }
    }

    /// Takes no more connections but those that the system has accepted already, and waits until
    /// the requests under way are answered, but no longer than this.
    pub(super) async fn close(self, patience: Duration) {
        self.stop.cancel();
        self.connections.close();
        if timeout(patience, self.connections.wait()).await.is_err() {
            warn!(connections = self.connections.len(), "some requests were not answered");
        }
    }
}
