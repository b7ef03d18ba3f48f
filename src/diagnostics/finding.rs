//! What was found, apart from how it is shown.

use serde_json::{Value, json};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was made, and all is as it should be.
    Ok,
    /// It was made, and something deserves a look.
    Warning,
    /// It was made, and something is wrong.
    Failed,
    /// It could not be made, which says nothing of what it would have shown.
    Skipped,
}

impl Outcome {
    /// For people.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAIL",
            Self::Skipped => "skipped",
        }
    }

    /// For programs.
    fn id(self) -> &'static str {
        match self {
            Self::Failed => "fail",
            other => other.word(),
        }
    }
}

/// The outcome of one check.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) outcome: Outcome,
    pub(super) detail: String,
    /// What to do about it; empty for what is as it should be.
    pub(super) remedy: String,
}

impl Finding {
    pub(super) fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Outcome::Ok, detail, "")
    }

    pub(super) fn warning(
        check: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(check, Outcome::Warning, detail, remedy)
    }

    pub(super) fn failed(
        check: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(check, Outcome::Failed, detail, remedy)
    }

    pub(super) fn skipped(
        check: &'static str,
        because: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(check, Outcome::Skipped, because, remedy)
    }

    fn new(
        check: &'static str,
        outcome: Outcome,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { check, outcome, detail: detail.into(), remedy: remedy.into() }
    }

    fn as_json(&self) -> Value {
        let remedy = (!self.remedy.is_empty()).then_some(&self.remedy);
        json!({
            "check": self.check,
            "outcome": self.outcome.id(),
            "detail": self.detail,
            "remedy": remedy,
        })
    }
}

/// Checks of one thing.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// For programs.
    pub(super) id: &'static str,
    /// For people.
    pub(super) title: String,
    pub(super) findings: Vec<Finding>,
}

impl Group {
    pub(super) fn new(id: &'static str, title: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self { id, title: title.into(), findings }
    }

    /// Checks that could not be made, all for the same reason.
    pub(super) fn skipped(
        id: &'static str,
        title: &str,
        checks: &[&'static str],
        because: &str,
    ) -> Self {
        let finding = |check: &&'static str| Finding::skipped(check, because, "");
        Self::new(id, title, checks.iter().map(finding).collect())
    }
}

/// All that was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Diagnosis(pub(super) Vec<Group>);

impl Diagnosis {
    /// How many checks ended like this.
    pub(super) fn count(&self, outcome: Outcome) -> usize {
        let findings = self.0.iter().flat_map(|group| &group.findings);
        findings.filter(|finding| finding.outcome == outcome).count()
    }

    pub(super) fn as_json(&self) -> Value {
        let group = |group: &Group| {
            let findings: Vec<_> = group.findings.iter().map(Finding::as_json).collect();
            json!({"group": group.id, "title": group.title, "checks": findings})
        };
        json!({
            "healthy": self.count(Outcome::Failed) == 0,
            "ok": self.count(Outcome::Ok),
            "warnings": self.count(Outcome::Warning),
            "failed": self.count(Outcome::Failed),
            "skipped": self.count(Outcome::Skipped),
            "groups": self.0.iter().map(group).collect::<Vec<_>>(),
        })
    }
}
