//! Commands as a container's first process, which is sent only those signals that it handles, and
//! which has to wait for orphans.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    Platform,
    place::{Place, STAY, TIMEOUT, can_unshare, through},
    set,
};
use crate::support::{fault::Fault, process::Process, shell::Shell, wait::eventually};

/// Makes a program the first process of a PID namespace. The program ends with `unshare`.
pub(super) const AS_PID_1: [&str; 5] =
    ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// The field of this number, from 3 on, of `/proc/PID/stat`: 3 is the state, 4 the parent.
pub(super) fn stat(pid: u32, field: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(field - 3).map(str::to_owned)
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes.filter(|pid| stat(*pid, 4) == Some(parent.to_string())).collect()
}

/// The first process of the namespace, as it is seen from here.
pub(super) async fn first(launcher: &Process) -> u32 {
    eventually(TIMEOUT, "a child", async || children(launcher.pid()).first().copied()).await
}

/// Sends a signal to a process that is no child of the test.
pub(super) fn send(signal: &str, pid: u32) {
    let kill = format!("kill -s {signal} {pid}");
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().expect("sh").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn pid1_watch_reaps_and_forwards_signals() {
    if !can_unshare(&AS_PID_1[1..]) {
        return;
    }
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    // Three that lose their parent at once, of which one leaves the process group.
    let orphans = "(sh -c 'sleep 0.1; echo orphan >> \"$1\"' sh \"$2\" & \
                   sh -c 'sleep 0.1; echo orphan >> \"$1\"' sh \"$2\" & \
                   setsid sh -c 'sleep 0.1; echo orphan >> \"$1\"' sh \"$2\" &)";
    let ends = format!("{orphans}; exit 0");
    let stays = format!("trap 'echo got TERM >> \"$2\"; exit 7' TERM; {orphans}; {STAY}");
    for (options, script, code) in [(&[][..], &ends, 0), (&["--on-change", "ignore"], &stays, 7)] {
        let place = Place::new();
        let launcher = place.watch_through(&acme, &AS_PID_1, options, script);
        place.marks("orphan\norphan\norphan\n").await;
        let own = first(&launcher).await;
        let reaped = async || {
            let zombies =
                children(own).into_iter().filter(|pid| stat(*pid, 3).as_deref() == Some("Z"));
            (zombies.count() == 0).then_some(())
        };
        eventually(TIMEOUT, "no zombies", reaped).await;
        let alive = children(own).len();
        assert_eq!(alive, options.len() / 2, "only the service is left");
        send("TERM", own);
        assert_eq!(launcher.exited(TIMEOUT).await.code(), Some(code), "{}", launcher.log());
        assert_eq!(place.marked().contains("got TERM"), code == 7);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pid1_signal_ends_commands_during_hang() {
    if !can_unshare(&AS_PID_1[1..]) {
        return;
    }
    let platform = Platform::start().await;
    let away = Shell::new(&platform.fault.addr(), platform.acme.token());
    platform.fault.set(Fault::Hang).await;
    let place = Place::new();
    let file = place.file().display().to_string();
    let run = ["secrets", "run", "acme", "crm", "--", "true"];
    let watch = ["secrets", "render", "acme", "crm", "--watch", "--file", &file];
    let get = ["secrets", "get", "acme", "crm"];
    for (arguments, signal, code) in [
        (&run[..], "TERM", 143),
        (&run, "INT", 130),
        (&get, "TERM", 143),
        (&watch, "TERM", 0),
        (&watch, "INT", 0),
    ] {
        let struck = platform.fault.struck();
        let mut command = through(&AS_PID_1, &away.command(arguments));
        let launcher = Process::spawn("unshare", &mut command);
        let hangs = async || (platform.fault.struck() > struck).then_some(());
        eventually(TIMEOUT, "a request that hangs", hangs).await;
        let asked = Instant::now();
        send(signal, first(&launcher).await);
        assert_eq!(launcher.exited(TIMEOUT).await.code(), Some(code), "{}", launcher.log());
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }
}
