//! How long a connection may take: a little for the head of a request, longer between requests.
//!
//! hyper has one timeout for both, so either idle connections of a proxy's pool would be cut while
//! it reaches for them, or a client could trickle a head for minutes.
//!
//! A connection only notes what it does, without a look at the clock; whoever keeps the time looks
//! at all of them now and then.

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

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);

/// How long a connection may be idle. Longer than a proxy keeps one for reuse (Caddy: 2 minutes),
/// so that it is the proxy that closes.
const IDLE: Duration = Duration::from_mins(3);

/// Once the service stops, a connection without a request under way is given this long.
const LAST_WORD: Duration = Duration::from_millis(500);

/// How often connections are looked at, and so how much longer than that they may take.
const TICK: Duration = Duration::from_millis(250);

/// What a connection is doing.
pub(super) struct Pace {
    /// Counts what begins and what ends on it, so that it shows when nothing does.
    turns: AtomicU64,
    /// Whether the head of a request is owed or on its way.
    in_head: AtomicBool,
    /// How many requests are being answered.
    answering: AtomicU32,
    /// HTTP/2 peers send frames of their own between requests; those are no heads.
    http2: AtomicBool,
    /// Whether it is to answer what is under way, and close.
    finish: AtomicBool,
    /// Whether it is to close at once.
    leave: AtomicBool,
    connection: AtomicWaker,
}

/// What a connection is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Go on.
    Stay,
    /// Answer what is under way, and close.
    Finish,
    /// Close at once.
    Leave,
}

/// A request that is being answered; dropped when it has been, or when its client is gone.
pub(super) struct Answering(Arc<Pace>);

impl Pace {
    /// The head of a request has come in whole.
    pub(super) fn answer(self: &Arc<Self>, version: Version) -> Answering {
        self.answering.fetch_add(1, Relaxed);
        self.in_head.store(false, Relaxed);
        if version == Version::HTTP_2 {
            self.http2.store(true, Relaxed);
        }
        Answering(Arc::clone(self))
    }

    /// What came in is answered; if another request has begun, that is told next.
    pub(super) fn answered(&self) {
        self.in_head.store(false, Relaxed);
        self.turn();
    }

    /// Whether it is to close once what is under way is answered.
    pub(super) fn is_finishing(&self) -> bool {
        self.finish.load(Relaxed)
    }

    /// Returns whether a request came in over HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.http2.load(Relaxed)
    }

    /// What the connection is to do. The task that asks is woken when that changes.
    pub(super) fn order(&self, cx: &Context<'_>) -> Order {
        self.connection.register(cx.waker());
        if self.leave.load(Relaxed) {
            Order::Leave
        } else if self.finish.load(Relaxed) {
            Order::Finish
        } else {
            Order::Stay
        }
    }

    /// Something of a request, or the frame of an HTTP/2 peer.
    pub(super) fn bytes_came_in(&self) {
        let between = self.answering.load(Relaxed) == 0 && !self.http2.load(Relaxed);
        if between && !self.in_head.load(Relaxed) {
            self.in_head.store(true, Relaxed);
            self.turn();
        }
    }

    /// At the end, whoever still reads an answer is not cut off for reading slowly. Before that it
    /// means nothing: HTTP/2 has frames that ask whether the peer is there.
    pub(super) fn bytes_went_out(&self) {
        if self.finish.load(Relaxed) {
            self.turn();
        }
    }

    /// Not in one step, which would cost more: where two meet, it still shows that there was one.
    fn turn(&self) {
        self.turns.store(self.turns.load(Relaxed).wrapping_add(1), Relaxed);
    }
}

impl Answering {
    /// Returns whether the answer has to say that the connection is closed after it. In HTTP/2 no
    /// answer does.
    pub(super) fn is_last(&self) -> bool {
        self.0.is_finishing() && !self.0.is_http2()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.turn();
        self.0.answering.fetch_sub(1, Relaxed);
    }
}

/// All connections of a group of listeners, each with what was last seen of it.
#[derive(Clone, Default)]
pub(super) struct Paces(Arc<Mutex<Vec<Seen>>>);

struct Seen {
    pace: Weak<Pace>,
    turns: u64,
    /// Since when it has stood still.
    since: Instant,
}

impl Paces {
    /// A connection that has just been opened, and owes the head of a request.
    pub(super) fn begin(&self) -> Arc<Pace> {
        let pace = Arc::new(Pace {
            turns: AtomicU64::new(0),
            in_head: AtomicBool::new(true),
            answering: AtomicU32::new(0),
            http2: AtomicBool::new(false),
            finish: AtomicBool::new(false),
            leave: AtomicBool::new(false),
            connection: AtomicWaker::new(),
        });
        let seen = Seen { pace: Arc::downgrade(&pace), turns: 0, since: Instant::now() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        pace
    }

    /// Tells those that stand still for too long to leave and, after `stop`, all to finish. Ends
    /// when they have.
    pub(super) async fn keep(self, connections: TaskTracker, stop: CancellationToken) {
        while !(stop.is_cancelled() && connections.is_empty()) {
            self.look(Instant::now(), &stop);
            if stop.is_cancelled() {
                sleep(TICK).await;
            } else {
                // In time or not: a look is due.
                let _ = timeout(TICK, stop.cancelled()).await;
            }
        }
    }

    fn look(&self, now: Instant, stop: &CancellationToken) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain_mut(|seen| {
            let pace = seen.pace.upgrade();
            pace.inspect(|pace| seen.look(pace, now, stop)).is_some()
        });
    }
}

impl Seen {
    fn look(&mut self, pace: &Pace, now: Instant, stop: &CancellationToken) {
        let turns = pace.turns.load(Relaxed);
        if turns != self.turns || pace.answering.load(Relaxed) > 0 {
            (self.turns, self.since) = (turns, now);
        }
        let limit = if stop.is_cancelled() {
            if !pace.finish.swap(true, Relaxed) {
                self.since = now;
                pace.connection.wake();
            }
            LAST_WORD
        } else if pace.in_head.load(Relaxed) {
            HEAD
        } else {
            IDLE
        };
        if now.duration_since(self.since) >= limit {
            pace.leave.store(true, Relaxed);
            pace.connection.wake();
        }
    }
}
