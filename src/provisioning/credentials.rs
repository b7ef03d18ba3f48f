//! Credentials that are created with other objects: secret ids of roles, and accounts of people.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{CredentialDir, FileContent, ProvisionError};

/// The number of characters of a generated password: 142 bits, with 62 characters to choose from.
const GENERATED_LENGTH: usize = 24;

/// The delivery of secret ids.
#[derive(Clone)]
pub struct SecretIdOptions {
    /// The directory of the files.
    pub directory: CredentialDir,
    /// The lifetime of the response-wrapping token; `None` delivers the secret id itself.
    pub wrap_ttl: Option<Duration>,
    /// The condition under which a secret id is created.
    pub issue: Issue,
}

/// The condition under which a secret id is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issue {
    /// The role has none.
    IfAbsent,
    /// In any case; existing ones remain valid.
    Always,
}

/// A user name and password that Vault keeps for a person.
#[derive(Clone)]
pub struct DesiredAccount {
    /// The path of the auth method.
    pub mount: String,
    /// The user name, in lower case.
    pub name: String,
    /// The policies that the account has at least.
    pub policies: BTreeSet<String>,
    /// The TTL of the tokens of a new account; `None` is Vault's default.
    pub token_ttl: Option<&'static str>,
    /// The action to take if the account does not exist.
    pub if_absent: IfAbsent,
}

/// The action to take if an account does not exist.
#[derive(Clone)]
pub enum IfAbsent {
    /// Create it.
    Create(NewPassword),
    /// Report an error.
    Fail,
}

/// The password of a new account.
#[derive(Clone)]
pub enum NewPassword {
    /// Given by the operator.
    Given {
        /// The source, for the plan: `standard input`, or a path.
        source: String,
        /// The password; `None` until it is read.
        password: Option<SecretString>,
    },
    /// Generated and written to a file. A later run reads it from there.
    Generated {
        /// The directory of the file.
        directory: CredentialDir,
        /// The name of the file.
        file: String,
    },
}

impl DesiredAccount {
    /// Sets the password that the operator gave, if a new account takes one.
    pub fn set_password(&mut self, given: SecretString) {
        if let IfAbsent::Create(password) = &mut self.if_absent {
            password.set(given);
        }
    }
}

impl NewPassword {
    /// Sets the password that the operator gave. A generated password stays generated.
    pub fn set(&mut self, given: SecretString) {
        if let Self::Given { password, .. } = self {
            *password = Some(given);
        }
    }

    /// Returns the source or the destination of the password, for the plan.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Given { source, .. } => format!("password from {source}"),
            Self::Generated { directory, file } => {
                let word = match directory.content(file) {
                    Ok(FileContent::Written) => "from",
                    _ => "into",
                };
                format!("password {word} {}", directory.file_path(file).display())
            }
        }
    }

    /// Returns the path of the file that holds a generated password.
    #[must_use]
    pub fn file_path(&self) -> Option<PathBuf> {
        match self {
            Self::Given { .. } => None,
            Self::Generated { directory, file } => Some(directory.file_path(file)),
        }
    }

    /// Returns the password that the operator gave, or else the one in the file. If
    /// the file has no content, a new password is generated, and is on disk when this returns.
    ///
    /// # Errors
    /// Fails if the password was not read, or the file cannot be read or written.
    pub fn resolve(&self) -> Result<SecretString, ProvisionError> {
        match self {
            Self::Given { password, source } => password
                .clone()
                .ok_or_else(|| ProvisionError(format!("the password was not read from {source}"))),
            Self::Generated { directory, file } => {
                if let Some(password) = directory.read(file)? {
                    return Ok(password);
                }
                let reserved = directory.reserve(file)?;
                let password = generate();
                reserved.write(password.expose_secret())?;
                Ok(password)
            }
        }
    }
}

fn generate() -> SecretString {
    let characters = rand::rng().sample_iter(rand::distr::Alphanumeric);
    let password: Zeroizing<String> =
        Zeroizing::new(characters.take(GENERATED_LENGTH).map(char::from).collect());
    password.as_str().into()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::generate;

    #[test]
    fn generated_passwords_differ() {
        let [a, b] = [generate(), generate()];
        assert_eq!(a.expose_secret().len(), 24);
        assert_ne!(a.expose_secret(), b.expose_secret());
    }
}
