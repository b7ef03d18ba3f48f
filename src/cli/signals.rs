//! The signals that end a command or the service, and the cleanup before it.

use std::{
    future::pending,
    io, process,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use rustix::process::Signal;
use tokio::sync::Notify;

use crate::child_process::{SIGNAL_EXIT_BASE, SignalStream, signal_name};

/// True once a command handles signals itself.
static HANDLED_BY_COMMAND: AtomicBool = AtomicBool::new(false);

/// True once [`clean_up_on_signal`] ends the process at a signal.
static HANDLED_BY_CLEANUP: AtomicBool = AtomicBool::new(false);

/// Notified when that cleanup starts.
static CLEANUP_STARTED: Notify = Notify::const_new();

/// Returns a future that is ready at the first SIGTERM, SIGINT or SIGHUP, which a closed terminal
/// sends. From the call on, none of them ends the process.
pub(super) fn shutdown_signal() -> impl Future<Output = ()> {
    let signals = SignalStream::register(&[Signal::TERM, Signal::INT, Signal::HUP]);
    if signals.is_ok() {
        set_handled();
    }
    async {
        match signals {
            Ok(mut signals) => _ = signals.next().await,
            Err(_) => pending().await,
        }
    }
}

/// Records that the command handles signals itself, so that nothing else ends the process at one.
pub(super) fn set_handled() {
    HANDLED_BY_COMMAND.store(true, Relaxed);
}

/// Makes SIGTERM and SIGINT end a command that handles no signals also as PID 1, which receives
/// only the signals that it handles (`pid_namespaces(7)`). Must be called in a runtime.
pub(super) fn end_on_signal_as_pid_1() {
    if process::id() != 1 {
        return;
    }
    let Ok(mut signals) = SignalStream::register(&[Signal::TERM, Signal::INT]) else { return };
    tokio::spawn(async move {
        loop {
            let signal = signals.next().await;
            if !HANDLED_BY_COMMAND.load(Relaxed) && !HANDLED_BY_CLEANUP.load(Relaxed) {
                exit_by(signal);
            }
        }
    });
}

/// Ends the process at the first SIGTERM, SIGINT or SIGHUP, once `cleanup` is done, unless the
/// command handles signals itself. Must be called in a runtime. This is a task of its own, since a
/// command may be blocked on terminal input.
pub(super) fn clean_up_on_signal(cleanup: impl Future<Output = ()> + Send + 'static) {
    let signals = SignalStream::register(&[Signal::TERM, Signal::INT, Signal::HUP]);
    let Ok(mut signals) = signals else { return };
    HANDLED_BY_CLEANUP.store(true, Relaxed);
    tokio::spawn(async move {
        let signal = signals.next().await;
        if !HANDLED_BY_COMMAND.load(Relaxed) {
            CLEANUP_STARTED.notify_one();
            cleanup.await;
            exit_by(signal);
        }
    });
}

/// Runs this work, and abandons it when a cleanup starts: it would fail because its token is
/// revoked, and report that. Never returns then.
pub(super) async fn run_until_cleanup<T>(work: impl Future<Output = T>) -> T {
    tokio::select! {
        outcome = work => outcome,
        () = CLEANUP_STARTED.notified() => pending().await,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "like the signal's default action, this must not run destructors"
)]
fn exit_by(signal: Signal) -> ! {
    process::exit(SIGNAL_EXIT_BASE + signal.as_raw())
}

/// Registers the signals of the service, and returns a future that is ready at the first SIGTERM or
/// SIGINT. At SIGHUP it calls `reload`. It logs the signals that other services take for new log files.
///
/// # Errors
/// Those of `sigaction(2)`.
pub(super) fn service_stopped(reload: impl Fn()) -> io::Result<impl Future<Output = ()>> {
    const WANTED: [Signal; 5] =
        [Signal::TERM, Signal::INT, Signal::HUP, Signal::USR1, Signal::USR2];
    let mut signals = SignalStream::register(&WANTED)?;
    set_handled();
    Ok(async move {
        loop {
            match signals.next().await {
                Signal::TERM | Signal::INT => return,
                Signal::HUP => reload(),
                ignored => tracing::warn!(signal = signal_name(ignored), "signal ignored"),
            }
        }
    })
}
