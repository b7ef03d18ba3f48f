//! Everything that is printed: results on standard output, everything else on standard error.
//!
//! Whatever a text holds, a terminal is shown it as it is: characters that would move its cursor,
//! turn the direction of writing or not be seen at all are written as escapes, here and nowhere
//! else. JSON says the same as it did: what is escaped there is an escape of JSON.

mod clean;
mod style;

use std::{
    ffi::OsString,
    io::{self, ErrorKind, IsTerminal, Write, stderr, stdout},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::{clean::clean, style::painted};
pub(super) use self::{
    clean::{escape_json, is_hidden, printable},
    style::{Style, columns},
};

/// The form in which results are printed, and errors.
#[derive(Args, Clone, Copy)]
pub(super) struct Output {
    /// For people, or for programs: then errors are JSON as well, one object a line on standard error.
    #[arg(long = "output", value_enum, default_value_t = Form::Text)]
    form: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Text,
    Json,
}

impl Output {
    /// Returns whether people are to read it.
    pub(super) fn is_text(self) -> bool {
        matches!(self.form, Form::Text)
    }

    /// Prints a result in the form that was asked for.
    pub(super) fn print(self, json: impl FnOnce() -> Value, text: impl FnOnce(&Style) -> String) {
        match self.form {
            Form::Json => write_line(&escape_json(&format!("{:#}", json()))),
            Form::Text => say(&text(&Style::of_stdout())),
        }
    }
}

/// True if a result could not be printed.
static LOST: AtomicBool = AtomicBool::new(false);

/// True if programs read what is said beside the results.
static JSON_MESSAGES: AtomicBool = AtomicBool::new(false);

/// Chooses the form of messages by the arguments, as they were given: also an error in them is to
/// have the form that they ask for.
pub(super) fn choose_form(arguments: impl IntoIterator<Item = OsString>) {
    JSON_MESSAGES.store(asks_for_json(arguments), Relaxed);
}

/// What follows `--` is another program's.
fn asks_for_json(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        let value = if argument == "--output" { arguments.next() } else { None };
        if argument == "--output=json" || value.is_some_and(|value| value == "json") {
            return true;
        }
    }
    false
}

/// Prints a result for people.
pub(super) fn say(text: &str) {
    write_line(&painted(&clean(text)));
}

fn write_line(text: &str) {
    report_if_lost(emit(format!("{text}\n").as_bytes()));
}

/// Writes these bytes to standard output as they are. That nobody reads on is no error: it is the
/// reader's affair, as with `head`.
///
/// # Errors
/// Why it cannot be written to, such as a full disk.
pub(super) fn emit(bytes: &[u8]) -> Result<(), String> {
    let mut stdout = stdout().lock();
    unless_unread(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Returns why standard output could not be written to, unless nobody reads it any more.
pub(super) fn unless_unread(written: io::Result<()>) -> Result<(), String> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// Says so if a result could not be printed, and makes the exit code 1.
pub(super) fn report_if_lost(written: Result<(), String>) {
    if let Err(error) = written {
        fail(&error);
        LOST.store(true, Relaxed);
    }
}

/// Returns this exit code, unless a result is missing that could not be printed.
pub(super) fn unless_lost(code: ExitCode) -> ExitCode {
    if LOST.load(Relaxed) { ExitCode::FAILURE } else { code }
}

/// Says what went wrong.
pub(super) fn fail(what: &str) {
    message("error", what, &format!("vault-auth-validator: {what}"));
}

/// Says what deserves a look, though the command goes on.
pub(super) fn warn(what: &str) {
    message("warning", what, &format!("vault-auth-validator: {what}"));
}

/// Says something beside the result, if anybody listens.
pub(super) fn note(what: &str) {
    message("note", what.trim_end(), what.trim_end());
}

/// Asks for something, on the same line.
pub(super) fn prompt(question: &str) {
    let _ = write!(stderr(), "{}: ", clean(question));
}

/// Draws over the line of a terminal that standard error is.
pub(super) fn draw(line: &str) {
    let _ = write!(stderr(), "\r\x1b[2K{}", clean(line));
}

/// Returns whether standard error is a terminal, and shows texts.
pub(super) fn can_draw() -> bool {
    !JSON_MESSAGES.load(Relaxed) && stderr().is_terminal()
}

fn message(kind: &str, what: &str, text: &str) {
    let line = if JSON_MESSAGES.load(Relaxed) {
        escape_json(&json!({ kind: { "message": what } }).to_string())
    } else {
        clean(text)
    };
    let _ = writeln!(stderr(), "{line}");
}

/// So many of these.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::asks_for_json;

    #[test]
    fn json_is_asked_for_before_the_arguments_of_another_program() {
        let asks = |line: &str| asks_for_json(line.split(' ').map(Into::into));
        for line in ["a --output json", "--output=json a", "a --x --output json -- b"] {
            assert!(asks(line), "{line}");
        }
        for line in ["a", "a --output text", "a -- b --output json", "a --output", "a json"] {
            assert!(!asks(line), "{line}");
        }
    }
}
