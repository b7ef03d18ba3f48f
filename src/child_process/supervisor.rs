use std::{
    ffi::OsString,
    io::{self, ErrorKind},
    os::unix::process::ExitStatusExt,
    process::{Command, ExitCode, ExitStatus},
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until},
};

use crate::child_process::{
    group::{ChildReaper, ProcessGroup},
    options::{OnChange, ProgramOptions},
    poll_interval::PollInterval,
    search::spawn_failure_code,
    signal_action::{HANDLED_SIGNALS, RunMode, SignalAction, SignalPolicy},
    signals::{SIGNAL_EXIT_BASE, SignalStream},
};

/// The poll interval for a group whose leader has exited: the other processes are not children of
/// this one, so that no SIGCHLD reports their end.
const GROUP_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The time that the kernel has to end the processes after SIGKILL.
const KILL_GRACE: Duration = Duration::from_secs(1);

/// The reason why the supervision of a run of the program ended.
enum RunEnd {
    Exited(ExitStatus),
    Restart,
    Stop(Signal),
}

/// Handles signals and runs a program, if there is one.
pub(crate) struct Supervisor {
    command: Option<Command>,
    options: ProgramOptions,
    policy: SignalPolicy,
    signals: SignalStream,
    children: ChildReaper,
    /// Prints an error message.
    print_error: fn(&str),
    /// The signal that stops this process.
    stop_signal: Option<Signal>,
    /// True if the program has not run since the last change.
    is_run_pending: bool,
}

/// The channels between the supervisor and the task that updates the file.
pub(crate) struct FileChanges<'a> {
    /// Receives a value after each change of the file.
    pub(crate) changes: watch::Receiver<()>,
    /// Requests a check for changes at once.
    pub(crate) poll_now: &'a Notify,
}

impl Supervisor {
    /// Registers the signals. `print_error` gets the messages about failures that do not end the
    /// supervision.
    ///
    /// # Errors
    /// Those of `sigaction(2)`.
    pub(crate) fn new(
        command: Option<Command>,
        options: ProgramOptions,
        mode: RunMode,
        print_error: fn(&str),
    ) -> io::Result<Self> {
        Ok(Self {
            command,
            options,
            policy: SignalPolicy::new(mode),
            signals: SignalStream::register(&HANDLED_SIGNALS)?,
            children: ChildReaper::register()?,
            print_error,
            stop_signal: None,
            is_run_pending: true,
        })
    }

    /// Returns true if there is a program to run.
    pub(crate) fn has_program(&self) -> bool {
        self.command.is_some()
    }

    /// Waits until a signal stops this process, and returns the exit code.
    pub(crate) async fn stopped(&mut self) -> ExitCode {
        loop {
            let signal = tokio::select! {
                signal = self.signals.next() => signal,
                _ = self.children.wait_for(None) => continue,
            };
            if let SignalAction::Stop = self.policy.action(signal) {
                return match self.policy.mode {
                    RunMode::Watch => ExitCode::SUCCESS,
                    RunMode::Once | RunMode::Service => signal_exit_code(signal),
                };
            }
        }
    }

    /// Watches without a program: requests a check on SIGHUP, and returns when a signal ends the
    /// watch.
    pub(crate) async fn watch(mut self, file: &mut FileChanges<'_>) -> ExitCode {
        loop {
            if let Some(code) = self.wait_for_change(file, None).await {
                return code;
            }
        }
    }

    /// Runs the program once.
    ///
    /// # Errors
    /// Reports a program that cannot be started or fails.
    pub(crate) async fn run_once(mut self, file: &mut FileChanges<'_>) -> Result<ExitCode, String> {
        let group = self.spawn().map_err(|error| self.spawn_error(&error))?;
        match self.supervise(&group, file).await {
            RunEnd::Stop(signal) => {
                self.terminate(&group, self.kill_signal(signal), None).await;
                Ok(signal_exit_code(signal))
            }
            RunEnd::Exited(status) if status.success() => Ok(ExitCode::SUCCESS),
            RunEnd::Exited(status) => Err(self.exit_error(status)),
            RunEnd::Restart => Ok(ExitCode::SUCCESS),
        }
    }

    /// Runs the program after each change, and retries until it succeeds. Returns when a signal
    /// ends the watch.
    pub(crate) async fn run_on_changes(
        mut self,
        file: &mut FileChanges<'_>,
        interval: Duration,
    ) -> ExitCode {
        let mut poll_interval = PollInterval::new(interval);
        let mut reported = None;
        let mut retry = None;
        loop {
            if !self.is_run_pending
                && let Some(code) = self.wait_for_change(file, retry).await
            {
                return code;
            }
            self.is_run_pending = false;
            file.changes.mark_unchanged();
            let failure = match self.spawn() {
                Err(error) => Some(self.spawn_error(&error)),
                Ok(group) => match self.supervise(&group, file).await {
                    RunEnd::Stop(signal) => {
                        self.terminate(&group, self.kill_signal(signal), None).await;
                        return ExitCode::SUCCESS;
                    }
                    RunEnd::Exited(status) if !status.success() => Some(self.exit_error(status)),
                    RunEnd::Exited(_) | RunEnd::Restart => None,
                },
            };
            retry = failure.as_ref().map(|_| Instant::now() + poll_interval.delay());
            match &failure {
                None => poll_interval.reset(),
                Some(failure) => {
                    poll_interval.increase();
                    if reported.as_ref() != Some(failure) {
                        (self.print_error)(&format!("{failure}; retrying until it exits with 0"));
                    }
                }
            }
            reported = failure;
        }
    }

    /// Runs the program as a service. Returns its exit code once it has ended and is not to be
    /// restarted.
    pub(crate) async fn run_service(mut self, file: &mut FileChanges<'_>) -> ExitCode {
        loop {
            file.changes.mark_unchanged();
            let group = match self.spawn() {
                Ok(group) => group,
                Err(error) => {
                    (self.print_error)(&self.spawn_error(&error));
                    return exit_code(i32::from(spawn_failure_code(&error)));
                }
            };
            let status = match self.supervise(&group, file).await {
                RunEnd::Exited(status) => {
                    self.terminate(&group, self.kill_signal(Signal::TERM), Some(status)).await;
                    return status_exit_code(status);
                }
                RunEnd::Stop(signal) => {
                    let status = self.terminate(&group, self.kill_signal(signal), None).await;
                    return status_exit_code(status);
                }
                RunEnd::Restart => {
                    self.terminate(&group, self.kill_signal(Signal::TERM), None).await
                }
            };
            if self.stop_signal.is_some() {
                return status_exit_code(status);
            }
        }
    }

    /// Waits for a change or the time of a retry. Returns an exit code if a signal stops this
    /// process before.
    async fn wait_for_change(
        &mut self,
        file: &mut FileChanges<'_>,
        retry: Option<Instant>,
    ) -> Option<ExitCode> {
        loop {
            tokio::select! {
                _ = file.changes.changed() => return None,
                () = sleep_until_some(retry) => return None,
                _ = self.children.wait_for(None) => {}
                signal = self.signals.next() => match self.policy.action(signal) {
                    SignalAction::Stop => return Some(ExitCode::SUCCESS),
                    SignalAction::PollNow => file.poll_now.notify_one(),
                    SignalAction::Forward => {}
                },
            }
        }
    }

    /// Supervises a running program until it exits or has to be stopped.
    async fn supervise(&mut self, group: &ProcessGroup, file: &mut FileChanges<'_>) -> RunEnd {
        loop {
            tokio::select! {
                status = self.children.wait_for(Some(group)) => return RunEnd::Exited(status),
                Ok(()) = file.changes.changed() => match self.options.on_change {
                    OnChange::Restart => return RunEnd::Restart,
                    OnChange::Signal(signal) => group.signal_leader(signal),
                    OnChange::Ignore => {}
                    OnChange::Run => {
                        self.is_run_pending = true;
                        (self.print_error)(&format!(
                            "{} still runs: it is run again once it has exited. For a program \
                             that keeps running, see --on-change",
                            self.program().display()
                        ));
                    }
                },
                signal = self.signals.next() => match self.policy.action(signal) {
                    SignalAction::Stop => {
                        self.stop_signal = Some(signal);
                        return RunEnd::Stop(signal);
                    }
                    SignalAction::PollNow => file.poll_now.notify_one(),
                    SignalAction::Forward => group.signal_leader(signal),
                },
            }
        }
    }

    /// Terminates a group with this signal, and with SIGKILL after the timeout, or at once at the
    /// second signal that stops this process. Returns the leader's status, which may be known
    /// already.
    async fn terminate(
        &mut self,
        group: &ProcessGroup,
        signal: Signal,
        mut status: Option<ExitStatus>,
    ) -> ExitStatus {
        let request_exit = |signal| {
            group.signal_all(signal);
            // A stopped process gets the signal only after it was continued.
            group.signal_all(Signal::CONT);
        };
        let mut killed = false;
        let mut deadline = Instant::now() + self.options.kill_timeout;
        if !group.is_empty() {
            request_exit(signal);
        }
        while status.is_none() || !group.is_empty() {
            tokio::select! {
                exited = self.children.wait_for(status.is_none().then_some(group)) => {
                    status = Some(exited);
                }
                () = sleep(GROUP_POLL_INTERVAL), if status.is_some() => {}
                () = sleep_until(deadline) => {
                    if killed {
                        break;
                    }
                    killed = true;
                    group.signal_all(Signal::KILL);
                    deadline = Instant::now() + KILL_GRACE;
                }
                signal = self.signals.next() => match self.policy.action(signal) {
                    SignalAction::Stop if self.stop_signal.is_some() => {
                        if !killed {
                            deadline = Instant::now();
                        }
                    }
                    SignalAction::Stop => {
                        self.stop_signal = Some(signal);
                        request_exit(self.kill_signal(signal));
                    }
                    SignalAction::Forward if status.is_none() => group.signal_leader(signal),
                    SignalAction::Forward | SignalAction::PollNow => {}
                },
            }
        }
        status.unwrap_or_else(|| ExitStatus::from_raw(Signal::KILL.as_raw()))
    }

    fn spawn(&mut self) -> io::Result<ProcessGroup> {
        ProcessGroup::spawn(self.command.as_mut().ok_or(ErrorKind::InvalidInput)?)
    }

    fn program(&self) -> OsString {
        self.command.as_ref().map(Command::get_program).unwrap_or_default().to_owned()
    }

    fn kill_signal(&self, default: Signal) -> Signal {
        self.options.kill_signal.unwrap_or(default)
    }

    fn spawn_error(&self, error: &io::Error) -> String {
        format!("cannot start {}: {error}", self.program().display())
    }

    fn exit_error(&self, status: ExitStatus) -> String {
        format!("{}: {status}", self.program().display())
    }
}

/// Sleeps until this time; never returns without one.
async fn sleep_until_some(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Returns a program's exit code, or the one that shells give for the signal that terminated it.
fn status_exit_code(status: ExitStatus) -> ExitCode {
    let signal_code = || status.signal().map(|signal| SIGNAL_EXIT_BASE + signal);
    exit_code(status.code().or_else(signal_code).unwrap_or(1))
}

fn signal_exit_code(signal: Signal) -> ExitCode {
    exit_code(SIGNAL_EXIT_BASE + signal.as_raw())
}

fn exit_code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
