//! Our own program as somebody runs it: from a script, or on a terminal.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use super::{bao::Bao, process::Process, tools};

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it said there. On a terminal, that is all.
    pub stdout: String,
    /// What it said there.
    pub stderr: String,
}

/// Somebody with these variables, and no others.
#[derive(Clone)]
pub struct Shell {
    variables: Vec<(String, String)>,
}

/// Runs a program on a terminal of its own, and types each answer once its question is there; behind
/// `unseen:` one whose answer is not shown, so that the terminal has to have been told.
const TERMINAL: &str = r#"
import json, os, pty, sys, termios, time
dialogue = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
shown, seen = b"", 0
while True:
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        break
    if not chunk:
        break
    shown += chunk
    if dialogue and dialogue[0][0].removeprefix("unseen:").encode() in shown[seen:]:
        seen = len(shown)
        question, answer = dialogue.pop(0)
        while question.startswith("unseen:") and termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.002)
        os.write(terminal, answer.encode())
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let Output { status, stdout, stderr } = output;
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// That it did what it should; what it said to stdout.
    ///
    /// # Panics
    /// When it failed.
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The same, read as JSON.
    ///
    /// # Panics
    /// When it failed, or said something else.
    pub fn json(self) -> Value {
        let said = self.done();
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// That it failed with this code, without a result, and said these words.
    ///
    /// # Panics
    /// When it did not.
    pub fn failed(&self, code: i32, words: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        assert!(self.stderr.contains(words), "`{words}` in {}", self.stderr);
    }
}

impl Shell {
    /// Somebody who talks to this Vault with this token.
    pub fn new(address: &str, token: &str) -> Self {
        let variables =
            [("VAULT_ADDR", address), ("VAULT_TOKEN", token), ("PATH", "/usr/bin:/bin")];
        Self { variables: variables.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec() }
    }

    /// The same, to this OpenBao.
    pub fn to(bao: &Bao, token: &str) -> Self {
        Self::new(&bao.addr(), token)
    }

    /// The same, with this variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Our program with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tools::validator());
        command.args(arguments).env_clear().envs(self.variables.iter().cloned());
        command
    }

    /// Runs it, with nothing to read.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).stdin(Stdio::null()).output();
        Ended::of(output.expect("it starts"))
    }

    /// Runs it, with this on standard input.
    pub fn feed(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        // It may end without having read anything.
        let _ = child.stdin.take().expect("a pipe").write_all(input);
        Ended::of(child.wait_with_output().expect("it ends"))
    }

    /// Runs it on a terminal; to each question there, this is typed.
    pub fn on_a_terminal(&self, arguments: &[&str], dialogue: &[(&str, &str)]) -> Ended {
        let mut command = Command::new(tools::repository(".tools/bin/python"));
        command
            .args(["-c", TERMINAL, &serde_json::json!(dialogue).to_string()])
            .arg(tools::validator())
            .args(arguments)
            .env_clear()
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null());
        Ended::of(command.output().expect("it starts"))
    }

    /// Starts it, to run beside the test.
    pub fn start(&self, arguments: &[&str]) -> Process {
        Process::spawn("vault-auth-validator", &mut self.command(arguments))
    }
}
