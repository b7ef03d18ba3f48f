//! A child process that cannot outlive its owner.

use std::{
    fs::{self, File},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tempfile::TempDir;

use super::wait::eventually;

/// A running program, its output kept in a file. Dropping it kills and reaps it.
pub struct Process {
    name: String,
    child: Mutex<Child>,
    dir: TempDir,
}

impl Process {
    /// Starts `command`; `name` is for messages.
    pub fn spawn(name: &str, command: &mut Command) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let log = File::create(dir.path().join("log")).expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle on the log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("starting {name} ({command:?}): {error}"));
        Self { name: name.to_owned(), child: Mutex::new(child), dir }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child().id()
    }

    /// Returns its stdout and stderr until now.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.dir.path().join("log")).expect("the log");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns its exit status, or `None` while it runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.child().try_wait().expect("a status")
    }

    /// Sends a signal by its name without `SIG`. Does nothing once the process has ended.
    pub fn signal(&self, name: &str) {
        let mut child = self.child();
        if child.try_wait().expect("a status").is_some() {
            return;
        }
        // The shell's own `kill`: small systems have no other.
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -s {name} {}", child.id())])
            .status()
            .expect("sh");
        assert!(sent.success(), "sending {name} to {}", self.name);
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// If it still runs at the deadline.
    pub async fn exited(&self, deadline: Duration) -> ExitStatus {
        let what = format!("{} to exit", self.name);
        eventually(deadline, &what, async || self.exit_status()).await
    }

    /// Sends TERM and waits for the exit.
    ///
    /// # Panics
    /// If it still runs at the deadline.
    pub async fn stop_gracefully(&self, deadline: Duration) -> ExitStatus {
        self.signal("TERM");
        self.exited(deadline).await
    }

    /// Kills it, even when it is stopped, and reaps it.
    pub fn kill(&self) {
        self.signal("CONT");
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Not `kill`: a panic while panicking would abort before the rest is dropped.
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}
