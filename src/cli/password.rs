//! Passwords of accounts: never from the arguments, which every user of a machine sees.

use std::{
    convert::Infallible,
    fmt,
    fs::File,
    io::{self, IsTerminal, Read},
    path::PathBuf,
    str::FromStr,
};

use rand::Rng;
use rustix::fs::{Access, access};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::cli::credentials::{Content, Credentials};

/// The longest password, in bytes: that of bcrypt, which Vault stores it with.
const MAX_LENGTH: usize = 72;

/// The number of characters of a password that is made up: of 62 kinds, 142 bits.
const GENERATED_LENGTH: usize = 24;

/// A place that a password is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PasswordSource {
    /// Standard input, where it is not shown if it is typed.
    Stdin,
    File(PathBuf),
}

/// The origin of a new account's password.
#[derive(Clone)]
pub(super) enum NewPassword {
    Given {
        source: PasswordSource,
        /// Nothing, until it is read.
        password: Option<SecretString>,
    },
    /// It is made up and written to a file, from which a run that comes after one that failed takes it.
    Generated { credentials: Credentials, file: String },
}

impl FromStr for PasswordSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" { Self::Stdin } else { Self::File(text.into()) })
    }
}

impl PasswordSource {
    /// Checks that there is something to read, without reading it.
    ///
    /// # Errors
    /// Why there is not.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Stdin => Ok(()),
            Self::File(path) => access(path, Access::READ_OK).map_err(|error| unreadable(&error)),
        }
    }
}

impl NewPassword {
    /// One that is read there.
    pub(super) fn given(source: PasswordSource) -> Self {
        Self::Given { source, password: None }
    }

    /// Reads the password of this account, if it is to be read. A command does so before it handles
    /// signals, since Ctrl-C ends it while somebody types.
    pub(super) fn read(&mut self, account: &str) -> Result<(), String> {
        match self {
            Self::Given { source, password: password @ None } => {
                *password = Some(read(source, account)?);
                Ok(())
            }
            Self::Given { .. } | Self::Generated { .. } => Ok(()),
        }
    }

    /// The place of the password, for a plan.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::Given { source: PasswordSource::Stdin, .. } => {
                "password from standard input".to_owned()
            }
            Self::Given { source: PasswordSource::File(path), .. } => {
                format!("password from {}", path.display())
            }
            Self::Generated { credentials, file } => {
                let word = match credentials.look(file) {
                    Ok(Content::Written) => "from",
                    _ => "into",
                };
                format!("password {word} {}", credentials.path(file).display())
            }
        }
    }

    /// The file that a password is written to, if it is made up.
    pub(super) fn written_to(&self) -> Option<PathBuf> {
        match self {
            Self::Given { .. } => None,
            Self::Generated { credentials, file } => Some(credentials.path(file)),
        }
    }

    /// Returns the password of this account, or makes one up. One that is made up is in its file
    /// before any account has it.
    pub(super) fn draw(&self, account: &str) -> Result<SecretString, String> {
        match self {
            Self::Given { password: Some(password), .. } => Ok(password.clone()),
            Self::Given { source, password: None } => read(source, account),
            Self::Generated { credentials, file } => {
                if let Some(password) = credentials.read(file)? {
                    return Ok(password);
                }
                let reserved = credentials.reserve(file)?;
                let password = generate();
                reserved.fill(password.expose_secret())?;
                Ok(password)
            }
        }
    }
}

fn read(source: &PasswordSource, account: &str) -> Result<SecretString, String> {
    let text = match source {
        PasswordSource::Stdin if io::stdin().is_terminal() => typed(account)?,
        PasswordSource::Stdin => limited(io::stdin(), "standard input")?,
        // Not the path: somebody may have meant it for the password.
        PasswordSource::File(path) => {
            let file = File::open(path).map_err(|error| unreadable(&error))?;
            limited(file, "the password's file")?
        }
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.len() {
        0 => Err("the password is empty; no account was made".to_owned()),
        1..=MAX_LENGTH => Ok(text.into()),
        _ => Err(format!("the password is longer than {MAX_LENGTH} bytes; no account was made")),
    }
}

fn unreadable(error: &dyn fmt::Display) -> String {
    format!("the password's file: {error}")
}

/// Asks twice, since nobody sees a slip.
fn typed(account: &str) -> Result<Zeroizing<String>, String> {
    let ask = |question: String| {
        rpassword::prompt_password(question).map(Zeroizing::new).map_err(|error| error.to_string())
    };
    let first = ask(format!("Password of {account}: "))?;
    let second = ask("The same again: ".to_owned())?;
    (first == second)
        .then_some(first)
        .ok_or_else(|| "the two differ; no account was made".to_owned())
}

fn limited(from: impl Read, name: &str) -> Result<Zeroizing<String>, String> {
    // Room for all of it from the start, since a string that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * MAX_LENGTH));
    let read = from.take(MAX_LENGTH as u64 + 3).read_to_string(&mut text);
    read.map(|_| text).map_err(|error| format!("{name}: {error}"))
}

fn generate() -> SecretString {
    let characters = rand::rng().sample_iter(rand::distr::Alphanumeric);
    let password: Zeroizing<String> =
        Zeroizing::new(characters.take(GENERATED_LENGTH).map(char::from).collect());
    password.as_str().into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret;

    use super::{PasswordSource, generate, read};

    #[test]
    fn a_password_is_the_files_text_without_its_line_break() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let of = |text: &str| {
            fs::write(&path, text).unwrap();
            read(&PasswordSource::File(path.clone()), "ana").map(|it| it.expose_secret().to_owned())
        };
        for text in ["secret", "secret\n", "secret\r\n"] {
            assert_eq!(of(text).as_deref(), Ok("secret"));
        }
        assert_eq!(of(" a b \n\n").as_deref(), Ok(" a b \n"));
        assert_eq!(of(&"x".repeat(72)).map(|text| text.len()), Ok(72));
        for text in ["", "\n", &"x".repeat(73), &"x".repeat(5000)] {
            assert!(of(text).is_err_and(|error| !error.contains("xx")));
        }
    }

    #[test]
    fn passwords_that_are_made_up_differ() {
        let [a, b] = [generate(), generate()];
        assert_eq!(a.expose_secret().len(), 24);
        assert_ne!(a.expose_secret(), b.expose_secret());
    }
}
