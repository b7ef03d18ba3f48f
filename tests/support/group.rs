//! A program with all the processes that it starts, none of which outlives its owner.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

/// The leader of the group. Kills the group when the program ends, and when the owner's end of its
/// standard input closes, which also happens if the owner is killed.
const LEADER: &str = r#"{ "$@"; kill -s KILL 0; } & read -r _; kill -s KILL 0"#;

/// The time that killed processes may take to end.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A running process group with a folder of its own, its `HOME` and `TMPDIR`. Dropping it kills
/// every process of the group or with this `TMPDIR`, and then removes the folder.
pub struct Group {
    leader: Child,
    dir: TempDir,
}

impl Group {
    /// Starts a program as a part of a new group, with no other variables than `PATH`, `HOME` and
    /// `TMPDIR`.
    ///
    /// # Panics
    /// If there is no shell.
    pub fn spawn<A: AsRef<OsStr>>(program: &Path, arguments: &[A]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let log = File::create(dir.path().join("log")).expect("a log file");
        let leader = Command::new("/bin/sh")
            .args(["-c", LEADER, "sh"])
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", dir.path())
            .env("TMPDIR", dir.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a second handle on the log"))
            .stderr(log)
            .spawn()
            .expect("a shell");
        Self { leader, dir }
    }

    /// The id of the group.
    pub fn id(&self) -> Pid {
        Pid::from_child(&self.leader)
    }

    /// The folder with the files of the group.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Returns the output of its processes until now.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.dir.path().join("log")).expect("the log");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns false once the program has ended.
    pub fn is_running(&mut self) -> bool {
        self.leader.try_wait().expect("a status").is_none()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The leader is not reaped yet, so no other group can have this id. The call fails only if
        // no process is left.
        let group = self.id();
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.leader.wait();
        let start = Instant::now();
        loop {
            let left = processes_of(group, self.dir.path());
            if left.is_empty() {
                return;
            }
            if start.elapsed() > TIMEOUT {
                assert!(std::thread::panicking(), "killed processes still run: {left:?}");
                return;
            }
            // Chromium's handler of crashes leaves the group.
            for process in left {
                let _ = kill_process(process, Signal::KILL);
            }
            #[expect(clippy::disallowed_methods, reason = "`drop` cannot await")]
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Returns the running processes of a group, and those that have left it but have this `TMPDIR`.
/// Those that have ended are absent even if their parent has not noticed yet.
pub fn processes_of(group: Pid, dir: &Path) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").expect("/proc");
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_one = |id: &i32| is_member(*id, group) == Some(true) || has_tmpdir(*id, dir);
    ids.filter(is_one).filter_map(Pid::from_raw).collect()
}

/// Returns `None` if the process no longer exists. The fields are those of `proc_pid_stat(5)`.
fn is_member(id: i32, group: Pid) -> Option<bool> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let has_ended = matches!(fields.next()?, "Z" | "X");
    let its_group = fields.nth(1)?.parse().ok().and_then(Pid::from_raw);
    Some(!has_ended && its_group == Some(group))
}

fn has_tmpdir(id: i32, dir: &Path) -> bool {
    let variable = [b"TMPDIR=", dir.as_os_str().as_bytes()].concat();
    let variables = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
    variables.split(|byte| *byte == 0).any(|other| other == variable)
}
