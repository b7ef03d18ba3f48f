//! Runs this program as a script or a person at a terminal does.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use super::{bao::Bao, process::Process, tools};

/// The exit code and output of a command.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The standard output. On a terminal, all output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
}

/// An environment with these variables and no others.
#[derive(Clone)]
pub struct Shell {
    variables: Vec<(String, String)>,
}

/// Runs a program on its own terminal and types each answer once its question is printed. After the
/// prefix `unseen:` it first waits until the terminal's echo is off.
const TERMINAL: &str = r#"
import json, os, pty, signal, sys, termios, time
dialogue = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
signal.alarm(60)  # A prompt that does not come fails the test.
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

    /// Asserts success; returns the standard output.
    ///
    /// # Panics
    /// If it failed.
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Asserts success; returns the standard output parsed as JSON.
    ///
    /// # Panics
    /// If it failed, or printed anything else.
    pub fn json(self) -> Value {
        let output = self.done();
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
    }

    /// Asserts failure with this code, an empty stdout, and `words` in stderr.
    ///
    /// # Panics
    /// If it did not.
    pub fn failed(&self, code: i32, words: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        assert!(self.stderr.contains(words), "`{words}` in {}", self.stderr);
    }
}

impl Shell {
    /// Creates an environment with this Vault and this token.
    pub fn new(address: &str, token: &str) -> Self {
        let variables =
            [("VAULT_ADDR", address), ("VAULT_TOKEN", token), ("PATH", "/usr/bin:/bin")];
        Self { variables: variables.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec() }
    }

    /// Creates an environment with this OpenBao and this token.
    pub fn to(bao: &Bao, token: &str) -> Self {
        Self::new(&bao.addr(), token)
    }

    /// Adds or replaces a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the program's command line with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tools::validator());
        command.args(arguments).env_clear().envs(self.variables.iter().cloned());
        command
    }

    /// Runs it with an empty standard input.
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

    /// Runs it on a terminal and types the answer to each question.
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

    /// Starts it in the background.
    pub fn start(&self, arguments: &[&str]) -> Process {
        Process::spawn("vault-auth-validator", &mut self.command(arguments))
    }
}
