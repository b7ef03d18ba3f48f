//! Child processes: the program search, process groups, Unix signals, and a supervisor that runs a
//! program beside a file that changes.

mod group;
mod options;
mod poll_interval;
mod search;
mod signal_action;
mod signals;
mod supervisor;

pub(crate) use options::{OnChange, ProgramOptions};
pub(crate) use poll_interval::PollInterval;
pub(crate) use search::{find_program, spawn_failure_code};
pub(crate) use signal_action::RunMode;
pub(crate) use signals::{SIGNAL_EXIT_BASE, SignalStream, parse_signal, signal_name};
pub(crate) use supervisor::{FileChanges, Supervisor};
