//! The log lines about differences: one when they begin, change or end, and one when comparisons fail
//! and when they succeed again.

use crate::policy::PolicyDifferences;

/// The maximum number of names of one kind in a line.
const MAX_NAMES: usize = 20;

/// The results that were logged last.
#[derive(Default)]
pub(super) struct DriftLog {
    /// The differences that the last successful comparison found.
    differences: PolicyDifferences,
    /// The reason of the last comparison's failure.
    failure: Option<String>,
}

/// A change that is logged.
#[derive(Debug, PartialEq, Eq)]
enum DriftEvent {
    /// Comparisons fail, for this reason.
    Failed(String),
    /// Comparisons succeed again.
    Recovered,
    /// There are other differences than before.
    Differ(PolicyDifferences),
    /// There are no differences any more.
    Equal,
}

impl DriftLog {
    /// Logs what the result of a comparison changes.
    pub(super) fn record(&mut self, outcome: Result<PolicyDifferences, String>) {
        for event in self.events(outcome) {
            match event {
                DriftEvent::Failed(reason) => {
                    tracing::warn!(reason, "policies in Vault cannot be compared with their files");
                }
                DriftEvent::Recovered => {
                    tracing::info!("policies in Vault are compared with their files again");
                }
                DriftEvent::Differ(PolicyDifferences { changed, missing, extra }) => {
                    let [changed, missing, extra] =
                        [changed, missing, extra].map(|names| listed(&names));
                    tracing::warn!(
                        changed,
                        missing,
                        extra,
                        "policies in Vault differ from their files"
                    );
                }
                DriftEvent::Equal => {
                    tracing::info!("policies in Vault no longer differ from their files");
                }
            }
        }
    }

    /// Returns what the result of a comparison changes. A failure with another reason is a change.
    fn events(&mut self, outcome: Result<PolicyDifferences, String>) -> Vec<DriftEvent> {
        let mut events = Vec::new();
        match outcome {
            Err(reason) => {
                if self.failure.as_ref() != Some(&reason) {
                    self.failure = Some(reason.clone());
                    events.push(DriftEvent::Failed(reason));
                }
            }
            Ok(differences) => {
                events.extend(self.failure.take().map(|_| DriftEvent::Recovered));
                if differences != self.differences {
                    self.differences = differences.clone();
                    events.push(if differences.is_empty() {
                        DriftEvent::Equal
                    } else {
                        DriftEvent::Differ(differences)
                    });
                }
            }
        }
        events
    }
}

/// Returns the names, or the first of them with the number of the others; `None` without names.
fn listed(names: &[String]) -> Option<String> {
    let (shown, others) = names.split_at(names.len().min(MAX_NAMES));
    let shown = shown.join(", ");
    match (names.len(), others.len()) {
        (0, _) => None,
        (_, 0) => Some(shown),
        (_, others) => Some(format!("{shown} and {others} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::{DriftEvent, DriftLog, MAX_NAMES, PolicyDifferences, listed};

    #[test]
    fn only_changes_are_logged() {
        let changed = |name: &str| PolicyDifferences {
            changed: vec![name.to_owned()],
            ..PolicyDifferences::default()
        };
        let none = PolicyDifferences::default;
        let failed = || Err("sealed".to_owned());
        let mut log = DriftLog::default();
        let mut after = |outcome| log.events(outcome);
        assert_eq!(after(Ok(none())), []);
        assert_eq!(after(Ok(changed("a"))), [DriftEvent::Differ(changed("a"))]);
        assert_eq!(after(Ok(changed("a"))), []);
        assert_eq!(after(failed()), [DriftEvent::Failed("sealed".to_owned())]);
        assert_eq!(after(failed()), []);
        assert_eq!(after(Err("timeout".to_owned())), [DriftEvent::Failed("timeout".to_owned())]);
        assert_eq!(after(Ok(changed("a"))), [DriftEvent::Recovered]);
        assert_eq!(after(Ok(changed("b"))), [DriftEvent::Differ(changed("b"))]);
        assert_eq!(after(failed()).len(), 1);
        assert_eq!(after(Ok(none())), [DriftEvent::Recovered, DriftEvent::Equal]);
        assert_eq!(after(Ok(none())), []);
    }

    #[test]
    fn number_of_listed_names_is_limited() {
        let names: Vec<String> = (0..MAX_NAMES + 2).map(|number| format!("p{number}")).collect();
        assert_eq!(listed(&[]), None);
        assert_eq!(listed(&names[..2]).as_deref(), Some("p0, p1"));
        assert!(listed(&names[..MAX_NAMES]).is_some_and(|text| text.ends_with("p18, p19")));
        assert!(listed(&names).is_some_and(|text| text.ends_with("p18, p19 and 2 more")));
    }
}
