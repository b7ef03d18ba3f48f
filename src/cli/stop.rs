//! Signals: those that end a command in order, and those that a service or a watch takes besides.

use std::{
    fs,
    future::{pending, poll_fn},
    io, process,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::Poll,
};

use rustix::process::Signal;
use tokio::{
    signal::unix::{self, SignalKind, signal},
    sync::Notify,
};

/// The signals that have a name here.
const NAMES: [(&str, Signal); 7] = [
    ("SIGHUP", Signal::HUP),
    ("SIGINT", Signal::INT),
    ("SIGQUIT", Signal::QUIT),
    ("SIGTERM", Signal::TERM),
    ("SIGUSR1", Signal::USR1),
    ("SIGUSR2", Signal::USR2),
    ("SIGWINCH", Signal::WINCH),
];

/// The number that is added to a signal's for the exit code of a program that it ended, as shells
/// have it (POSIX.1-2024, XCU 2.8.2).
pub(super) const ENDED_BY_SIGNAL: i32 = 128;

/// True once a command handles signals itself.
static HANDLED: AtomicBool = AtomicBool::new(false);

/// True once something else ends the process at a signal, having cleaned up.
static CLEANED_UP: AtomicBool = AtomicBool::new(false);

/// Notified when that begins.
static ENDING: Notify = Notify::const_new();

/// Registered signals. From its registration on, none of them ends the process.
pub(super) struct Signals {
    streams: Vec<(Signal, unix::Signal)>,
}

impl Signals {
    /// Registers these signals. SIGHUP is left out if it was ignored from the start, as `nohup` has
    /// it.
    ///
    /// # Errors
    /// Those of `sigaction(2)`.
    pub(super) fn register(wanted: &[Signal]) -> io::Result<Self> {
        let signals = Self::register_beside(wanted)?;
        HANDLED.store(true, Relaxed);
        Ok(signals)
    }

    fn register_beside(wanted: &[Signal]) -> io::Result<Self> {
        let wanted = wanted.iter().filter(|wanted| **wanted != Signal::HUP || !ignores_hangup());
        let streams = wanted.map(|wanted| {
            signal(SignalKind::from_raw(wanted.as_raw())).map(|stream| (*wanted, stream))
        });
        Ok(Self { streams: streams.collect::<io::Result<_>>()? })
    }

    /// Returns the next one. Cancel safe.
    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            for (signal, stream) in &mut self.streams {
                if stream.poll_recv(context).is_ready() {
                    return Poll::Ready(*signal);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Returns at the first SIGTERM, SIGINT or SIGHUP, which a terminal sends that is closed. From the
/// call on, none of them ends the process.
pub(super) fn stopped() -> impl Future<Output = ()> {
    let signals = Signals::register(&[Signal::TERM, Signal::INT, Signal::HUP]);
    async {
        match signals {
            Ok(mut signals) => _ = signals.next().await,
            Err(_) => pending().await,
        }
    }
}

/// Lets SIGTERM and SIGINT end a command that handles no signals, also as PID 1: that is sent only
/// what it handles (`pid_namespaces(7)`). To be called in a runtime.
pub(super) fn obey_as_pid_1() {
    if process::id() != 1 {
        return;
    }
    let Ok(mut signals) = Signals::register_beside(&[Signal::TERM, Signal::INT]) else { return };
    tokio::spawn(async move {
        loop {
            let signal = signals.next().await;
            if !HANDLED.load(Relaxed) && !CLEANED_UP.load(Relaxed) {
                exit_by(signal);
            }
        }
    });
}

/// Ends the process at the first SIGTERM, SIGINT or SIGHUP, once `cleanup` is done, unless the
/// command handles signals itself. To be called in a runtime. It is a task of its own, since a
/// command may be waiting for somebody to type.
pub(super) fn clean_up_on_signal(cleanup: impl Future<Output = ()> + Send + 'static) {
    let wanted = [Signal::TERM, Signal::INT, Signal::HUP];
    let Ok(mut signals) = Signals::register_beside(&wanted) else { return };
    CLEANED_UP.store(true, Relaxed);
    tokio::spawn(async move {
        let signal = signals.next().await;
        if !HANDLED.load(Relaxed) {
            ENDING.notify_one();
            cleanup.await;
            exit_by(signal);
        }
    });
}

/// Does some work, and gives it up when a signal ends the process: it would fail for want of what
/// is cleaned up, and say so. Then this never returns.
pub(super) async fn until_ended<T>(work: impl Future<Output = T>) -> T {
    tokio::select! {
        outcome = work => outcome,
        () = ENDING.notified() => pending().await,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it stands for the signal's default action, which runs no destructors"
)]
fn exit_by(signal: Signal) -> ! {
    process::exit(ENDED_BY_SIGNAL + signal.as_raw())
}

/// Runs until the first SIGTERM or SIGINT, and logs the signals that other services take for a
/// reload or for new log files.
pub(super) async fn service_stopped(mut signals: Signals) {
    loop {
        let ignored = signals.next().await;
        if matches!(ignored, Signal::TERM | Signal::INT) {
            return;
        }
        tracing::warn!(
            signal = name(ignored),
            "the signal is ignored: settings are read at the start only; restart to change them"
        );
    }
}

/// Returns a signal's name, such as `SIGTERM`.
pub(super) fn name(signal: Signal) -> &'static str {
    NAMES.iter().find(|(_, known)| *known == signal).map_or("a signal", |(name, _)| name)
}

/// Reads a signal's name, with `SIG` or without.
///
/// # Errors
/// Says which names there are.
pub(super) fn parse(text: &str) -> Result<Signal, String> {
    let upper = text.to_ascii_uppercase();
    let wanted = upper.strip_prefix("SIG").unwrap_or(&upper);
    let known = NAMES.iter().find(|(name, _)| name.strip_prefix("SIG") == Some(wanted));
    known.map(|(_, signal)| *signal).ok_or_else(|| {
        let names = NAMES.map(|(name, _)| name).join(", ");
        format!("it is none of {names}")
    })
}

/// Returns true if SIGHUP is ignored. Always false where there is no `/proc`.
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (Signal::HUP.as_raw() - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use rustix::process::Signal;

    use super::{name, parse};

    #[test]
    fn signals_have_names_with_and_without_their_beginning() {
        for text in ["SIGUSR1", "USR1", "usr1", "sigusr1"] {
            assert_eq!(parse(text), Ok(Signal::USR1), "{text}");
        }
        for text in ["", "SIG", "SIGSIGTERM", "15", "SIGKILL", "TERM "] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(name(Signal::QUIT), "SIGQUIT");
    }
}
