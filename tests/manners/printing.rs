//! Streams and formats of output.

use std::{
    fs,
    io::pipe,
    process::{Output, Stdio},
};

use serde_json::{Value, json};

use crate::support::{bao::Bao, platform::create_tenant, shell::Shell};

#[test]
fn closed_pipe_is_no_error() {
    let shell = Shell::new("http://127.0.0.1:1", "");
    for arguments in [
        &["completions", "bash"][..],
        &["man"],
        &["--help"],
        &["policies", "lint"],
        &["policies", "lint", "--output", "json"],
        &["serve", "--check", "--vault-token-file", "/etc/hostname"],
    ] {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let mut command = shell.command(arguments);
        let Output { status, stderr, .. } = command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .and_then(std::process::Child::wait_with_output)
            .expect("it runs");
        let printed_text = String::from_utf8_lossy(&stderr);
        assert_eq!((status.code(), &*printed_text), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn full_disk_is_an_error() {
    let shell = Shell::new("http://127.0.0.1:1", "");
    for arguments in [&["completions", "fish"][..], &["man"], &["--help"], &["policies", "lint"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let mut command = shell.command(arguments);
        let ended = command.stdout(full).stderr(Stdio::piped()).spawn().expect("it starts");
        let Output { status, stderr, .. } = ended.wait_with_output().expect("it ends");
        let printed_text = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(1), "{arguments:?}");
        assert!(
            printed_text.contains("standard output: No space left"),
            "{arguments:?}: {printed_text}"
        );
    }
}

#[test]
fn json_output_has_json_errors() {
    let shell = Shell::new("http://127.0.0.1:1", "s.some");
    for (arguments, code, words) in [
        (&["tenants", "show", "--output", "json"][..], 2, "<TENANT>"),
        (&["tenants", "show", "ACME", "--output=json"], 2, "invalid value 'ACME'"),
        (&["tenants", "show", "acme", "--output", "json", "--vault-addr", "x"], 2, "VAULT_ADDR"),
        (&["tenants", "show", "acme", "--output", "json"], 1, "Vault cannot be reached"),
        (&["secrets", "list", "acme", "--output", "json"], 1, "Vault cannot be reached"),
        (&["policies", "lint", "/nowhere", "--output", "json"], 2, "/nowhere"),
        (&["healthcheck", "--admin-listen", "127.0.0.1:1", "--output", "json"], 1, "127.0.0.1:1"),
        (&["nonsense", "--output", "json"], 2, "nonsense"),
    ] {
        let ended = shell.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{ended:?}");
        let printed_text: Value = serde_json::from_str(&ended.stderr).expect("JSON");
        let message = printed_text["error"]["message"].as_str().expect("a message");
        assert!(message.contains(words) || message.contains("--vault-addr"), "{message}");
    }
    // What follows `--` is for another program.
    let other = shell.run(&["secrets", "run", "acme", "crm", "--", "true", "--output", "json"]);
    assert!(other.stderr.starts_with("vault-auth-validator: "), "{other:?}");
}

/// Characters that would turn the direction of writing, clear a screen, or be invisible.
const HIDDEN: [char; 5] = ['\u{202e}', '\u{1b}', '\u{200b}', '\u{9b}', '\u{2066}'];

fn assert_nothing_hidden(text: &str) {
    let found = text.chars().find(|c| HIDDEN.contains(c) || (c.is_control() && *c != '\n'));
    assert_eq!(found, None, "{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn vault_names_are_escaped() {
    let bao = Bao::dev().await;
    crate::support::platform::provision(&bao).await;
    create_tenant(&bao, "acme").await;
    let name: String = "evil".chars().chain(HIDDEN).collect();
    let entity = json!({"name": name, "metadata": {"tenant": "acme"}});
    bao.must("POST", "identity/entity", Some(entity)).await;
    let shell = Shell::to(&bao, bao.root_token());

    let shown = shell.run(&["tenants", "show", "acme"]).done();
    assert_nothing_hidden(&shown);
    assert!(shown.contains("evil\\u{202e}\\u{1b}\\u{200b}\\u{9b}\\u{2066}"), "{shown}");
    let report = shell.run(&["tenants", "show", "acme", "--output", "json"]).done();
    assert_nothing_hidden(&report);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let names = report["members"].as_array().expect("members");
    assert!(names.iter().any(|member| member["name"] == name), "JSON is exact: {report}");
    let on_a_terminal = shell.on_a_terminal(&["tenants", "show", "acme"], &[]);
    assert!(!on_a_terminal.stdout.contains("\u{202e}"), "{on_a_terminal:?}");
    assert!(on_a_terminal.stdout.contains("evil\\u{202e}\\u{1b}"), "{on_a_terminal:?}");
}

#[test]
fn file_names_are_escaped() {
    let dir = tempfile::tempdir().expect("a folder");
    let name: String = "a".chars().chain(HIDDEN).chain(".hcl".chars()).collect();
    fs::write(dir.path().join(&name), "path \"a\" { capabilities = [\"reed\"] }\n")
        .expect("a file");
    let shell = Shell::new("http://127.0.0.1:1", "s.some");
    let dir = dir.path().display().to_string();
    for arguments in [&["policies", "lint", &dir][..], &["policies", "plan", &dir]] {
        let ended = shell.run(arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_nothing_hidden(&ended.stdout);
        assert_nothing_hidden(&ended.stderr);
    }
    let missing: String = "/nowhere/".chars().chain(HIDDEN).collect();
    let ended = shell.run(&["policies", "lint", &missing]);
    ended.failed(2, "/nowhere/\\u{202e}\\u{1b}");
    assert_nothing_hidden(&ended.stderr);
}
