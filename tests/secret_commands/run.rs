//! `secrets run`: the program, its environment, its signals and its end.

use std::{os::unix::process::ExitStatusExt, process::Command, time::Duration};

use serde_json::json;

use super::{Platform, set};
use crate::support::{
    shell::{Ended, Shell},
    tools,
    wait::eventually,
};

const RUN: [&str; 5] = ["secrets", "run", "acme", "crm", "--"];

fn run(shell: &Shell, program: &[&str]) -> Ended {
    shell.run(&[&RUN, program].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_has_the_secrets_in_its_environment_and_none_of_our_own() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "common", &json!({"A": "common", "B": "common"}));
    set(&acme, "acme", "crm", &json!({"A": "it's\n$HOME \"x\" ü", "EMPTY": ""}));
    let acme = acme
        .with("VALIDATOR_VAULT_TIMEOUT", "3s")
        .with("VALIDATOR_ROLE_ID", "role")
        .with("A", "from outside")
        .with("KEPT", "yes");
    let arguments = ["secrets", "run", "acme", "common", "crm", "--", "env", "-0"];
    let environment = acme.run(&arguments).done();
    let mut variables: Vec<&str> = environment.split_terminator('\0').collect();
    variables.sort_unstable();
    let address = format!("VAULT_ADDR={}", platform.bao.addr());
    let expected =
        ["A=it's\n$HOME \"x\" ü", "B=common", "EMPTY=", "KEPT=yes", "PATH=/usr/bin:/bin", &address];
    assert_eq!(variables, expected);
    set(&acme, "acme", "crm", &json!({"VAULT_TOKEN": "its own"}));
    assert_eq!(run(&acme, &["printenv", "VAULT_TOKEN"]).done(), "its own\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_ends_as_it_ends() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    for code in [0, 1, 2, 42, 255] {
        let ended = run(&acme, &["sh", "-c", &format!("echo out; echo err >&2; exit {code}")]);
        let words = (ended.stdout.as_str(), ended.stderr.as_str());
        assert_eq!((ended.code, words), (Some(code), ("out\n", "err\n")));
    }
    // What a shell makes of a program that a signal ended.
    let script = format!("'{}' \"$@\"; echo $?", tools::validator().display());
    let output = Command::new("sh")
        .args(["-c", &script, "sh"])
        .args(RUN)
        .args(["sh", "-c", "kill -TERM $$"])
        .env_clear()
        .env("VAULT_ADDR", platform.bao.addr())
        .env("VAULT_TOKEN", platform.acme.token())
        .env("PATH", "/usr/bin:/bin")
        .output()
        .expect("sh");
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("143\n"), "{output:?}");
    assert_eq!(run(&acme, &["no-such-program"]).code, Some(127));
    assert_eq!(run(&acme, &["/etc/passwd"]).code, Some(126));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_every_signal_itself() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let script = "trap 'echo got TERM; exit 7' TERM; trap 'echo got USR1' USR1; echo $$ ready; \
                  while :; do sleep 0.05; done";
    let process = acme.start(&[&RUN[..], &["sh", "-c", script]].concat());
    let patience = Duration::from_secs(10);
    let said = async |words: &str| {
        eventually(patience, words, async || process.log().contains(words).then_some(())).await;
    };
    said("ready").await;
    assert!(process.log().starts_with(&format!("{} ready", process.pid())), "{}", process.log());
    process.signal("USR1");
    said("got USR1").await;
    assert_eq!(process.stop_gracefully(patience).await.code(), Some(7), "{}", process.log());
    let process = acme.start(&[&RUN[..], &["sh", "-c", "echo ready; exec sleep 60"]].concat());
    eventually(patience, "ready", async || process.log().contains("ready").then_some(())).await;
    assert_eq!(process.stop_gracefully(patience).await.signal(), Some(15));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_not_started_without_its_secrets() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "hunter2\u{0}", "B": "2"}));
    let touch = ["sh", "-c", "echo started"];
    let ended = run(&acme, &touch);
    ended.failed(1, "`A` has a NUL in it");
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    acme.run(&[&["secrets", "run", "acme", "odoo", "--"], &touch[..]].concat())
        .failed(1, "no such");
    let away = Shell::new("http://127.0.0.1:1", "s.own");
    run(&away, &touch).failed(1, "Vault cannot be reached");
    run(&acme, &[]).failed(2, "CMD");
}
