//! Header-read and keep-alive timeouts of connections.
//!
//! hyper has one timeout for both, so that it would either close idle connections in a proxy's
//! pool while the proxy reuses them, or allow a client minutes for one request head.
//!
//! Connections only update atomic counters; a background task checks them against the clock every
//! 250 ms.

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::Context,
    time::Duration,
};

use futures_util::task::AtomicWaker;
use http::Version;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The maximum time for a request head to arrive.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time between two requests. Longer than a proxy keeps an idle connection (Caddy: 2
/// minutes), so that it is the proxy that closes the connection.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_mins(3);

/// The maximum time without a request in flight once the service shuts down.
const DRAIN_IDLE_TIMEOUT: Duration = Duration::from_millis(500);

/// The interval of the checks, and so the inaccuracy of the timeouts.
const SWEEP_INTERVAL: Duration = Duration::from_millis(250);

/// The activity of one connection, and the signal for it.
pub(in crate::server) struct ConnectionActivity {
    /// Counts the starts and ends of requests and heads. An unchanged count means no activity.
    activity_count: AtomicU64,
    /// True if a request head is expected or is arriving.
    reading_head: AtomicBool,
    /// Number of requests in flight.
    in_flight: AtomicU32,
    /// True for an HTTP/2 connection, whose peer also sends frames between requests.
    http2: AtomicBool,
    /// True if the connection has to close after the requests in flight.
    draining: AtomicBool,
    /// True if the connection has to close at once.
    aborted: AtomicBool,
    waker: AtomicWaker,
}

/// The signal for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum ConnectionSignal {
    /// Keep serving requests.
    Continue,
    /// Serve the requests in flight, then close.
    Drain,
    /// Close at once.
    Abort,
}

/// A guard of a request in flight, dropped with its response or when its client has disconnected.
pub(in crate::server) struct InFlightGuard(Arc<ConnectionActivity>);

impl ConnectionActivity {
    /// Records that a whole request head has arrived.
    pub(in crate::server) fn request_started(self: &Arc<Self>, version: Version) -> InFlightGuard {
        self.in_flight.fetch_add(1, Relaxed);
        self.reading_head.store(false, Relaxed);
        if version == Version::HTTP_2 {
            self.http2.store(true, Relaxed);
        }
        InFlightGuard(Arc::clone(self))
    }

    /// Records that all requests read so far have a response. If a further head has begun to
    /// arrive, [`ConnectionActivity::on_read`] has to be called next.
    pub(in crate::server) fn response_written(&self) {
        self.reading_head.store(false, Relaxed);
        self.touch();
    }

    /// Returns true if the connection has to close after the requests in flight.
    pub(in crate::server) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Returns true if a request has arrived over HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.http2.load(Relaxed)
    }

    /// Returns the signal for the connection, and wakes the calling task when it changes.
    pub(in crate::server) fn poll_signal(&self, cx: &Context<'_>) -> ConnectionSignal {
        self.waker.register(cx.waker());
        if self.aborted.load(Relaxed) {
            ConnectionSignal::Abort
        } else if self.draining.load(Relaxed) {
            ConnectionSignal::Drain
        } else {
            ConnectionSignal::Continue
        }
    }

    /// Records that a part of a request, or an HTTP/2 frame, was read.
    pub(in crate::server) fn on_read(&self) {
        let is_between = self.in_flight.load(Relaxed) == 0 && !self.http2.load(Relaxed);
        if is_between && !self.reading_head.load(Relaxed) {
            self.reading_head.store(true, Relaxed);
            self.touch();
        }
    }

    /// Records that bytes were written, so that during shutdown a client that reads its response
    /// slowly is not cut off. Before the shutdown it is no sign of activity, because of HTTP/2's
    /// PING frames.
    pub(super) fn on_write(&self) {
        if self.draining.load(Relaxed) {
            self.touch();
        }
    }

    /// Changes the activity count. A plain load and store, cheaper than an atomic addition, is
    /// enough: in a race one increment may be lost, but the count still changes.
    fn touch(&self) {
        self.activity_count.store(self.activity_count.load(Relaxed).wrapping_add(1), Relaxed);
    }
}

impl InFlightGuard {
    /// Returns true if the response has to have `Connection: close`, which HTTP/2 does not use.
    pub(super) fn needs_connection_close(&self) -> bool {
        self.0.is_draining() && !self.0.is_http2()
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.touch();
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// All open connections of a listener group, with their last observed activity.
#[derive(Clone, Default)]
pub(in crate::server) struct ConnectionReaper(Arc<Mutex<Vec<TrackedConnection>>>);

struct TrackedConnection {
    activity: Weak<ConnectionActivity>,
    activity_count: u64,
    /// The time of the last observed activity.
    idle_since: Instant,
}

impl ConnectionReaper {
    /// Registers a new connection, which is expected to send a request head.
    pub(in crate::server) fn register(&self) -> Arc<ConnectionActivity> {
        let activity = Arc::new(ConnectionActivity {
            activity_count: AtomicU64::new(0),
            reading_head: AtomicBool::new(true),
            in_flight: AtomicU32::new(0),
            http2: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let tracked = TrackedConnection {
            activity: Arc::downgrade(&activity),
            activity_count: 0,
            idle_since: Instant::now(),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(tracked);
        activity
    }

    /// Aborts connections that are idle for too long; after `shutdown`, drains all of them.
    /// Returns once none is left.
    pub(in crate::server) async fn run(
        self,
        connections: TaskTracker,
        shutdown: CancellationToken,
    ) {
        while !(shutdown.is_cancelled() && connections.is_empty()) {
            self.sweep(Instant::now(), &shutdown);
            if shutdown.is_cancelled() {
                sleep(SWEEP_INTERVAL).await;
            } else {
                // Sweep on every tick, and at once on shutdown.
                let _ = timeout(SWEEP_INTERVAL, shutdown.cancelled()).await;
            }
        }
    }

    fn sweep(&self, now: Instant, shutdown: &CancellationToken) {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain_mut(|tracked| {
            let activity = tracked.activity.upgrade();
            activity.inspect(|activity| tracked.check(activity, now, shutdown)).is_some()
        });
    }
}

impl TrackedConnection {
    fn check(&mut self, activity: &ConnectionActivity, now: Instant, shutdown: &CancellationToken) {
        let activity_count = activity.activity_count.load(Relaxed);
        if activity_count != self.activity_count || activity.in_flight.load(Relaxed) > 0 {
            (self.activity_count, self.idle_since) = (activity_count, now);
        }
        let limit = if shutdown.is_cancelled() {
            if !activity.draining.swap(true, Relaxed) {
                self.idle_since = now;
                activity.waker.wake();
            }
            DRAIN_IDLE_TIMEOUT
        } else if activity.reading_head.load(Relaxed) {
            HEADER_READ_TIMEOUT
        } else {
            KEEP_ALIVE_TIMEOUT
        };
        if now.duration_since(self.idle_since) >= limit {
            activity.aborted.store(true, Relaxed);
            activity.waker.wake();
        }
    }
}
