//! The manual pages and the completions, which follow from the same table as the help.

use std::{io::ErrorKind, process::Command};

use crate::support::shell::Shell;

fn shell() -> Shell {
    Shell::new("http://127.0.0.1:1", "")
}

/// Returns a shell's output, if the shell is installed.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn says(program: &str, arguments: &[&str]) -> Option<String> {
    let output = match Command::new(program).args(arguments).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("skipped: there is no {program} on this machine");
            return None;
        }
        output => output.expect("it starts"),
    };
    assert!(output.status.success(), "{program} {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn commands_have_man_pages() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().display().to_string();
    shell().run(&["man", "--dir", &folder]).done();
    for (name, words) in [
        ("vault-auth-validator", "Forward authentication"),
        ("vault-auth-validator-secrets-run", "Run a program with secrets in its environment"),
        ("vault-auth-validator-policies-lint", "VALIDATOR_KV_MOUNT"),
    ] {
        let page = std::fs::read_to_string(dir.path().join(format!("{name}.1"))).expect(name);
        assert!(page.replace("\\-", "-").contains(words), "{name}");
        let words: Vec<&str> = name.split('-').skip(3).collect();
        let printed = shell().run(&[&["man"], &words[..]].concat()).done();
        assert_eq!(printed.trim_end(), page.trim_end(), "{name}");
    }
    shell().run(&["man", "nonsense"]).failed(2, "unknown command `nonsense`");
    shell().run(&["man", "--dir", "/nowhere"]).failed(1, "cannot write to /nowhere");
}

#[test]
fn man_lists_examples_by_line() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("page.1");
    std::fs::write(&file, shell().run(&["man", "tenants", "rotate"]).done()).expect("a file");
    let file = file.display().to_string();
    let Some(shown) = says("man", &["-l", "-P", "cat", &file]) else { return };
    let lines: Vec<&str> = shown.lines().map(str::trim).collect();
    for example in ["vault-auth-validator tenants rotate acme --dry-run", "NAME", "OPTIONS"] {
        assert!(lines.contains(&example), "{example} in {shown}");
    }
}

#[test]
fn completions_load_in_shells() {
    let dir = tempfile::tempdir().expect("a folder");
    for name in ["bash", "zsh", "fish"] {
        let file = dir.path().join(name);
        std::fs::write(&file, shell().run(&["completions", name]).done()).expect("a file");
    }
    let bash = format!(
        "source {}/bash; COMP_WORDS=(vault-auth-validator tenants ro); COMP_CWORD=2; \
         $(complete -p vault-auth-validator | grep -o '_vault[a-z_-]*') vault-auth-validator ro tenants; \
         echo \"${{COMPREPLY[@]}}\"",
        dir.path().display()
    );
    assert_eq!(says("bash", &["--norc", "-c", &bash]).as_deref(), Some("rotate\n"));
    let zsh = format!("autoload -U compinit; compinit -u; source {}/zsh", dir.path().display());
    says("zsh", &["-f", "-c", &zsh]);
    let fish = format!(
        "source {}/fish; complete -C 'vault-auth-validator tenants ro'",
        dir.path().display()
    );
    if let Some(found) = says("fish", &["--no-config", "-c", &fish]) {
        assert!(found.starts_with("rotate"), "{found}");
    }
}
