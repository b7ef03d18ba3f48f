use std::{fs, future::poll_fn, io, task::Poll};

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind, signal};

/// The signals that can be named on the command line and in the log.
const SIGNAL_NAMES: [(&str, Signal); 7] = [
    ("SIGHUP", Signal::HUP),
    ("SIGINT", Signal::INT),
    ("SIGQUIT", Signal::QUIT),
    ("SIGTERM", Signal::TERM),
    ("SIGUSR1", Signal::USR1),
    ("SIGUSR2", Signal::USR2),
    ("SIGWINCH", Signal::WINCH),
];

/// The number that shells add to a signal's to form the exit code of a program that it terminated
/// (POSIX.1-2024, XCU 2.8.2).
pub(crate) const SIGNAL_EXIT_BASE: i32 = 128;

/// A stream of registered signals. Their default actions no longer apply after the registration.
pub(crate) struct SignalStream {
    streams: Vec<(Signal, unix::Signal)>,
}

impl SignalStream {
    /// Registers these signals. SIGHUP is left out if it was ignored when the process started, as
    /// `nohup` does it.
    ///
    /// # Errors
    /// Those of `sigaction(2)`.
    pub(crate) fn register(signals: &[Signal]) -> io::Result<Self> {
        let signals = signals.iter().filter(|one| **one != Signal::HUP || !is_hangup_ignored());
        let streams = signals
            .map(|one| signal(SignalKind::from_raw(one.as_raw())).map(|stream| (*one, stream)));
        Ok(Self { streams: streams.collect::<io::Result<_>>()? })
    }

    /// Returns the next signal. Cancel safe.
    pub(crate) async fn next(&mut self) -> Signal {
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

/// Returns a signal's name, such as `SIGTERM`.
pub(crate) fn signal_name(signal: Signal) -> &'static str {
    SIGNAL_NAMES.iter().find(|(_, known)| *known == signal).map_or("a signal", |(name, _)| name)
}

/// Parses a signal's name, with or without the prefix `SIG`, in any case.
///
/// # Errors
/// Lists the known names.
pub(crate) fn parse_signal(text: &str) -> Result<Signal, String> {
    let upper = text.to_ascii_uppercase();
    let wanted = upper.strip_prefix("SIG").unwrap_or(&upper);
    let known = SIGNAL_NAMES.iter().find(|(name, _)| name.strip_prefix("SIG") == Some(wanted));
    known.map(|(_, signal)| *signal).ok_or_else(|| {
        let names = SIGNAL_NAMES.map(|(name, _)| name).join(", ");
        format!("expected one of {names}")
    })
}

/// Returns true if SIGHUP is ignored. Always false where there is no `/proc`.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (Signal::HUP.as_raw() - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use rustix::process::Signal;

    use super::{parse_signal, signal_name};

    #[test]
    fn signal_names_parse_without_prefix() {
        for text in ["SIGUSR1", "USR1", "usr1", "sigusr1"] {
            assert_eq!(parse_signal(text), Ok(Signal::USR1), "{text}");
        }
        for text in ["", "SIG", "SIGSIGTERM", "15", "SIGKILL", "TERM "] {
            assert!(parse_signal(text).is_err(), "{text}");
        }
        assert_eq!(signal_name(Signal::QUIT), "SIGQUIT");
    }
}
