//! A folder with a rendered file, and a program that marks what it sees.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{process::Process, shell::Shell, wait::eventually};

pub(super) const TIMEOUT: Duration = Duration::from_secs(20);

/// Runs until the folder is gone, so that no program outlives a test that failed.
pub(super) const STAY: &str = "while test -d \"${1%/*}\"; do sleep 0.02; done";

/// A folder for the file.
pub(super) struct Place {
    pub(super) folder: TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary directory") }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("crm.env")
    }

    pub(super) fn mark(&self) -> PathBuf {
        self.folder.path().join("mark")
    }

    /// Returns the marks so far.
    pub(super) fn marked(&self) -> String {
        fs::read_to_string(self.mark()).unwrap_or_default()
    }

    /// The arguments that watch `crm` beside a script, which gets the file and the mark as `$1` and
    /// `$2`.
    pub(super) fn arguments(&self, options: &[&str], script: &str) -> Vec<String> {
        let (file, mark) = (self.file().display().to_string(), self.mark().display().to_string());
        let watch = ["secrets", "render", "acme", "crm", "--watch", "--interval", "100ms"];
        let command = ["--file", &file, "--", "sh", "-c", script, "sh", &file, &mark];
        [&watch, options, &command].concat().into_iter().map(str::to_owned).collect()
    }

    /// Watches `crm` with these options beside a script.
    pub(super) fn watch_with(&self, shell: &Shell, options: &[&str], script: &str) -> Process {
        let arguments = self.arguments(options, script);
        shell.start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The same through another program, such as `unshare`, which gets these arguments first.
    pub(super) fn watch_through(
        &self,
        shell: &Shell,
        launcher: &[&str],
        options: &[&str],
        script: &str,
    ) -> Process {
        let arguments = self.arguments(options, script);
        let own = shell.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        Process::spawn("a launcher", &mut through(launcher, &own))
    }

    /// Waits until this is marked, among others.
    pub(super) async fn marks(&self, words: &str) {
        let what = format!("{words:?} in the mark");
        eventually(TIMEOUT, &what, async || self.marked().contains(words).then_some(())).await;
    }

    /// Waits until the file is this.
    pub(super) async fn becomes(&self, path: &Path, expected: &str) {
        let what = format!("{} to be {expected:?}", path.display());
        eventually(TIMEOUT, &what, async || {
            (fs::read_to_string(path).ok()? == expected).then_some(())
        })
        .await;
    }
}

/// The same command behind another program with its arguments.
pub(super) fn through(launcher: &[&str], own: &Command) -> Command {
    let mut command = Command::new(launcher[0]);
    command.args(&launcher[1..]).arg(own.get_program()).args(own.get_args()).env_clear();
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// Returns true if this process can make namespaces, as root can. Says so if not.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(super) fn can_unshare(options: &[&str]) -> bool {
    let tried = Command::new("unshare").args(options).arg("true").status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        eprintln!("skipped: `unshare {}` needs root", options.join(" "));
    }
    can
}
