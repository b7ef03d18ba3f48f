//! The program behind `--`: when it is started, told and ended, and what becomes of signals.

use std::{
    ffi::OsString,
    io::{self, ErrorKind},
    os::unix::process::ExitStatusExt,
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until},
};

use super::{
    on_change::{OnChange, ProgramArgs},
    pauses::Pauses,
    process_group::{Children, ProcessGroup},
    reactions::{HANDLED, Mode, Reaction, Reactions},
};
use crate::cli::{
    complain,
    secrets::run::not_started,
    stop::{ENDED_BY_SIGNAL, Signals},
};

/// The time between two looks at a group whose leader has ended: its others are nobody's children
/// here, so that no signal tells of their end.
const LOOK: Duration = Duration::from_millis(20);

/// The time that the kernel has to end what got SIGKILL.
const AFTER_KILL: Duration = Duration::from_secs(1);

/// How a program's run came to its end.
enum Course {
    Ended(ExitStatus),
    Restart,
    Stop(Signal),
}

/// Handles signals and runs the program.
pub(super) struct Supervisor<'a> {
    command: &'a [OsString],
    program: &'a ProgramArgs,
    reactions: Reactions,
    signals: Signals,
    children: Children,
    /// The signal that this process was asked to end with.
    stop: Option<Signal>,
    /// Whether there was a change that the program does not know of.
    owing: bool,
}

/// The ways between the supervisor and the one who asks Vault.
pub(super) struct Wires<'a> {
    /// Has a new value after each change of the file.
    pub(super) changes: watch::Receiver<()>,
    /// Asks for a look at once.
    pub(super) check: &'a Notify,
}

impl<'a> Supervisor<'a> {
    /// Begins to handle signals.
    ///
    /// # Errors
    /// Those of `sigaction(2)`.
    pub(super) fn new(
        command: &'a [OsString],
        program: &'a ProgramArgs,
        mode: Mode,
    ) -> io::Result<Self> {
        Ok(Self {
            command,
            program,
            reactions: Reactions::new(mode),
            signals: Signals::register(&HANDLED)?,
            children: Children::register()?,
            stop: None,
            owing: true,
        })
    }

    /// Returns once a signal asks this process to end, with the exit code that it ends with.
    pub(super) async fn stopped(&mut self) -> ExitCode {
        loop {
            let signal = tokio::select! {
                signal = self.signals.next() => signal,
                _ = self.children.ended(None) => continue,
            };
            if let Reaction::Stop = self.reactions.to(signal) {
                return match self.reactions.mode {
                    Mode::Watch => ExitCode::SUCCESS,
                    Mode::Once | Mode::Service => exit_code(ENDED_BY_SIGNAL + signal.as_raw()),
                };
            }
        }
    }

    /// Asks for a look at once on SIGHUP, and returns when a signal ends the watch.
    pub(super) async fn watch_alone(mut self, wires: &mut Wires<'_>) -> ExitCode {
        loop {
            if let Some(code) = self.wait_for_change(wires, None).await {
                return code;
            }
        }
    }

    /// Runs the program once.
    ///
    /// # Errors
    /// Says how it failed.
    pub(super) async fn run_once(mut self, wires: &mut Wires<'_>) -> Result<ExitCode, String> {
        let group = self.start().map_err(|error| self.unstarted(&error))?;
        match self.attend(&group, wires).await {
            Course::Stop(signal) => {
                self.end(&group, self.kill_signal(signal), None).await;
                Ok(exit_code(ENDED_BY_SIGNAL + signal.as_raw()))
            }
            Course::Ended(status) if status.success() => Ok(ExitCode::SUCCESS),
            Course::Ended(status) => Err(self.ended_with(status)),
            Course::Restart => Ok(ExitCode::SUCCESS),
        }
    }

    /// Runs the program after each change, and again until it succeeds, until a signal stops it.
    pub(super) async fn run_after_changes(
        mut self,
        wires: &mut Wires<'_>,
        interval: Duration,
    ) -> ExitCode {
        let mut pauses = Pauses::new(interval);
        let mut said = None;
        let mut retry = None;
        loop {
            if !self.owing
                && let Some(code) = self.wait_for_change(wires, retry).await
            {
                return code;
            }
            self.owing = false;
            wires.changes.mark_unchanged();
            let failure = match self.start() {
                Err(error) => Some(self.unstarted(&error)),
                Ok(group) => match self.attend(&group, wires).await {
                    Course::Stop(signal) => {
                        self.end(&group, self.kill_signal(signal), None).await;
                        return ExitCode::SUCCESS;
                    }
                    Course::Ended(status) if !status.success() => Some(self.ended_with(status)),
                    Course::Ended(_) | Course::Restart => None,
                },
            };
            retry = failure.as_ref().map(|_| Instant::now() + pauses.current());
            match &failure {
                None => pauses.succeeded(),
                Some(failure) => {
                    pauses.failed();
                    if said.as_ref() != Some(failure) {
                        complain(format!("{failure}; it is run again until it exits with 0"));
                    }
                }
            }
            said = failure;
        }
    }

    /// Runs the program as a service. Returns its exit code once it has ended for good.
    pub(super) async fn serve(mut self, wires: &mut Wires<'_>) -> ExitCode {
        loop {
            wires.changes.mark_unchanged();
            let group = match self.start() {
                Ok(group) => group,
                Err(error) => {
                    complain(self.unstarted(&error));
                    return exit_code(i32::from(not_started(&error)));
                }
            };
            let status = match self.attend(&group, wires).await {
                Course::Ended(status) => {
                    self.end(&group, self.kill_signal(Signal::TERM), Some(status)).await;
                    return code_of(status);
                }
                Course::Stop(signal) => {
                    let status = self.end(&group, self.kill_signal(signal), None).await;
                    return code_of(status);
                }
                Course::Restart => self.end(&group, self.kill_signal(Signal::TERM), None).await,
            };
            if self.stop.is_some() {
                return code_of(status);
            }
        }
    }

    /// Waits for a change or the time of another try. Returns an exit code if a signal came instead.
    async fn wait_for_change(
        &mut self,
        wires: &mut Wires<'_>,
        retry: Option<Instant>,
    ) -> Option<ExitCode> {
        loop {
            tokio::select! {
                _ = wires.changes.changed() => return None,
                () = until(retry) => return None,
                _ = self.children.ended(None) => {}
                signal = self.signals.next() => match self.reactions.to(signal) {
                    Reaction::Stop => return Some(ExitCode::SUCCESS),
                    Reaction::Check => wires.check.notify_one(),
                    Reaction::HandOn => {}
                },
            }
        }
    }

    /// Stays with a program that runs, until something has to be done about it.
    async fn attend(&mut self, group: &ProcessGroup, wires: &mut Wires<'_>) -> Course {
        loop {
            tokio::select! {
                status = self.children.ended(Some(group)) => return Course::Ended(status),
                Ok(()) = wires.changes.changed() => match self.program.on_change {
                    OnChange::Restart => return Course::Restart,
                    OnChange::Signal(signal) => group.signal_leader(signal),
                    OnChange::Ignore => {}
                    OnChange::Run => {
                        self.owing = true;
                        complain(format!(
                            "{} still runs: it is run again once it has ended. If it is to go on \
                             running, see --on-change",
                            self.command[0].display()
                        ));
                    }
                },
                signal = self.signals.next() => match self.reactions.to(signal) {
                    Reaction::Stop => {
                        self.stop = Some(signal);
                        return Course::Stop(signal);
                    }
                    Reaction::Check => wires.check.notify_one(),
                    Reaction::HandOn => group.signal_leader(signal),
                },
            }
        }
    }

    /// Ends a group: asks with this signal, and with SIGKILL once the time is up, or at once at the
    /// second signal that stops this process. Returns the leader's status, which may be known.
    async fn end(
        &mut self,
        group: &ProcessGroup,
        signal: Signal,
        mut status: Option<ExitStatus>,
    ) -> ExitStatus {
        let ask = |signal| {
            group.signal_all(signal);
            // One that is stopped gets it only then.
            group.signal_all(Signal::CONT);
        };
        let mut killed = false;
        let mut deadline = Instant::now() + self.program.kill_timeout;
        if !group.is_empty() {
            ask(signal);
        }
        while status.is_none() || !group.is_empty() {
            tokio::select! {
                ended = self.children.ended(status.is_none().then_some(group)) => {
                    status = Some(ended);
                }
                () = sleep(LOOK), if status.is_some() => {}
                () = sleep_until(deadline) => {
                    if killed {
                        break;
                    }
                    killed = true;
                    group.signal_all(Signal::KILL);
                    deadline = Instant::now() + AFTER_KILL;
                }
                signal = self.signals.next() => match self.reactions.to(signal) {
                    Reaction::Stop if self.stop.is_some() => {
                        if !killed {
                            deadline = Instant::now();
                        }
                    }
                    Reaction::Stop => {
                        self.stop = Some(signal);
                        ask(self.kill_signal(signal));
                    }
                    Reaction::HandOn if status.is_none() => group.signal_leader(signal),
                    Reaction::HandOn | Reaction::Check => {}
                },
            }
        }
        status.unwrap_or_else(|| ExitStatus::from_raw(Signal::KILL.as_raw()))
    }

    fn start(&self) -> io::Result<ProcessGroup> {
        let (program, arguments) = self.command.split_first().ok_or(ErrorKind::InvalidInput)?;
        ProcessGroup::start(program, arguments)
    }

    fn kill_signal(&self, otherwise: Signal) -> Signal {
        self.program.kill_signal.unwrap_or(otherwise)
    }

    fn unstarted(&self, error: &io::Error) -> String {
        format!("cannot start {}: {error}", self.command[0].display())
    }

    fn ended_with(&self, status: ExitStatus) -> String {
        format!("{}: {status}", self.command[0].display())
    }
}

/// Returns at this time, or never.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Returns a program's exit code, or the one that shells have for the signal that ended it.
fn code_of(status: ExitStatus) -> ExitCode {
    exit_code(status.code().or(status.signal().map(|signal| ENDED_BY_SIGNAL + signal)).unwrap_or(1))
}

fn exit_code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
