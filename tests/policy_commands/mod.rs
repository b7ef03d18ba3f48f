//! The commands `policies lint`, `plan`, `apply` and `test`, with OpenBao.

mod apply;
mod lint;
mod overtaken;
mod plan;
mod rights;
mod test;

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{bao::Bao, platform, tools};

/// The exit code and the output of a command.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let Output { status, stdout, stderr } = output;
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Returns the JSON output.
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that the command failed without a result, with this exit code and these words.
    fn failed(&self, code: i32, words: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        assert!(self.stderr.contains(words), "`{words}` in {}", self.stderr);
    }
}

/// Files of policies and expectations.
struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary directory"));
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn path(&self) -> String {
        self.0.path().display().to_string()
    }

    /// Returns text without the folder's own path.
    fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.path()), "")
    }
}

/// An operator at a shell.
struct Operator {
    variables: Vec<(String, String)>,
}

impl Operator {
    /// Creates one with this token, at this address.
    fn at(address: &str, token: &str) -> Self {
        let variables = [("VAULT_ADDR", address), ("VAULT_TOKEN", token)];
        Self { variables: variables.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec() }
    }

    /// Creates one with the root token.
    fn root(bao: &Bao) -> Self {
        Self::at(&bao.addr(), bao.root_token())
    }

    /// Creates one with the shipped policy for operators, and Vault's `default`.
    async fn new(bao: &Bao) -> Self {
        platform::load_policies(bao).await;
        let options = json!({"policies": ["operator"], "ttl": "1h"});
        Self::at(&bao.addr(), &platform::token(bao, options).await)
    }

    fn command(&self, program: PathBuf, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(self.variables.iter().cloned());
        command
    }

    /// Runs `policies` with these arguments, without a terminal.
    fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(tools::validator(), &["policies"]);
        Ended::of(command.args(arguments).stdin(Stdio::null()).output().expect("it starts"))
    }

    /// Runs `policies` on a terminal with this input. All output is in stdout.
    fn on_a_terminal(&self, arguments: &[&str], typed: &str) -> Ended {
        const TERMINAL: &str = "import os, pty, sys\n\
            sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
        let mut command = self.command(tools::repository(".tools/bin/python"), &["-c", TERMINAL]);
        let mut child = command
            .arg(tools::validator())
            .arg("policies")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(typed.as_bytes()).expect("it reads");
        drop(input);
        Ended::of(child.wait_with_output().expect("it ends"))
    }
}

/// Returns the text of a policy in Vault; `None` if there is none.
async fn stored(bao: &Bao, name: &str) -> Option<String> {
    let (status, answer) = bao.request("GET", &format!("sys/policies/acl/{name}"), None).await;
    assert!(matches!(status, 200 | 404), "{status} {answer}");
    answer["data"]["policy"].as_str().map(str::to_owned)
}

/// Returns the names of all policies in Vault.
async fn names(bao: &Bao) -> Vec<String> {
    let answer = bao.must("GET", "sys/policies/acl?list=true", None).await;
    let names = answer["data"]["keys"].as_array().expect("names").clone();
    let mut names: Vec<_> =
        names.iter().map(|name| name.as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

/// Returns a rule that grants read on this path.
fn reads(path: &str) -> String {
    format!("path \"{path}\" {{\n  capabilities = [\"read\"]\n}}\n")
}
