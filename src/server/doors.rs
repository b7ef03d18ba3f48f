//! Listeners that open and close together.

use std::{sync::Arc, time::Duration};

use hyper_util::{rt::TokioExecutor, server::conn::auto::Builder};
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    forwarded::Peer,
    server::{
        bind::Listener,
        connection::{Connection, Served, protocols},
        pace::Paces,
    },
    telemetry::Metrics,
};

/// How long to wait when a connection cannot be accepted, for want of file descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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

    /// Answers at this listener, each connection with a server of its own, made for the peer.
    pub(super) fn open<F, S>(&self, listener: Listener, server: F)
    where
        F: Fn(Peer) -> S + Send + 'static,
        S: Served,
    {
        let doors = self.clone();
        self.connections.spawn(async move {
            let closing = doors.closing();
            tokio::select! {
                () = doors.accept(&listener, server) => {}
                () = closing.cancelled() => {}
            }
        });
    }

    async fn accept<F, S>(self, listener: &Listener, server: F)
    where
        F: Fn(Peer) -> S,
        S: Served,
    {
        loop {
            let protocols = Arc::clone(&self.protocols);
            let accepted = match listener {
                Listener::Tcp(listener) => listener.accept().await.map(|(stream, peer)| {
                    // Without it the kernel may hold small answers back; a failure costs only time.
                    let _ = stream.set_nodelay(true);
                    let server = server(Peer::Address(peer.ip()));
                    let connection = Connection::new(stream, self.paces.begin(), protocols);
                    self.connections.spawn(server.serve(connection));
                }),
                Listener::Unix(listener, _) => listener.accept().await.map(|(stream, _)| {
                    let server = server(Peer::Local);
                    let connection = Connection::new(stream, self.paces.begin(), protocols);
                    self.connections.spawn(server.serve(connection));
                }),
            };
            if let Err(error) = accepted {
                self.metrics.accept_error();
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }

    /// Takes no more connections, and waits until the requests under way are answered, but no
    /// longer than this.
    pub(super) async fn close(self, patience: Duration) {
        self.stop.cancel();
        self.connections.close();
        if timeout(patience, self.connections.wait()).await.is_err() {
            tracing::warn!(connections = self.connections.len(), "some requests were not answered");
        }
    }
}
