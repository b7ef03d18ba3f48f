//! Input of passwords. They are never arguments, which every user of a machine can see.

use std::{
    convert::Infallible,
    fmt,
    fs::File,
    io::{self, IsTerminal, Read},
    path::PathBuf,
    str::FromStr,
};

use rustix::fs::{Access, access};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::provisioning::NewPassword;

/// The maximum length of a password, in bytes: that of bcrypt, the hash that Vault stores.
const MAX_LENGTH: usize = 72;

/// The source of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PasswordSource {
    /// Standard input, or a prompt without echo if that is a terminal.
    Stdin,
    File(PathBuf),
}

impl FromStr for PasswordSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" { Self::Stdin } else { Self::File(text.into()) })
    }
}

impl fmt::Display for PasswordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl PasswordSource {
    /// Checks that the source can be read, without reading it.
    ///
    /// # Errors
    /// Returns the reason why the file cannot be read.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Stdin => Ok(()),
            Self::File(path) => access(path, Access::READ_OK).map_err(|error| unreadable(&error)),
        }
    }

    /// Returns the new password for a plan. It is read later.
    pub(super) fn new_password(&self) -> NewPassword {
        NewPassword::Given { source: self.to_string(), password: None }
    }

    /// Reads the password of this account. To be called before the command handles signals, since
    /// Ctrl-C ends the command at the prompt.
    ///
    /// # Errors
    /// Returns the reason if the password cannot be read, is empty or is too long. Neither the path
    /// nor the password is part of it: the path may be the password by mistake.
    pub(super) fn read(&self, account: &str) -> Result<SecretString, String> {
        let text = match self {
            Self::Stdin if io::stdin().is_terminal() => prompt_twice(account)?,
            Self::Stdin => read_limited(io::stdin(), "standard input")?,
            Self::File(path) => {
                let file = File::open(path).map_err(|error| unreadable(&error))?;
                read_limited(file, "the password file")?
            }
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        match text.len() {
            0 => Err("the password is empty; no account was created".to_owned()),
            1..=MAX_LENGTH => Ok(text.into()),
            _ => Err(format!(
                "the password is longer than {MAX_LENGTH} bytes; no account was created"
            )),
        }
    }
}

fn unreadable(error: &dyn fmt::Display) -> String {
    format!("cannot read the password file: {error}")
}

/// Prompts twice without echo, so that a typing error is detected.
fn prompt_twice(account: &str) -> Result<Zeroizing<String>, String> {
    let prompt = |question: String| {
        rpassword::prompt_password(question).map(Zeroizing::new).map_err(|error| error.to_string())
    };
    let first = prompt(format!("Password of {account}: "))?;
    let second = prompt("Repeat the password: ".to_owned())?;
    (first == second)
        .then_some(first)
        .ok_or_else(|| "the passwords differ; no account was created".to_owned())
}

/// Reads slightly more than the maximum length, so that a longer password is detected.
fn read_limited(source: impl Read, name: &str) -> Result<Zeroizing<String>, String> {
    // The capacity is sufficient from the start: a string that grows leaves copies in memory.
    let mut text = Zeroizing::new(String::with_capacity(2 * MAX_LENGTH));
    let read = source.take(MAX_LENGTH as u64 + 3).read_to_string(&mut text);
    read.map(|_| text).map_err(|error| format!("cannot read {name}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret;

    use super::PasswordSource;

    #[test]
    fn trailing_line_break_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            let source = PasswordSource::File(path.clone());
            source.read("ana").map(|password| password.expose_secret().to_owned())
        };
        for text in ["secret", "secret\n", "secret\r\n"] {
            assert_eq!(read(text).as_deref(), Ok("secret"));
        }
        assert_eq!(read(" a b \n\n").as_deref(), Ok(" a b \n"));
        assert_eq!(read(&"x".repeat(72)).map(|text| text.len()), Ok(72));
        for text in ["", "\n", &"x".repeat(73), &"x".repeat(5000)] {
            assert!(read(text).is_err_and(|error| !error.contains("xx")));
        }
    }
}
