use std::{fs::File, io};

use rustix::process::Signal;

/// The signals that a supervisor handles instead of their default action.
pub(super) const HANDLED_SIGNALS: [Signal; 6] =
    [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::USR1, Signal::USR2];

/// The mode that a program is supervised in, which determines the actions on signals.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunMode {
    /// Run the program once.
    Once,
    /// Watch the file, and run the program after each change.
    Watch,
    /// Watch the file while the program runs as a service.
    Service,
}

/// The action on a signal.
pub(super) enum SignalAction {
    /// Stop this process.
    Stop,
    /// Check for changes at once.
    PollNow,
    /// Forward the signal to the program.
    Forward,
}

/// The actions on all signals.
pub(super) struct SignalPolicy {
    pub(super) mode: RunMode,
    has_terminal: bool,
}

impl SignalPolicy {
    /// Creates the policy of this mode.
    pub(super) fn new(mode: RunMode) -> Self {
        Self { mode, has_terminal: open_terminal().is_ok() }
    }

    /// Returns the action on a signal that was received just now.
    pub(super) fn action(&self, signal: Signal) -> SignalAction {
        match (signal, self.mode) {
            (Signal::TERM | Signal::INT | Signal::QUIT, _) | (Signal::HUP, RunMode::Once) => {
                SignalAction::Stop
            }
            // A terminal that is closed sends SIGHUP, too.
            (Signal::HUP, RunMode::Watch) if self.has_terminal && open_terminal().is_err() => {
                SignalAction::Stop
            }
            (Signal::HUP, RunMode::Watch) => SignalAction::PollNow,
            _ => SignalAction::Forward,
        }
    }
}

/// Opens this process's controlling terminal, if it has one.
fn open_terminal() -> io::Result<File> {
    File::open("/dev/tty")
}
