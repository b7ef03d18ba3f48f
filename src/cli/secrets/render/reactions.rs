//! The meanings of signals, which depend on the kind of command.

use std::{fs::File, io};

use rustix::process::Signal;

/// The signals that are handled, and not left to end this process.
pub(super) const HANDLED: [Signal; 6] =
    [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::USR1, Signal::USR2];

/// The kind of command that this one is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It writes the file and runs the program once.
    Once,
    /// It watches, and runs a command after each change.
    Watch,
    /// It watches beside a service.
    Service,
}

/// The meaning of a signal.
pub(super) enum Reaction {
    /// This process is to end.
    Stop,
    /// Vault is to be asked at once.
    Check,
    /// It is for the program.
    HandOn,
}

/// The meanings of all signals.
pub(super) struct Reactions {
    pub(super) mode: Mode,
    has_terminal: bool,
}

impl Reactions {
    /// Those for this kind of command.
    pub(super) fn new(mode: Mode) -> Self {
        Self { mode, has_terminal: terminal().is_ok() }
    }

    /// Returns the meaning of a signal that has just come.
    pub(super) fn to(&self, signal: Signal) -> Reaction {
        match (signal, self.mode) {
            (Signal::TERM | Signal::INT | Signal::QUIT, _) | (Signal::HUP, Mode::Once) => {
                Reaction::Stop
            }
            // A terminal that is closed sends it, too.
            (Signal::HUP, Mode::Watch) if self.has_terminal && terminal().is_err() => {
                Reaction::Stop
            }
            (Signal::HUP, Mode::Watch) => Reaction::Check,
            _ => Reaction::HandOn,
        }
    }
}

/// Opens this process's terminal, if it has one.
fn terminal() -> io::Result<File> {
    File::open("/dev/tty")
}
