use std::{str::FromStr, time::Duration};

use rustix::process::Signal;

use crate::child_process::signals::parse_signal;

/// The options of a supervised program.
#[derive(Clone, Copy)]
pub(crate) struct ProgramOptions {
    /// The action on each change of the file.
    pub(crate) on_change: OnChange,
    /// The signal that stops the program, instead of SIGTERM or the signal that was received.
    pub(crate) kill_signal: Option<Signal>,
    /// The time between that signal and SIGKILL.
    pub(crate) kill_timeout: Duration,
}

/// The action on a change of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnChange {
    /// Run the program, which is a short command.
    Run,
    /// Stop the program, which is a service, and start it again.
    Restart,
    /// Send this signal to the program, which is a service.
    Signal(Signal),
    /// Do nothing: the program is a service that watches the file itself.
    Ignore,
}

impl FromStr for OnChange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("signal=")) {
            ("run", _) => Ok(Self::Run),
            ("restart", _) => Ok(Self::Restart),
            ("ignore", _) => Ok(Self::Ignore),
            (_, Some(name)) => parse_signal(name).map(Self::Signal),
            _ => Err("expected run, restart, signal=NAME or ignore".to_owned()),
        }
    }
}
