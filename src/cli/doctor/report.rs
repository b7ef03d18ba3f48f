//! A diagnosis for people.

use super::diagnosis::{Diagnosis, Finding, Outcome};
use crate::cli::output::{Style, columns, printable};

/// Every group under its title, the remedy below what needs one, and a summary.
pub(super) fn as_text(diagnosis: &Diagnosis, style: &Style) -> String {
    let groups = diagnosis.0.iter().map(|group| {
        let next = group.findings.iter().skip(1).map(Some).chain([None]);
        let rows = group.findings.iter().zip(next);
        let rows: Vec<_> = rows.flat_map(|(finding, next)| rows_of(finding, next, style)).collect();
        format!("{}\n{}\n", style.place(&printable(&group.title)), columns(&rows))
    });
    groups.chain([summary(diagnosis, style)]).collect::<Vec<_>>().join("\n")
}

/// A line for a finding, and one for its remedy, which stands below the last of those that share it.
fn rows_of(finding: &Finding, next: Option<&Finding>, style: &Style) -> Vec<[String; 3]> {
    let word = finding.outcome.word();
    let word = match finding.outcome {
        Outcome::Ok => style.good(word),
        Outcome::Failed => style.bad(word),
        Outcome::Warning | Outcome::Skipped => style.doubtful(word),
    };
    let detail = match finding.outcome {
        Outcome::Skipped => format!("because {}", finding.detail),
        _ => finding.detail.clone(),
    };
    let mut rows = vec![[word, finding.check.to_owned(), detail]];
    let shared = next.is_some_and(|next| next.remedy == finding.remedy);
    if !finding.remedy.is_empty() && !shared {
        let remedy = format!("-> {}", finding.remedy);
        rows.push([String::new(), String::new(), remedy]);
    }
    rows
}

fn summary(diagnosis: &Diagnosis, style: &Style) -> String {
    let count = |outcome: Outcome| format!("{} {}", diagnosis.count(outcome), outcome.word());
    let all = [Outcome::Ok, Outcome::Warning, Outcome::Failed, Outcome::Skipped].map(count);
    let all = all.join(", ");
    match (diagnosis.count(Outcome::Failed), diagnosis.count(Outcome::Skipped)) {
        (0, 0) => format!("{all}: {}", style.good("nothing is wrong")),
        (0, _) => format!("{all}: {}, as far as could be seen", style.good("nothing is wrong")),
        _ => format!("{all}: {}", style.bad("something is wrong")),
    }
}
