//! `secrets run`: the program, its environment, its signals and its end.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    process::Command,
    time::Duration,
};

use serde_json::json;

use super::{Platform, place::through, set};
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
async fn environment_has_only_the_secrets() {
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
async fn exit_code_is_propagated() {
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
async fn signals_reach_the_program() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let script = "trap 'echo got TERM; exit 7' TERM; trap 'echo got USR1' USR1; echo $$ ready; \
                  while :; do sleep 0.05; done";
    let process = acme.start(&[&RUN[..], &["sh", "-c", script]].concat());
    let timeout = Duration::from_secs(10);
    let message = async |words: &str| {
        eventually(timeout, words, async || process.log().contains(words).then_some(())).await;
    };
    message("ready").await;
    assert!(process.log().starts_with(&format!("{} ready", process.pid())), "{}", process.log());
    process.signal("USR1");
    message("got USR1").await;
    assert_eq!(process.stop_gracefully(timeout).await.code(), Some(7), "{}", process.log());
    let process = acme.start(&[&RUN[..], &["sh", "-c", "echo ready; exec sleep 60"]].concat());
    eventually(timeout, "ready", async || process.log().contains("ready").then_some(())).await;
    assert_eq!(process.stop_gracefully(timeout).await.signal(), Some(15));
}

#[tokio::test(flavor = "multi_thread")]
async fn program_needs_its_secrets() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "hunter2\u{0}", "B": "2"}));
    let touch = ["sh", "-c", "echo started"];
    let ended = run(&acme, &touch);
    ended.failed(1, "`A` contains a NUL byte");
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    acme.run(&[&["secrets", "run", "acme", "odoo", "--"], &touch[..]].concat())
        .failed(1, "no such");
    let away = Shell::new("http://127.0.0.1:1", "s.own");
    run(&away, &touch).failed(1, "Vault cannot be reached");
    run(&acme, &[]).failed(2, "CMD");
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_variable_names_the_limit() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let large = |bytes| "x".repeat(bytes);
    // `LARGE=` and the NUL at the end count.
    set(&acme, "acme", "crm", &json!({"A": "1", "LARGE": large(131_072 - 7)}));
    assert_eq!(run(&acme, &["printenv", "A"]).done(), "1\n");
    set(&acme, "acme", "crm", &json!({"A": "1", "LARGE": large(131_072 - 6)}));
    let ended = run(&acme, &["true"]);
    ended.failed(
        126,
        "`LARGE` takes 131073 bytes, including its name; the limit of a variable is 131072",
    );
    assert!(ended.stderr.len() < 500, "{ended:?}");

    let some = large(60_000);
    let keys = ["A", "B", "C", "D", "LARGEST"];
    let mut values: serde_json::Map<_, _> =
        keys.iter().map(|key| ((*key).to_owned(), json!(some))).collect();
    values["LARGEST"] = json!(large(60_001));
    set(&acme, "acme", "crm", &values.into());
    let little = ["sh", "-c", "ulimit -s 1024; exec \"$@\"", "sh"];
    let own = acme.command(&[&RUN[..], &["true"]].concat());
    let output = through(&little, &own).output().expect("sh");
    let message = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(126), "{message}");
    let words = "the secrets take 300022 bytes; the limit of all variables and arguments together is 262144";
    assert!(
        message.contains(words) && message.contains("`LARGEST` takes 60010 bytes, `D` takes"),
        "{message}"
    );
    assert!(!message.contains("xxx"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_do_not_change_the_program() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    for (place, name) in [(&ours, "first"), (&theirs, "first"), (&theirs, "second")] {
        fs::create_dir_all(place).expect("a folder");
        let script = format!("#!/bin/sh\necho {} $PATH\n", place.display());
        fs::write(place.join(name), script).expect("a file");
        let runs = fs::Permissions::from_mode(0o755);
        fs::set_permissions(place.join(name), runs).expect("a mode");
    }
    fs::write(ours.join("data"), "").expect("a file");
    let (ours, theirs) = (ours.display().to_string(), theirs.display().to_string());
    set(&acme, "acme", "crm", &json!({"PATH": theirs}));
    let acme = acme.with("PATH", &format!("/no/such/folder:{ours}:/usr/bin:/bin"));
    assert_eq!(run(&acme, &["first"]).done(), format!("{ours} {theirs}\n"));
    run(&acme, &["second"]).failed(127, "cannot start second");
    run(&acme, &["data"]).failed(126, "Permission denied");
    assert_eq!(run(&acme, &[&format!("{theirs}/second")]).done(), format!("{theirs} {theirs}\n"));
    // The name by which it is called is the one that was given.
    assert_eq!(run(&acme, &["sh", "-c", "echo $0"]).done(), "sh\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn code_loading_keys_need_permission() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let print = |key, options: &[&str]| {
        let run = ["secrets", "run", "acme", "crm"];
        acme.run(&[&run[..], options, &["--", "printenv", key]].concat())
    };
    for key in
        ["LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_X", "GLIBC_TUNABLES", "BASH_ENV", "OPENSSL_CONF"]
    {
        set(&acme, "acme", "crm", &json!({key: "/no/such/place"}));
        let refused = print(key, &[]);
        refused.failed(1, &format!("--allow {key}"));
        assert!(!refused.stderr.contains("/no/such/place"), "{refused:?}");
        print(key, &["--allow", "OTHER"]).failed(1, key);
        assert_eq!(print(key, &["--allow", "OTHER", "--allow", key]).done(), "/no/such/place\n");
    }
    set(&acme, "acme", "crm", &json!({"ENV": "production", "LDAP_HOST": "x", "OLD_PATH": "y"}));
    assert_eq!(print("ENV", &[]).done(), "production\n");
}
