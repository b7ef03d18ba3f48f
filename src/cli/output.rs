use std::{
    io::{ErrorKind, IsTerminal, Write, stderr, stdout},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::cli::complain;

/// For whom results are printed.
#[derive(Args, Clone, Copy)]
pub(super) struct Output {
    /// For people, or for programs.
    #[arg(long = "output", value_enum, default_value_t = Form::Text)]
    form: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Text,
    Json,
}

impl Output {
    /// Whether people are to read it.
    pub(super) fn is_text(self) -> bool {
        matches!(self.form, Form::Text)
    }

    /// Prints a result in the form that was asked for.
    pub(super) fn print(self, json: impl FnOnce() -> Value, text: impl FnOnce(&Style) -> String) {
        match self.form {
            Form::Json => say(&format!("{:#}", json())),
            Form::Text => say(&text(&Style::of_stdout())),
        }
    }
}

/// Whether a result could not be printed.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a result. That nobody reads on is the reader's affair; any other failure is told, and
/// makes the exit code 1.
pub(super) fn say(text: &str) {
    match writeln!(stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(format!("standard output: {error}"));
            LOST.store(true, Relaxed);
        }
        _ => {}
    }
}

/// Says something beside the result, if anybody listens.
pub(super) fn note(text: &str) {
    let _ = write!(stderr(), "{text}");
}

/// This exit code, unless a result is missing that could not be printed.
pub(super) fn unless_lost(code: ExitCode) -> ExitCode {
    if LOST.load(Relaxed) { ExitCode::FAILURE } else { code }
}

/// Colours, where somebody sees them.
pub(super) struct Style {
    colours: Colours,
}

enum Colours {
    Shown,
    Plain,
}

impl Style {
    /// Colours on a terminal whose user has not said no (<https://no-color.org>).
    fn of_stdout() -> Self {
        let wanted = stdout().is_terminal() && !crate::config::no_color();
        Self { colours: if wanted { Colours::Shown } else { Colours::Plain } }
    }

    /// No colours.
    pub(super) fn plain() -> Self {
        Self { colours: Colours::Plain }
    }

    /// Something that is as it should be.
    pub(super) fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Something that is not.
    pub(super) fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Something that may be as it should be.
    pub(super) fn doubtful(&self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Something that only says where the rest is.
    pub(super) fn place(&self, text: &str) -> String {
        self.paint("36", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.colours {
            Colours::Shown => format!("\x1b[{code}m{text}\x1b[0m"),
            Colours::Plain => text.to_owned(),
        }
    }
}

/// Rows with their first cells as wide as the widest of each.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| visible(&row[column])).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let padded = cells.map(|(cell, width)| format!("{cell}{:1$}", "", width - visible(cell)));
        format!("  {}", padded.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Without what would move a terminal's cursor: texts from elsewhere are anybody's.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// So many of these.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// How many characters of it are seen: all but those that colour it.
fn visible(text: &str) -> usize {
    let mut coloured = text.split('\x1b');
    let plain = coloured.next().unwrap_or_default().chars().count();
    plain
        + coloured.map(|part| part.chars().skip_while(|c| *c != 'm').skip(1).count()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn columns_line_up_whatever_their_colour() {
        let rows = [
            ["\x1b[32mok\x1b[0m".to_owned(), "a".to_owned(), "x".to_owned()],
            ["refused".to_owned(), "bcd".to_owned(), String::new()],
        ];
        assert_eq!(columns(&rows), "  \x1b[32mok\x1b[0m       a    x\n  refused  bcd");
    }
}
