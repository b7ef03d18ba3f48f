//! Printing: results on standard output, everything else on standard error.
//!
//! Characters that would move a terminal's cursor, change the direction of writing or be invisible
//! are printed as escapes. This is the only place that escapes them. In JSON they become JSON
//! escapes, so that the value stays the same.

mod color_mark;
mod escape;
mod plural;
mod style;

use std::{
    ffi::OsString,
    fmt::Display,
    io::{self, ErrorKind, IsTerminal, Write, stderr, stdout},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::{escape::escape_text, style::apply_colors};
pub(super) use self::{
    escape::{escape_json, escape_line, is_hidden},
    plural::pluralize,
    style::{TextStyle, align_columns},
};

/// The exit code for wrong usage, the same as clap's.
pub(super) const USAGE_EXIT_CODE: u8 = 2;

/// The output format of results and errors.
#[derive(Args, Clone, Copy)]
pub(super) struct OutputArgs {
    /// Output format. With json, errors are JSON as well: one object per line on standard error.
    #[arg(long = "output", value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum OutputFormat {
    Text,
    Json,
}

impl OutputArgs {
    /// Returns true if the format is text.
    pub(super) fn is_text(self) -> bool {
        matches!(self.format, OutputFormat::Text)
    }

    /// Prints a result in the selected format.
    pub(super) fn print(
        self,
        json: impl FnOnce() -> Value,
        text: impl FnOnce(&TextStyle) -> String,
    ) {
        match self.format {
            OutputFormat::Json => write_line(&escape_json(&format!("{:#}", json()))),
            OutputFormat::Text => print_result(&text(&TextStyle::for_stdout())),
        }
    }
}

/// True if a result could not be written.
static OUTPUT_FAILED: AtomicBool = AtomicBool::new(false);

/// True if messages on standard error are JSON.
static JSON_MESSAGES: AtomicBool = AtomicBool::new(false);

/// Selects the format of messages from the raw arguments, so that an error in the arguments has the
/// format that they request.
pub(super) fn set_message_format(arguments: impl IntoIterator<Item = OsString>) {
    JSON_MESSAGES.store(is_json_requested(arguments), Relaxed);
}

/// Returns true if the arguments before `--` contain `--output json`. Those after it are another
/// program's.
fn is_json_requested(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        let value = if argument == "--output" { arguments.next() } else { None };
        if argument == "--output=json" || value.is_some_and(|value| value == "json") {
            return true;
        }
    }
    false
}

/// Prints a result as text.
pub(super) fn print_result(text: &str) {
    write_line(&apply_colors(&escape_text(text)));
}

fn write_line(text: &str) {
    report_write_error(emit(format!("{text}\n").as_bytes()));
}

/// Returns true if standard output is a terminal.
pub(super) fn stdout_is_terminal() -> bool {
    stdout().is_terminal()
}

/// Writes these bytes to standard output unchanged. A broken pipe, as with `head`, is no error.
///
/// # Errors
/// The reason why standard output cannot be written, such as a full disk.
pub(super) fn emit(bytes: &[u8]) -> Result<(), String> {
    let mut stdout = stdout().lock();
    ignore_broken_pipe(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Returns the error of writing to standard output, unless it is a broken pipe.
pub(super) fn ignore_broken_pipe(written: io::Result<()>) -> Result<(), String> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// Reports a write error, and makes the exit code 1.
pub(super) fn report_write_error(written: Result<(), String>) {
    if let Err(error) = written {
        print_error(error);
        OUTPUT_FAILED.store(true, Relaxed);
    }
}

/// Returns this exit code, or 1 if a result could not be written.
pub(super) fn final_exit_code(code: ExitCode) -> ExitCode {
    if OUTPUT_FAILED.load(Relaxed) { ExitCode::FAILURE } else { code }
}

/// Prints an error.
pub(super) fn print_error(message: impl Display) {
    let message = message.to_string();
    print_message("error", &message, &format!("vault-auth-validator: {message}"));
}

/// Prints an error in the arguments or the input of a command, and returns the exit code for it.
pub(super) fn usage_error(message: impl Display) -> ExitCode {
    print_error(message);
    ExitCode::from(USAGE_EXIT_CODE)
}

/// Prints a warning.
pub(super) fn print_warning(message: &str) {
    print_message("warning", message, &format!("vault-auth-validator: {message}"));
}

/// Prints a status message beside the result.
pub(super) fn print_status(message: &str) {
    print_message("note", message.trim_end(), message.trim_end());
}

/// Prints a question without a line break.
pub(super) fn print_prompt(question: &str) {
    let _ = write!(stderr(), "{}: ", escape_text(question));
}

/// Replaces the current line of the terminal on standard error.
pub(super) fn redraw_line(line: &str) {
    let _ = write!(stderr(), "\r\x1b[2K{}", escape_text(line));
}

/// Returns true if standard error is a terminal, and messages are text.
pub(super) fn can_redraw() -> bool {
    !JSON_MESSAGES.load(Relaxed) && stderr().is_terminal()
}

fn print_message(kind: &str, message: &str, text: &str) {
    let line = if JSON_MESSAGES.load(Relaxed) {
        escape_json(&json!({ kind: { "message": message } }).to_string())
    } else {
        escape_text(text)
    };
    let _ = writeln!(stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::is_json_requested;

    #[test]
    fn json_flag_after_dashes_is_ignored() {
        let requested = |line: &str| is_json_requested(line.split(' ').map(Into::into));
        for line in ["a --output json", "--output=json a", "a --x --output json -- b"] {
            assert!(requested(line), "{line}");
        }
        for line in ["a", "a --output text", "a -- b --output json", "a --output", "a json"] {
            assert!(!requested(line), "{line}");
        }
    }
}
