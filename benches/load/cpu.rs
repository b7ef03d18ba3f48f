//! The CPU time and the memory of processes, from `/proc`.

use std::{fs, process::Command, time::Duration};

/// The core that servers run on.
pub const SERVER_CORE: &str = "0";

/// The core that the load generator runs on.
pub const LOAD_CORE: &str = "1";

/// Both cores.
pub const ALL_CORES: &str = "0,1";

/// The program that pins a process to cores.
pub const TASKSET: &str = "/usr/bin/taskset";

/// Moves a process with all its threads to these cores.
pub fn pin(pid: u32, cores: &str) {
    let mut command = Command::new(TASKSET);
    let output = command.args(["-acp", cores, &pid.to_string()]).output().expect("taskset");
    // Ignores errors: a thread can end while the others are moved.
    drop(output);
}

/// The scheduling priority of a process.
#[derive(Clone, Copy)]
pub enum Priority {
    /// The default priority.
    Default,
    /// Real-time priority. Has no effect without the permission to set it.
    RealTime,
}

/// Sets the priority of a process with all its threads.
pub fn set_priority(pid: u32, priority: Priority) {
    let (policy, level) = match priority {
        Priority::Default => ("--other", "0"),
        Priority::RealTime => ("--rr", "1"),
    };
    let mut command = Command::new("/usr/bin/chrt");
    let output = command.args(["-a", policy, "-p", level, &pid.to_string()]).output();
    // Ignores errors: a thread can end while the others are changed.
    drop(output.expect("chrt"));
}

/// Returns these processes and their children.
pub fn with_children(pids: &[u32]) -> Vec<u32> {
    let mut all = pids.to_vec();
    let processes = fs::read_dir("/proc").expect("/proc");
    let processes = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    for pid in processes {
        let parent = stat(pid).and_then(|fields| fields.get(1)?.parse().ok());
        if parent.is_some_and(|parent: u32| pids.contains(&parent)) {
            all.push(pid);
        }
    }
    all
}

/// Returns the user and system time that these processes have used.
pub fn used(pids: &[u32]) -> Duration {
    pids.iter().map(|&pid| used_by(pid)).sum()
}

/// Returns the CPU time of a process: in nanoseconds from the scheduler's count per thread, or if
/// that is not available, in steps of 10 ms from the count of the process.
fn used_by(pid: u32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    let nanos = |thread: fs::DirEntry| -> Option<u64> {
        let line = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        line.split(' ').next()?.parse().ok()
    };
    let fine: u64 = threads.filter_map(|thread| nanos(thread.ok()?)).sum();
    if fine > 0 {
        return Duration::from_nanos(fine);
    }
    let fields = stat(pid).unwrap_or_default();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// Returns the fields of `stat` after the name: the state, the parent, and so on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = line.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

/// Returns the resident memory of a process, in bytes.
pub fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}
