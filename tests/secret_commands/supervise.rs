//! `secrets render --watch`: the program beside it, its signals and its end.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    Platform,
    pid1::{send, stat},
    place::{Place, STAY, TIMEOUT, through},
    set,
};
use crate::support::{fault::Fault, process::Process, shell::Shell, tools, wait::eventually};

/// The time within which a signal ends a command that waits for nothing but Vault.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The time by which a write is late that a signal is to come during.
const LATE: Duration = Duration::from_millis(300);

const SERVICE: [&str; 2] = ["--on-change", "ignore"];

/// A platform on which `crm` says `A=1`.
async fn platform() -> (Platform, Shell, Place) {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    (platform, acme, Place::new())
}

/// A script that marks each of these signals and exits with this code on the one that ends it.
fn marking(signals: &[&str], end: &str) -> String {
    let traps =
        signals.iter().map(|name| format!("trap 'echo got {name} >> \"$2\"; {end}' {name}; "));
    format!("{}echo ready >> \"$2\"; {STAY}", traps.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn first_command_receives_signals() {
    let (_platform, acme, _) = platform().await;
    for signal in ["TERM", "INT", "QUIT"] {
        for (options, code) in [(&[][..], 0), (&SERVICE, 7)] {
            let place = Place::new();
            let watch = place.watch_with(&acme, options, &marking(&[signal], "exit 7"));
            place.marks("ready\n").await;
            watch.signal(signal);
            assert_eq!(watch.exited(TIMEOUT).await.code(), Some(code), "{}", watch.log());
            assert_eq!(place.marked(), format!("ready\ngot {signal}\n"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_ends_single_render() {
    let (_platform, acme, _) = platform().await;
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let place = Place::new();
        let mut arguments = place.arguments(&[], &marking(&[signal], "exit 0"));
        arguments.retain(|argument| argument != "--watch");
        let once = acme.start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        place.marks("ready\n").await;
        once.signal(signal);
        assert_eq!(once.exited(TIMEOUT).await.code(), Some(code), "{}", once.log());
        assert_eq!(place.marked(), format!("ready\ngot {signal}\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_waits_for_process_group() {
    let (_platform, acme, place) = platform().await;
    let grandchild = "trap 'sleep 0.2; echo grandchild ended >> \"$2\"; exit' TERM; \
                      echo grandchild >> \"$2\"";
    let script = format!(
        "trap 'exit 0' TERM; sh -c '{}; {STAY}' sh \"$1\" \"$2\" & {STAY}",
        grandchild.replace('\'', "'\\''")
    );
    for options in [&[][..], &SERVICE] {
        fs::write(place.mark(), "").expect("a file");
        let watch = place.watch_with(&acme, options, &script);
        place.marks("grandchild\n").await;
        assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(0), "{}", watch.log());
        assert_eq!(place.marked(), "grandchild\ngrandchild ended\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn service_exit_ends_its_group() {
    let (_platform, acme, place) = platform().await;
    let script = format!(
        "sh -c 'trap \"echo grandchild ended >> \\\"$2\\\"; exit\" TERM; echo ready >> \"$2\"; {STAY}' \
         sh \"$1\" \"$2\" & until test -s \"$2\"; do sleep 0.02; done; exit 5"
    );
    let watch = place.watch_with(&acme, &SERVICE, &script);
    assert_eq!(watch.exited(TIMEOUT).await.code(), Some(5), "{}", watch.log());
    assert_eq!(place.marked(), "ready\ngrandchild ended\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn second_signal_or_timeout_kills() {
    let (_platform, acme, place) = platform().await;
    let deaf = format!("trap '' TERM; echo ready >> \"$2\"; {STAY}");
    let stopped = format!("echo $$ > \"$2\"; {STAY}");
    let watch =
        place.watch_with(&acme, &[&SERVICE[..], &["--kill-timeout", "300ms"]].concat(), &deaf);
    place.marks("ready\n").await;
    assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(137), "{}", watch.log());

    fs::write(place.mark(), "").expect("a file");
    let watch =
        place.watch_with(&acme, &[&SERVICE[..], &["--kill-timeout", "1h"]].concat(), &stopped);
    place.marks("\n").await;
    let pid = place.marked().trim().parse().expect("a process id");
    send("STOP", pid);
    let is_stopped = async || (stat(pid, 3).as_deref() == Some("T")).then_some(());
    eventually(TIMEOUT, "a stopped process", is_stopped).await;
    assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(143), "{}", watch.log());

    for (options, code) in [(&[][..], 0), (&SERVICE, 137)] {
        fs::write(place.mark(), "").expect("a file");
        let options = [options, &["--kill-timeout", "1h"]].concat();
        let watch = place.watch_with(&acme, &options, &marking(&["TERM"], ":"));
        place.marks("ready\n").await;
        watch.signal("TERM");
        place.marks("got TERM\n").await;
        assert!(watch.exit_status().is_none(), "it waits");
        watch.signal("TERM");
        assert_eq!(watch.exited(TIMEOUT).await.code(), Some(code), "{}", watch.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_signal_is_configurable() {
    let (_platform, acme, place) = platform().await;
    let options = [&SERVICE[..], &["--kill-signal", "SIGQUIT"]].concat();
    let watch = place.watch_with(&acme, &options, &marking(&["TERM", "QUIT"], "exit 7"));
    place.marks("ready\n").await;
    assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(7), "{}", watch.log());
    assert_eq!(place.marked(), "ready\ngot QUIT\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_ends_watch_during_hang() {
    let (platform, _, place) = platform().await;
    let away = Shell::new(&platform.fault.addr(), platform.acme.token());
    let hangs = ["/v1/auth/token/lookup-self", "/v1/secret/data/tenants/acme/crm"];
    for (prefix, (options, code)) in
        hangs.iter().flat_map(|prefix| [(prefix, (&[][..], 0)), (prefix, (&SERVICE[..], 143))])
    {
        platform.fault.set_for(prefix, Fault::Hang).await;
        let struck = platform.fault.struck();
        let watch = place.watch_with(&away, options, "echo started >> \"$2\"");
        let hangs = async || (platform.fault.struck() > struck).then_some(());
        eventually(TIMEOUT, "a request that hangs", hangs).await;
        for ignored in ["HUP", "USR1", "USR2"] {
            watch.signal(ignored);
        }
        let asked = Instant::now();
        assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(code), "{}", watch.log());
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        assert_eq!(place.marked(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_ends_failing_watch() {
    let (platform, _, place) = platform().await;
    let away = Shell::new(&platform.fault.addr(), platform.acme.token());
    for fault in [Fault::Hang, Fault::Reset] {
        platform.fault.set(Fault::Pass).await;
        let watch = place.watch_with(&away, &[], "echo told > \"$2\"");
        place.becomes(&place.mark(), "told\n").await;
        let struck = platform.fault.struck();
        platform.fault.set(fault).await;
        let failed = async || (platform.fault.struck() > struck).then_some(());
        eventually(TIMEOUT, "a look", failed).await;
        let asked = Instant::now();
        assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(0), "{}", watch.log());
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        fs::remove_file(place.mark()).expect("it is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn change_during_command_reruns_it() {
    let (_platform, acme, place) = platform().await;
    let busy = place.folder.path().join("mark.busy");
    fs::write(&busy, "").expect("a file");
    let script = "cat \"$1\" >> \"$2\"; while test -e \"$2.busy\"; do sleep 0.02; done";
    let watch = place.watch_with(&acme, &[], script);
    place.becomes(&place.mark(), "A=1\n").await;
    for value in ["2", "3"] {
        set(&acme, "acme", "crm", &json!({"A": value}));
        place.becomes(&place.file(), &format!("A={value}\n")).await;
    }
    assert_eq!(place.marked(), "A=1\n");
    assert!(watch.log().contains("sh still runs"), "{}", watch.log());
    fs::remove_file(busy).expect("it is there");
    place.becomes(&place.mark(), "A=1\nA=3\n").await;
    assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn change_restarts_exited_service() {
    let (_platform, acme, place) = platform().await;
    let script =
        format!("trap 'sleep 0.2; echo end >> \"$2\"; exit 0' TERM; cat \"$1\" >> \"$2\"; {STAY}");
    let watch = place.watch_with(&acme, &["--on-change", "restart"], &script);
    place.becomes(&place.mark(), "A=1\n").await;
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    place.becomes(&place.mark(), "A=1\nend\nA=2\n").await;
    set(&acme, "acme", "crm", &json!({"A": "3"}));
    place.becomes(&place.mark(), "A=1\nend\nA=2\nend\nA=3\n").await;
    assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(0), "{}", watch.log());
    assert_eq!(place.marked(), "A=1\nend\nA=2\nend\nA=3\nend\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_during_restart_stops_service() {
    let (_platform, acme, place) = platform().await;
    let script = format!(
        "trap 'echo asked >> \"$2\"; until test -e \"$2.go\"; do sleep 0.02; done; exit 9' TERM; \
         cat \"$1\" >> \"$2\"; {STAY}"
    );
    let watch = place.watch_with(&acme, &["--on-change", "restart"], &script);
    place.becomes(&place.mark(), "A=1\n").await;
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    place.becomes(&place.mark(), "A=1\nasked\n").await;
    watch.signal("TERM");
    fs::write(place.folder.path().join("mark.go"), "").expect("a file");
    assert_eq!(watch.exited(TIMEOUT).await.code(), Some(9), "{}", watch.log());
    assert!(!place.marked().contains("A=2"), "{}", place.marked());
}

#[tokio::test(flavor = "multi_thread")]
async fn change_signals_or_ignores_service() {
    let (_platform, acme, place) = platform().await;
    let script = format!("trap 'cat \"$1\" >> \"$2\"' HUP; echo ready >> \"$2\"; {STAY}");
    let watch = place.watch_with(&acme, &["--on-change", "signal=SIGHUP"], &script);
    place.becomes(&place.mark(), "ready\n").await;
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    place.becomes(&place.mark(), "ready\nA=2\n").await;
    assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(143), "{}", watch.log());

    fs::write(place.mark(), "").expect("a file");
    let watch = place.watch_with(&acme, &SERVICE, &marking(&["HUP", "USR1", "USR2"], ":"));
    place.becomes(&place.mark(), "ready\n").await;
    set(&acme, "acme", "crm", &json!({"A": "3"}));
    place.becomes(&place.file(), "A=3\n").await;
    for signal in ["HUP", "USR1", "USR2"] {
        watch.signal(signal);
        place.marks(&format!("got {signal}\n")).await;
    }
    assert_eq!(place.marked(), "ready\ngot HUP\ngot USR1\ngot USR2\n");
    assert!(watch.exit_status().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_exits_with_its_service() {
    let (_platform, acme, place) = platform().await;
    for (script, code) in [("exit 0", 0), ("exit 42", 42), ("kill -KILL $$", 137)] {
        let watch = place.watch_with(&acme, &SERVICE, script);
        assert_eq!(watch.exited(TIMEOUT).await.code(), Some(code), "{script}: {}", watch.log());
    }
    let file = place.file().display().to_string();
    let start = |options: &[&str], program: &[&str]| {
        let render = ["secrets", "render", "acme", "crm", "--file", &file];
        acme.run(&[&render[..], options, &["--"], program].concat())
    };
    for (program, code) in [("no-such-program", 127), ("/etc/passwd", 126)] {
        let ended = start(&["--watch", "--on-change", "restart"], &[program]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains("cannot start"), "{ended:?}");
    }
    start(&["--on-change", "restart"], &["true"]).failed(2, "--on-change needs --watch");
    start(&["--watch", "--on-change", "signal=SIGWHAT"], &["true"]).failed(2, "SIGHUP, SIGINT");
}

#[tokio::test(flavor = "multi_thread")]
async fn hangup_polls_vault_at_once() {
    let (_platform, acme, place) = platform().await;
    let options = ["--interval", "1h"];
    let script = "cat \"$1\" >> \"$2\"";
    let arguments = place.arguments(&options, script);
    let once: Vec<_> = arguments.iter().map(String::as_str).filter(|a| *a != "100ms").collect();
    let at = once.iter().position(|a| *a == "--interval").expect("the first one");
    let watch = acme.start(&[&once[..at], &once[at + 1..]].concat());
    place.becomes(&place.mark(), "A=1\n").await;
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    watch.signal("USR1");
    watch.signal("USR2");
    watch.signal("HUP");
    place.becomes(&place.mark(), "A=1\nA=2\n").await;
    assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(0), "{}", watch.log());
}

/// Starts a program on a terminal of its own, closes that once a file is there, and says how the
/// program ended.
const CLOSE_TERMINAL: &str = r"
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

#[tokio::test(flavor = "multi_thread")]
async fn closed_terminal_ends_watch() {
    let (_platform, acme, place) = platform().await;
    let (python, mark) = (tools::repository(".tools/bin/python"), place.mark());
    let (python, mark) = (python.display().to_string(), mark.display().to_string());
    let launcher = [&python, "-c", CLOSE_TERMINAL, &mark];
    let watch = place.watch_through(&acme, &launcher, &[], &marking(&["HUP"], "exit 0"));
    assert!(watch.exited(TIMEOUT).await.success());
    assert_eq!((watch.log().as_str(), place.marked().as_str()), ("0\n", "ready\ngot HUP\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hangup_ends_commands_unless_nohup() {
    let platform = Platform::start().await;
    let operator = Shell::new(&platform.fault.addr(), platform.bao.root_token());
    let place = Place::new();
    let credentials = place.folder.path().join("credentials").display().to_string();
    let slow = async || {
        platform.fault.set_for("POST /v1/transit/keys/", Fault::Late(LATE)).await;
        platform.fault.struck()
    };
    let begun = async |struck| {
        let begun = async || (platform.fault.struck() > struck).then_some(());
        eventually(TIMEOUT, "a first write", begun).await;
    };
    let create = |tenant| {
        let create = ["tenants", "create", tenant, "--service", "crm", "--credentials"];
        operator.command(&[&create[..], &[&credentials]].concat())
    };
    for (signal, tenant) in [("HUP", "initech"), ("TERM", "umbrella")] {
        let struck = slow().await;
        let process = Process::spawn("tenants create", &mut create(tenant));
        begun(struck).await;
        process.signal(signal);
        assert_eq!(process.exited(TIMEOUT).await.code(), Some(1), "{}", process.log());
        assert!(process.log().contains("not tried"), "{}", process.log());
    }
    let struck = slow().await;
    let ignoring = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"];
    let process = Process::spawn("sh", &mut through(&ignoring, &create("hooli")));
    begun(struck).await;
    process.signal("HUP");
    assert_eq!(process.exited(TIMEOUT).await.code(), Some(0), "{}", process.log());
}
