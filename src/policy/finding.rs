use std::fmt;

use super::{Lint, PolicySource, Position, Server, Severity, SyntaxError, error::SourceExcerpt};

/// A problem in a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintFinding {
    /// The lint that fired.
    pub check: Lint,
    /// The severity.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// The position in the file.
    pub at: Position,
    /// The message.
    pub message: String,
    /// The suggested fix; empty if the message is sufficient.
    pub remedy: String,
    excerpt: SourceExcerpt,
}

impl LintFinding {
    pub(super) fn new(
        source: &PolicySource,
        check: Lint,
        at: Position,
        message: String,
        remedy: String,
    ) -> Self {
        let excerpt = SourceExcerpt::of(&source.text, at);
        let (file, severity) = (source.file.clone(), check.severity());
        Self { check, severity, file, at, message, remedy, excerpt }
    }

    /// Creates the finding for an error that makes a file unusable.
    pub(super) fn error(source: &PolicySource, check: Lint, error: &SyntaxError) -> Self {
        let (message, remedy) = (error.message().to_owned(), error.remedy().to_owned());
        Self::new(source, check, error.position(), message, remedy)
    }

    /// Returns the finding for this target server: an error if the server rejects the policy,
    /// `None` if only the other server does.
    #[must_use]
    pub fn for_server(self, server: Server) -> Option<Self> {
        match (self.check, server) {
            (Lint::VaultOnly, Server::OpenBao) | (Lint::OpenBaoOnly, Server::Vault) => {
                Some(Self { severity: Severity::Error, ..self })
            }
            (Lint::VaultOnly, Server::Vault) | (Lint::OpenBaoOnly, Server::OpenBao) => None,
            _ => Some(self),
        }
    }

    /// Returns the line of the position, or the part of it around the position.
    #[must_use]
    pub fn line(&self) -> &str {
        self.excerpt.line()
    }
}

impl fmt::Display for LintFinding {
    /// Writes the position, the line with a caret under it, and the suggested fix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--> {}:{}\n{}", self.file, self.at, self.excerpt)?;
        match self.remedy.as_str() {
            "" => Ok(()),
            remedy => write!(f, "\n= {remedy}"),
        }
    }
}
