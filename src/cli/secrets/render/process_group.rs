//! A program in a process group of its own, and its end.

use std::{
    ffi::OsString,
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitStatus, Stdio},
};

use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, kill_process_group, test_kill_process_group, wait,
};
use tokio::signal::unix::{self, SignalKind, signal};

use crate::cli::secrets::run::without_credentials;

/// A program that was started, and what it has started in turn, unless that left the group.
pub(super) struct ProcessGroup {
    leader: Pid,
}

impl ProcessGroup {
    /// Starts a program with its arguments. It gets nothing to read, and none of the credentials
    /// that this process has.
    ///
    /// # Errors
    /// Those of `fork(2)` and `execve(2)`; nothing was started then.
    pub(super) fn start(program: &OsString, arguments: &[OsString]) -> io::Result<Self> {
        let mut command = without_credentials(Command::new(program));
        let child = command.args(arguments).stdin(Stdio::null()).process_group(0).spawn()?;
        // `Children` waits for it.
        Ok(Self { leader: Pid::from_child(&child) })
    }

    /// Sends a signal to the program itself.
    pub(super) fn signal_leader(&self, signal: Signal) {
        // It fails only if there is nobody any more.
        let _ = kill_process(self.leader, signal);
    }

    /// Sends a signal to each process of the group.
    pub(super) fn signal_all(&self, signal: Signal) {
        let _ = kill_process_group(self.leader, signal);
    }

    /// Returns true if no process of the group is left.
    pub(super) fn is_empty(&self) -> bool {
        test_kill_process_group(self.leader) == Err(rustix::io::Errno::SRCH)
    }
}

/// This process's children: those that it started, and as PID 1 those whose parents have ended.
///
/// Nothing else in this process may wait for a child: [`std::process`] and [`tokio::process`] would
/// miss those that this reaps.
pub(super) struct Children {
    ended: unix::Signal,
}

impl Children {
    /// Begins to notice their ends.
    ///
    /// # Errors
    /// Those of `sigaction(2)`.
    pub(super) fn register() -> io::Result<Self> {
        Ok(Self { ended: signal(SignalKind::child())? })
    }

    /// Reaps every child that ends, and returns once the leader of this group has; never if there is
    /// none. Cancel safe.
    pub(super) async fn ended(&mut self, group: Option<&ProcessGroup>) -> ExitStatus {
        let awaited = group.map(|group| group.leader);
        loop {
            while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                if Some(pid) == awaited {
                    return ExitStatus::from_raw(status.as_raw());
                }
            }
            self.ended.recv().await;
        }
    }
}
