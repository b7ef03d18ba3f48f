use std::fmt;

use super::{Lint, PolicySource, Position, Server, Severity, SyntaxError, error::SourceExcerpt};

/// Something in a file of policies that should be mended: where, what, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintFinding {
    /// The check that found it.
    pub check: Lint,
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// The place in it.
    pub at: Position,
    /// What is wrong.
    pub message: String,
    /// A way to mend it; empty where the message says it all.
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

    /// An error that makes a file unusable.
    pub(super) fn error(source: &PolicySource, check: Lint, error: &SyntaxError) -> Self {
        let (message, remedy) = (error.message().to_owned(), error.remedy().to_owned());
        Self::new(source, check, error.position(), message, remedy)
    }

    /// The finding for policies that this server is to have: an error where it refuses the
    /// policy, `None` where it knows what others don't.
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

    /// The line of the place, or the part of it around that.
    #[must_use]
    pub fn line(&self) -> &str {
        self.excerpt.line()
    }
}

impl fmt::Display for LintFinding {
    /// The place, the line with a caret under it, and the way to mend it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--> {}:{}\n{}", self.file, self.at, self.excerpt)?;
        match self.remedy.as_str() {
            "" => Ok(()),
            remedy => write!(f, "\n= {remedy}"),
        }
    }
}
