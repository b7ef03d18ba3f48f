use std::{
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitStatus, Stdio},
};

use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, kill_process_group, test_kill_process_group, wait,
};
use tokio::signal::unix::{self, SignalKind, signal};

/// A process group: a program that was started as its leader, and the descendants that did not
/// leave the group.
pub(super) struct ProcessGroup {
    leader: Pid,
}

impl ProcessGroup {
    /// Starts a program as the leader of a new group, with an empty standard input.
    ///
    /// # Errors
    /// Those of `fork(2)` and `execve(2)`; no process was started then.
    pub(super) fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.stdin(Stdio::null()).process_group(0).spawn()?;
        // `ChildReaper` waits for it.
        Ok(Self { leader: Pid::from_child(&child) })
    }

    /// Sends a signal to the leader only.
    pub(super) fn signal_leader(&self, signal: Signal) {
        // Fails only if the process has ended.
        let _ = kill_process(self.leader, signal);
    }

    /// Sends a signal to every process of the group.
    pub(super) fn signal_all(&self, signal: Signal) {
        let _ = kill_process_group(self.leader, signal);
    }

    /// Returns true if no process of the group is left.
    pub(super) fn is_empty(&self) -> bool {
        test_kill_process_group(self.leader) == Err(rustix::io::Errno::SRCH)
    }
}

/// Reaps this process's children: those that it started and, as PID 1, orphaned processes.
///
/// Requires that nothing else in this process waits for a child: [`std::process`] and
/// [`tokio::process`] would miss the children that this reaps.
pub(super) struct ChildReaper {
    sigchld: unix::Signal,
}

impl ChildReaper {
    /// Registers the handler of SIGCHLD.
    ///
    /// # Errors
    /// Those of `sigaction(2)`.
    pub(super) fn register() -> io::Result<Self> {
        Ok(Self { sigchld: signal(SignalKind::child())? })
    }

    /// Reaps every child that exits, and returns once the leader of this group has; never returns
    /// without a group. Cancel safe.
    pub(super) async fn wait_for(&mut self, group: Option<&ProcessGroup>) -> ExitStatus {
        let awaited = group.map(|group| group.leader);
        loop {
            while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                if Some(pid) == awaited {
                    return ExitStatus::from_raw(status.as_raw());
                }
            }
            self.sigchld.recv().await;
        }
    }
}
