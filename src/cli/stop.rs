use std::{
    io,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// True if the command ends by itself after a signal.
static AWAITED: AtomicBool = AtomicBool::new(false);

/// Returns whether the command sees to signals itself.
pub(super) fn is_awaited() -> bool {
    AWAITED.load(Relaxed)
}

/// Returns the first signal of those that end a process by default, and are sent for that.
pub(super) async fn ended_by() -> SignalKind {
    let wait = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        };
        kind
    };
    tokio::select! {
        kind = wait(SignalKind::terminate()) => kind,
        kind = wait(SignalKind::interrupt()) => kind,
        kind = wait(SignalKind::hangup()) => kind,
    }
}

/// Returns at the first SIGTERM or SIGINT. From then on the command sees to them.
pub(super) async fn stopped() {
    AWAITED.store(true, Relaxed);
    let wait = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = wait(SignalKind::terminate()) => {}
        _ = wait(SignalKind::interrupt()) => {}
    }
}

/// The signals that a service is sent. From its registration on, none of them ends the process.
pub(super) struct ServiceSignals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
}

impl ServiceSignals {
    /// Registers them.
    ///
    /// # Errors
    /// Those of `sigaction(2)`.
    pub(super) fn register() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Returns at the first SIGTERM or SIGINT. Until then it logs the signals that other services
    /// take for a reload or for new log files: their default action is to end the process at once.
    pub(super) async fn stop(mut self) {
        loop {
            let ignored = tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => "SIGHUP",
                _ = self.user1.recv() => "SIGUSR1",
                _ = self.user2.recv() => "SIGUSR2",
            };
            tracing::warn!(
                signal = ignored,
                "the signal is ignored: settings are read at the start only; restart to change them"
            );
        }
    }
}
