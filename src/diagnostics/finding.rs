//! The results of checks, independent of how they are presented.

/// The remedy for a failed request to Vault that may have many causes.
pub(super) const CHECK_VAULT: &str = "check that Vault responds to other clients";

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The check passed.
    Ok,
    /// The check passed, with something to review.
    Warning,
    /// The check failed.
    Failed,
    /// The check could not be performed, which implies nothing about its result.
    Skipped,
}

/// The result of one check, with its message and a remedy.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// The result.
    pub status: Status,
    /// The observed facts, or the reason why the check was skipped.
    pub message: String,
    /// The action that fixes the problem; empty if there is none.
    pub remedy: String,
}

impl Finding {
    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Status::Ok, message, "")
    }

    pub(super) fn warning(
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(check, Status::Warning, message, remedy)
    }

    pub(super) fn failed(
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(check, Status::Failed, message, remedy)
    }

    pub(super) fn skipped(
        check: &'static str,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(check, Status::Skipped, reason, remedy)
    }

    fn new(
        check: &'static str,
        status: Status,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { check, status, message: message.into(), remedy: remedy.into() }
    }
}

/// The findings about one subject, such as Vault or the proxy.
#[derive(Clone, Debug)]
pub struct CheckGroup {
    /// The identifier in JSON output.
    pub id: &'static str,
    /// The heading in text output.
    pub title: String,
    /// The findings, in the order of the checks.
    pub findings: Vec<Finding>,
}

impl CheckGroup {
    pub(super) fn new(id: &'static str, title: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self { id, title: title.into(), findings }
    }

    /// Returns a group whose checks are all skipped for the same reason.
    pub(super) fn skipped(
        id: &'static str,
        title: &str,
        checks: &[&'static str],
        reason: &str,
    ) -> Self {
        Self::new(id, title, skipped(checks.iter().copied(), reason).collect())
    }
}

/// Returns a skipped finding for each of these checks, all for the same reason.
pub(super) fn skipped(
    checks: impl IntoIterator<Item = &'static str>,
    reason: &str,
) -> impl Iterator<Item = Finding> {
    checks.into_iter().map(move |check| Finding::skipped(check, reason, ""))
}

/// The findings of a whole run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The findings, by subject.
    pub groups: Vec<CheckGroup>,
    /// The errors of revoking the tokens that the run obtained.
    pub revocation_errors: Vec<String>,
}

impl Report {
    /// Returns the number of checks with this result.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        let findings = self.groups.iter().flat_map(|group| &group.findings);
        findings.filter(|finding| finding.status == status).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        CheckGroup, Finding, Report,
        Status::{Failed, Ok, Skipped, Warning},
    };

    #[test]
    fn report_counts_findings_of_all_groups() {
        let mixed = vec![Finding::ok("a", ""), Finding::failed("b", "", "")];
        let groups =
            vec![CheckGroup::new("x", "X", mixed), CheckGroup::skipped("y", "Y", &["c", "d"], "")];
        let report = Report { groups, ..Report::default() };
        let counts = [Ok, Warning, Failed, Skipped].map(|status| report.count(status));
        assert_eq!(counts, [1, 0, 1, 2]);
    }
}
