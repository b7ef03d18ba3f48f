use std::{fmt, str::FromStr};

use super::shell;
use crate::secrets::Key;

/// Who reads the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Docker Compose, as `env_file`: quotes, escapes and interpolation.
    /// <https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax>
    Compose,
    /// `docker run --env-file`: everything behind `=` is the value, to the end of the line.
    /// <https://docs.docker.com/reference/cli/docker/container/run/#env>
    Docker,
    /// systemd, as `EnvironmentFile=`.
    /// <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=>
    Systemd,
    /// python-dotenv, and podman-compose, which reads `env_file` with it: quotes, escapes and
    /// interpolation.
    /// <https://github.com/theskumar/python-dotenv/blob/main/README.md>
    PythonDotenv,
    /// A POSIX shell that runs them, as with `set -a; . FILE`.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html>
    Sh,
}

/// A line that is this long, or longer, is none to Docker, which reads 64 KiB at a time.
const DOCKER_LINE: usize = 64 * 1024 - 2;

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Compose, Self::Docker, Self::Systemd, Self::PythonDotenv, Self::Sh];

    /// What it is called in a query or on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Docker => "docker",
            Self::Systemd => "systemd",
            Self::PythonDotenv => "python-dotenv",
            Self::Sh => "sh",
        }
    }

    /// Writes the line of this key and value, without its end; or says what is in the way.
    pub(super) fn write(
        self,
        key: &Key,
        value: &str,
        line: &mut String,
    ) -> Result<(), &'static str> {
        if let Some(why) = self.hindrance(key.as_str(), value) {
            return Err(why);
        }
        line.push_str(key.as_str());
        line.push('=');
        match self {
            Self::Docker => line.push_str(value),
            _ if is_plain(value) => line.push_str(value),
            Self::Compose => quote(value, compose_escape, line),
            Self::Systemd | Self::Sh => quote(value, shell_escape, line),
            Self::PythonDotenv => quote_for_dotenv(value, line),
        }
        Ok(())
    }

    /// The most bytes that a value may take between the quotes.
    pub(super) fn room(self, value: &str) -> usize {
        let escaped = 2 * value.len();
        match self {
            Self::PythonDotenv => {
                escaped + DOLLAR.len() * value.matches("${").count() + LAST_BACKSLASH.len()
            }
            Self::Compose | Self::Docker | Self::Systemd | Self::Sh => escaped,
        }
    }

    /// What this dialect has no words for in them.
    fn hindrance(self, key: &str, value: &str) -> Option<&'static str> {
        match self {
            _ if value.contains('\0') => Some("it has a NUL in it, which no environment can hold"),
            Self::Docker if value.contains('\n') => Some("it has more than one line"),
            Self::Docker if value.ends_with('\r') => Some("it ends with a carriage return"),
            Self::Docker if key.len() + "=".len() + value.len() >= DOCKER_LINE => {
                Some("its line would be longer than 64 KiB")
            }
            Self::Systemd if value.chars().any(is_no_character) => {
                Some("it has a byte order mark or a noncharacter of Unicode in it")
            }
            Self::Sh if shell::is_own(key) => {
                Some("a shell keeps the variable of this name for itself")
            }
            Self::Compose | Self::Docker | Self::Systemd | Self::PythonDotenv | Self::Sh => None,
        }
    }
}

/// Whether a value means itself to everybody without quotes.
fn is_plain(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+,".contains(&byte);
    !value.is_empty() && value.bytes().all(plain)
}

/// What stands for a character between double quotes, if it is not the character itself.
type Escape = fn(char) -> Option<&'static str>;

fn quote(value: &str, escape: Escape, line: &mut String) {
    line.push('"');
    push_escaped(value, escape, line);
    line.push('"');
}

fn push_escaped(text: &str, escape: Escape, line: &mut String) {
    for c in text.chars() {
        match escape(c) {
            Some(escaped) => line.push_str(escaped),
            None => line.push(c),
        }
    }
}

/// Between double quotes a shell, and systemd like it, takes a backslash before these for what it
/// says, and everything else as it is.
fn shell_escape(c: char) -> Option<&'static str> {
    match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        '$' => Some("\\$"),
        '`' => Some("\\`"),
        _ => None,
    }
}

/// Compose has no use for a backslash before `` ` ``, and turns a carriage return before a line
/// feed into nothing.
fn compose_escape(c: char) -> Option<&'static str> {
    match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        '$' => Some("\\$"),
        '\n' => Some("\\n"),
        '\r' => Some("\\r"),
        _ => None,
    }
}

/// python-dotenv interpolates `${NAME}` whatever the quotes, and knows no escape for it, but a default
/// for a variable that there cannot be, which it takes as it is.
const DOLLAR: &str = "${:-$}";

/// The same for a backslash. Most versions take the quotation mark behind `\\` for an escaped one.
const LAST_BACKSLASH: &str = r"${:-\\}";

fn quote_for_dotenv(value: &str, line: &mut String) {
    let (value, last) = match value.strip_suffix('\\') {
        Some(rest) => (rest, LAST_BACKSLASH),
        None => (value, ""),
    };
    line.push('"');
    for (number, part) in value.split("${").enumerate() {
        if number > 0 {
            line.push_str(DOLLAR);
            line.push('{');
        }
        push_escaped(part, dotenv_escape, line);
    }
    line.push_str(last);
    line.push('"');
}

fn dotenv_escape(c: char) -> Option<&'static str> {
    match c {
        '"' => Some("\\\""),
        '\\' => Some(r"\\"),
        '\n' => Some("\\n"),
        '\r' => Some("\\r"),
        _ => None,
    }
}

/// What systemd calls no valid character in a file of its own.
fn is_no_character(c: char) -> bool {
    let code = u32::from(c);
    c == '\u{feff}' || (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|dialect| dialect.as_str() == text);
        known.ok_or_else(|| format!("the dialects are {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}
