use std::{fmt, str::FromStr};

use super::shell;
use crate::secrets::SecretKey;

/// The dialect of an environment file, by the program that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvFormat {
    /// `env_file` of Docker Compose: quotes, escapes and interpolation.
    /// <https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax>
    Compose,
    /// `docker run --env-file`: everything after `=` is the value, to the end of the line.
    /// <https://docs.docker.com/reference/cli/docker/container/run/#env>
    Docker,
    /// `EnvironmentFile=` of systemd.
    /// <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=>
    Systemd,
    /// python-dotenv, and podman-compose, which reads `env_file` with it: quotes, escapes and
    /// interpolation.
    /// <https://github.com/theskumar/python-dotenv/blob/main/README.md>
    PythonDotenv,
    /// A POSIX shell that runs the file, as with `set -a; . FILE`.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html>
    Sh,
}

/// The length from which on Docker rejects a line, in bytes: it reads 64 KiB at a time.
const DOCKER_LINE_LIMIT: usize = 64 * 1024 - 2;

impl EnvFormat {
    /// All dialects.
    pub const ALL: [Self; 5] =
        [Self::Compose, Self::Docker, Self::Systemd, Self::PythonDotenv, Self::Sh];

    /// Returns the name of the dialect in a query or on the command line.
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

    /// Appends the line of this key and value, without a line feed.
    ///
    /// # Errors
    /// The reason why the dialect cannot represent them.
    pub(super) fn write(
        self,
        key: &SecretKey,
        value: &str,
        line: &mut String,
    ) -> Result<(), &'static str> {
        if let Some(why) = self.unsupported_reason(key.as_str(), value) {
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

    /// Returns the maximum length of the encoded value without the quotes, in bytes.
    pub(super) fn max_len(self, value: &str) -> usize {
        let escaped = 2 * value.len();
        match self {
            Self::PythonDotenv => {
                escaped + DOLLAR.len() * value.matches("${").count() + LAST_BACKSLASH.len()
            }
            Self::Compose | Self::Docker | Self::Systemd | Self::Sh => escaped,
        }
    }

    /// Returns the reason why the dialect cannot represent this key and value; `None` if it can.
    fn unsupported_reason(self, key: &str, value: &str) -> Option<&'static str> {
        match self {
            _ if value.contains('\0') => Some("it contains a NUL byte, which is not allowed"),
            Self::Docker if value.contains('\n') => Some("it has more than one line"),
            Self::Docker if value.ends_with('\r') => Some("it ends with a carriage return"),
            Self::Docker if key.len() + "=".len() + value.len() >= DOCKER_LINE_LIMIT => {
                Some("its line would be longer than 64 KiB")
            }
            Self::Systemd if value.chars().any(is_noncharacter) => {
                Some("it contains a byte order mark or a noncharacter of Unicode")
            }
            Self::Sh if shell::is_reserved(key) => Some("shells reserve the variable of this name"),
            Self::Compose | Self::Docker | Self::Systemd | Self::PythonDotenv | Self::Sh => None,
        }
    }
}

/// Returns true if a value needs no quotes in any dialect.
fn is_plain(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+,".contains(&byte);
    !value.is_empty() && value.bytes().all(plain)
}

/// The escape sequence of a character between double quotes; `None` for the character itself.
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

/// Escapes as shells and systemd do: between double quotes, a backslash escapes only these
/// characters.
fn shell_escape(c: char) -> Option<&'static str> {
    match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        '$' => Some("\\$"),
        '`' => Some("\\`"),
        _ => None,
    }
}

/// Escapes for Compose, which has no escape for `` ` ``, and drops a carriage return before a line
/// feed.
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

/// A `$` for python-dotenv, which interpolates `${NAME}` in any quotes and has no escape for it:
/// the default value of a variable that cannot exist, which is taken literally.
const DOLLAR: &str = "${:-$}";

/// A backslash at the end of a value for python-dotenv: most versions take the quotation mark after
/// `\\` as an escaped one.
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

/// Returns true for a character that systemd rejects in environment files.
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    c == '\u{feff}' || (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

impl fmt::Display for EnvFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EnvFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|dialect| dialect.as_str() == text);
        known.ok_or_else(|| format!("the dialects are {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}
