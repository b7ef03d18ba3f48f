use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{complain, misused, output::Style},
    policies::{
        Caller, Check, Finding, Mounts, PolicySet, Severity, Source, expectations, shipped,
    },
};

/// Where policies are.
#[derive(Args)]
pub(in crate::cli) struct Folder {
    /// A folder with policies, NAME.hcl, and what is expected of them in tests/*.toml; without it,
    /// those that this program brings along.
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Policies, and what is to be said about them.
pub(super) struct Linted {
    pub(super) set: PolicySet,
    pub(super) findings: Vec<Finding>,
}

/// Why there are no policies to work with.
pub(in crate::cli) enum FolderError {
    /// They cannot be read.
    Unreadable(String),
    /// They have errors.
    Unsound(String),
}

impl FolderError {
    /// Says so, and returns the exit code for it.
    pub(in crate::cli) fn exit(self) -> ExitCode {
        match self {
            Self::Unreadable(error) => misused(error),
            Self::Unsound(error) => {
                complain(error);
                ExitCode::FAILURE
            }
        }
    }
}

impl Folder {
    /// This folder; without one, what this program brings along.
    pub(in crate::cli) fn new(dir: Option<PathBuf>) -> Self {
        Self { dir }
    }

    /// The policies, with all that should be mended but what is allowed.
    pub(super) fn lint(&self, mounts: &Mounts, allowed: &[Check]) -> Result<Linted, FolderError> {
        let Linted { set, mut findings } = self.read()?;
        findings.extend(set.lint(mounts));
        findings.retain(|finding| !allowed.contains(&finding.check));
        findings.sort_by(|one, other| (&one.file, one.at).cmp(&(&other.file, other.at)));
        Ok(Linted { set, findings })
    }

    /// The policies, unless one of them has errors.
    pub(in crate::cli) fn sound(
        &self,
        mounts: &Mounts,
        allowed: &[Check],
    ) -> Result<PolicySet, FolderError> {
        self.lint(mounts, allowed)?.without_errors()
    }

    /// The policies, unless one of them cannot be read.
    pub(super) fn readable(&self) -> Result<PolicySet, FolderError> {
        self.read()?.without_errors()
    }

    /// The policies, with what is wrong with files that hold none.
    fn read(&self) -> Result<Linted, FolderError> {
        let sources = match &self.dir {
            None => shipped::policies(),
            Some(dir) => Source::read_all(dir, "hcl").map_err(unreadable)?,
        };
        if let Some(dir) = self.dir.as_ref().filter(|_| sources.is_empty()) {
            let what = format!("{}: there is no policy in it, no NAME.hcl", dir.display());
            return Err(FolderError::Unreadable(what));
        }
        let (set, findings) = PolicySet::read(sources);
        Ok(Linted { set, findings })
    }

    /// Everybody of whom something is expected.
    pub(super) fn expectations(&self, set: &PolicySet) -> Result<Vec<Caller>, FolderError> {
        let sources = match &self.dir {
            None => shipped::expectations(),
            Some(dir) => {
                let tests = dir.join("tests");
                let found = Source::read_all(&tests, "toml").map_err(unreadable)?;
                if found.is_empty() {
                    let what = format!("{}: nothing is expected, no *.toml", tests.display());
                    return Err(FolderError::Unreadable(what));
                }
                found
            }
        };
        let mut callers = Vec::new();
        let mut faults = Vec::new();
        for source in &sources {
            match expectations(source, set) {
                Ok(found) => callers.extend(found),
                Err(error) => faults.push(format!("{}:{error}", source.file)),
            }
        }
        if faults.is_empty() { Ok(callers) } else { Err(FolderError::Unsound(faults.join("\n\n"))) }
    }
}

impl Linted {
    /// How many findings are this bad.
    pub(super) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.check.severity() == severity).count()
    }

    /// The policies, unless there are errors.
    fn without_errors(self) -> Result<PolicySet, FolderError> {
        let count = self.count(Severity::Error);
        if count == 0 {
            return Ok(self.set);
        }
        let errors =
            self.findings.iter().filter(|finding| finding.check.severity() == Severity::Error);
        let shown: Vec<_> = errors.map(|finding| show(finding, &Style::plain())).collect();
        let (count, shown) = (number(count, "error"), shown.join("\n\n"));
        let what = format!("{count} in the policies; Vault was not asked\n\n{shown}");
        Err(FolderError::Unsound(what))
    }
}

fn unreadable(error: impl std::fmt::Display) -> FolderError {
    FolderError::Unreadable(error.to_string())
}

/// A finding for people.
pub(super) fn show(finding: &Finding, style: &Style) -> String {
    let Finding { check, message, .. } = finding;
    let severity = check.severity();
    let head = format!("{}[{check}]", severity.as_str());
    let head = match severity {
        Severity::Error => style.bad(&head),
        Severity::Warning => style.doubtful(&head),
    };
    format!("{head}: {message}\n{finding}")
}

/// A finding for programs.
pub(super) fn as_json(finding: &Finding) -> Value {
    json!({
        "check": finding.check.id(),
        "severity": finding.check.severity().as_str(),
        "file": finding.file,
        "line": finding.at.line,
        "column": finding.at.column,
        "message": finding.message,
        "remedy": finding.remedy,
        "excerpt": finding.line(),
    })
}

/// `1 error`, `2 errors`, `no errors`; `1 policy`, `2 policies`.
pub(in crate::cli) fn number(count: usize, noun: &str) -> String {
    let many = match noun.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    };
    match count {
        0 => format!("no {many}"),
        1 => format!("1 {noun}"),
        _ => format!("{count} {many}"),
    }
}
