use std::time::Duration;

use clap::Args;
use rustix::process::Signal;

use crate::{
    child_process::{OnChange, ProgramOptions, parse_signal},
    config::parse_duration,
};

/// The options for the program after `--`.
#[derive(Args, Clone, Copy)]
pub(super) struct ProgramArgs {
    /// With --watch, the action on CMD at each change: run, restart, signal=NAME or ignore.
    ///
    /// `run`: CMD is a short command that runs at the start and after each change, and is retried
    /// until it exits with 0. With the other modes, CMD is a service that is started once the file is
    /// written, and whose exit code becomes this command's: `restart` stops it and starts it again,
    /// `signal=SIGHUP` sends it that signal, and `ignore` leaves it running.
    #[arg(long, value_name = "ACTION", default_value = "run")]
    pub(super) on_change: OnChange,
    /// The signal that stops CMD, instead of SIGTERM or the signal that this command received.
    #[arg(long, value_name = "SIGNAL", value_parser = parse_signal)]
    kill_signal: Option<Signal>,
    /// The time that CMD has to exit, from 0s to 1h. After that, its process group gets SIGKILL.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_timeout)]
    kill_timeout: Duration,
}

impl From<ProgramArgs> for ProgramOptions {
    fn from(ProgramArgs { on_change, kill_signal, kill_timeout }: ProgramArgs) -> Self {
        Self { on_change, kill_signal, kill_timeout }
    }
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    parse_duration(text, Duration::ZERO, Duration::from_hours(1))
}
