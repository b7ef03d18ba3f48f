use std::{
    fmt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{
        output::{OutputArgs, TextStyle, pluralize},
        print_error, usage_error,
    },
    policy::{
        Lint, LintFinding, Mounts, PolicySet, PolicySource, Server, Severity, TestCaller, builtin,
        read_expectations,
    },
};

/// The argument for the policies' folder.
#[derive(Args)]
pub(in crate::cli) struct PolicyFolder {
    /// Folder with policies (NAME.hcl) and their expectations (tests/*.toml) [default: the
    /// built-in policies]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Policies and their findings.
pub(super) struct LintReport {
    pub(super) set: PolicySet,
    pub(super) findings: Vec<LintFinding>,
}

/// An error that prevents a command from starting.
pub(in crate::cli) enum FolderError {
    /// The folder contains no usable files.
    Unreadable(String),
    /// The files have errors; the findings contain only those.
    Findings(Vec<LintFinding>),
    /// The policies do not fit the command.
    Unsuitable(String),
}

impl PolicyFolder {
    /// Uses this folder, or the built-in policies without one.
    pub(in crate::cli) fn new(dir: Option<PathBuf>) -> Self {
        Self { dir }
    }

    /// Returns the policies with their findings, except the allowed ones.
    pub(super) fn lint(
        &self,
        mounts: &Mounts,
        allowed: &[Lint],
    ) -> Result<LintReport, FolderError> {
        let LintReport { set, mut findings } = self.read()?;
        findings.extend(set.lint(mounts));
        findings.retain(|finding| !allowed.contains(&finding.check));
        findings.sort_by(|one, other| (&one.file, one.at).cmp(&(&other.file, other.at)));
        Ok(LintReport { set, findings })
    }

    /// Returns the policies, or an error if one of them has lint errors.
    pub(in crate::cli) fn without_lint_errors(
        &self,
        mounts: &Mounts,
        allowed: &[Lint],
    ) -> Result<PolicySet, FolderError> {
        Ok(self.lint(mounts, allowed)?.without_errors()?.set)
    }

    /// Returns the policies, or an error if one of them cannot be read.
    pub(super) fn readable(&self) -> Result<PolicySet, FolderError> {
        Ok(self.read()?.without_errors()?.set)
    }

    /// Reads the policies, with the findings of invalid files.
    fn read(&self) -> Result<LintReport, FolderError> {
        let sources = match &self.dir {
            None => builtin::policies(),
            Some(dir) => files(dir, "hcl")?,
        };
        let (set, findings) = PolicySet::read(sources);
        Ok(LintReport { set, findings })
    }

    /// Reads the callers of the expectations.
    pub(super) fn expectations(&self, set: &PolicySet) -> Result<Vec<TestCaller>, FolderError> {
        let sources = match &self.dir {
            None => builtin::expectations(),
            Some(dir) => files(&dir.join("tests"), "toml")?,
        };
        let mut callers = Vec::new();
        let mut findings = Vec::new();
        for source in &sources {
            match read_expectations(source, set) {
                Ok(found) => callers.extend(found),
                Err(finding) => findings.push(*finding),
            }
        }
        if findings.is_empty() { Ok(callers) } else { Err(FolderError::Findings(findings)) }
    }
}

/// Reads the files of a folder, of which there must be at least one.
fn files(folder: &Path, extension: &str) -> Result<Vec<PolicySource>, FolderError> {
    let found = PolicySource::read_all(folder, extension);
    found.map_err(|error| FolderError::Unreadable(error.to_string()))
}

impl LintReport {
    /// Returns the number of findings with this severity.
    pub(super) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Returns the report for this target server.
    pub(super) fn for_server(self, server: Server) -> Self {
        let findings = self.findings.into_iter();
        Self {
            findings: findings.filter_map(|finding| finding.for_server(server)).collect(),
            ..self
        }
    }

    /// Returns whether a finding depends on the target server.
    pub(super) fn depends_on_server(&self) -> bool {
        let differs = |check| matches!(check, Lint::OpenBaoOnly | Lint::VaultOnly);
        self.findings.iter().any(|finding| differs(finding.check))
    }

    /// Returns the report, or an error if it contains errors.
    pub(super) fn without_errors(mut self) -> Result<Self, FolderError> {
        if self.count(Severity::Error) == 0 {
            return Ok(self);
        }
        self.findings.retain(|finding| finding.severity == Severity::Error);
        Err(FolderError::Findings(self.findings))
    }
}

/// Fails if this server would reject one of the policies.
pub(in crate::cli) fn check_accepted_by(
    server: Server,
    set: &PolicySet,
    mounts: &Mounts,
) -> Result<(), String> {
    let report = LintReport { set: set.clone(), findings: set.lint(mounts) };
    let accepted = report.for_server(server).without_errors();
    accepted.map(drop).map_err(|error| error.to_string())
}

impl FolderError {
    /// Reports the error on standard error, findings also on standard output for programs, and
    /// returns the exit code for it.
    pub(in crate::cli) fn exit(&self, output: OutputArgs) -> ExitCode {
        match self {
            Self::Unreadable(why) => return usage_error(why),
            Self::Findings(findings) if !output.is_text() => {
                let findings: Vec<_> = findings.iter().map(as_json).collect();
                let json = || json!({"errors": findings.len(), "findings": findings});
                output.print(json, |_| String::new());
            }
            Self::Findings(_) | Self::Unsuitable(_) => {}
        }
        print_error(self);
        ExitCode::FAILURE
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) | Self::Unsuitable(why) => f.write_str(why),
            Self::Findings(findings) => {
                let shown: Vec<_> =
                    findings.iter().map(|finding| show(finding, &TextStyle::plain())).collect();
                let count = pluralize(findings.len(), "error");
                write!(f, "{count} in the files; nothing was written\n\n{}", shown.join("\n\n"))
            }
        }
    }
}

/// Formats a finding as text.
pub(super) fn show(finding: &LintFinding, style: &TextStyle) -> String {
    let LintFinding { check, severity, message, .. } = finding;
    let head = format!("{}[{check}]", severity.as_str());
    let head = match severity {
        Severity::Error => style.error(&head),
        Severity::Warning => style.warning(&head),
        Severity::Hint => style.heading(&head),
    };
    format!("{head}: {message}\n{finding}")
}

/// Formats a finding as JSON.
pub(super) fn as_json(finding: &LintFinding) -> Value {
    json!({
        "check": finding.check.id(),
        "severity": finding.severity.as_str(),
        "file": finding.file,
        "line": finding.at.line,
        "column": finding.at.column,
        "message": finding.message,
        "remedy": finding.remedy,
        "excerpt": finding.line(),
    })
}
