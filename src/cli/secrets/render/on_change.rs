//! The options that say how the program behind `--` is run.

use std::{str::FromStr, time::Duration};

use clap::Args;
use rustix::process::Signal;

use crate::cli::stop;

/// How the program is run, told of changes, and ended.
#[derive(Args, Clone)]
pub(super) struct ProgramArgs {
    /// With --watch, CMD's part in a change: run, restart, signal=NAME or ignore.
    ///
    /// `run`: CMD is a short command, run after the first time and after each change, and again
    /// until it exits with 0. With the others it is a service that is started once the file is
    /// there, and whose exit code becomes this command's: `restart` ends it and starts it anew,
    /// `signal=SIGHUP` sends it that signal, and `ignore` leaves it alone.
    #[arg(long, value_name = "ACTION", default_value = "run")]
    pub(super) on_change: OnChange,
    /// The signal that asks CMD to end, instead of SIGTERM or the one that this command was sent.
    #[arg(long, value_name = "SIGNAL", value_parser = stop::parse)]
    pub(super) kill_signal: Option<Signal>,
    /// The time that CMD has to end, from 0s to 1h. Then its process group gets SIGKILL.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = kill_timeout)]
    pub(super) kill_timeout: Duration,
}

/// CMD's part in a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnChange {
    /// It is a command that is run after each.
    Run,
    /// It is a service that is ended and started anew.
    Restart,
    /// It is a service that is sent this signal.
    Signal(Signal),
    /// It is a service that looks after the file itself.
    Ignore,
}

impl FromStr for OnChange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("signal=")) {
            ("run", _) => Ok(Self::Run),
            ("restart", _) => Ok(Self::Restart),
            ("ignore", _) => Ok(Self::Ignore),
            (_, Some(name)) => stop::parse(name).map(Self::Signal),
            _ => Err("it is run, restart, signal=NAME or ignore".to_owned()),
        }
    }
}

fn kill_timeout(text: &str) -> Result<Duration, String> {
    let timeout = humantime::parse_duration(text).ok();
    timeout
        .filter(|timeout| *timeout <= Duration::from_hours(1))
        .ok_or_else(|| "it is a duration from 0s to 1h, such as 10s".to_owned())
}
