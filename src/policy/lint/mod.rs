//! Mistakes that Vault accepts silently.

mod check;
mod denials;
mod kv;
mod paths;
mod rules;
mod tenants;

use std::collections::BTreeSet;

pub use self::check::{Check, Severity};
use super::{Finding, Member, PolicySet, Position};

/// Where the engines of this platform are mounted, without slashes at the ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounts {
    /// The tenants' secrets: KV version 2.
    pub kv: String,
    /// The tenants' keys.
    pub transit: String,
}

/// What a check has to say about a place in a policy.
struct Note {
    check: Check,
    at: Position,
    message: String,
    remedy: String,
}

impl Note {
    fn new(
        check: Check,
        at: Position,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { check, at, message: message.into(), remedy: remedy.into() }
    }
}

/// What there is to know beyond a single policy.
struct Surroundings<'s> {
    mounts: &'s Mounts,
    /// The KV version 2 mounts, as far as they are known.
    kv: BTreeSet<String>,
    /// The tenants that the policies name.
    tenants: BTreeSet<String>,
}

impl PolicySet {
    /// Everything in these policies that should be mended, in the order of files and lines. That
    /// includes the rules that could be read in files that have errors.
    #[must_use]
    pub fn lint(&self, mounts: &Mounts) -> Vec<Finding> {
        let surroundings = Surroundings {
            mounts,
            kv: kv::mounts(self, mounts),
            tenants: tenants::named(self, mounts),
        };
        let sound = self.iter().map(|(name, member)| {
            let mut notes = rules::of_policy(name.as_str(), &member.policy);
            notes.extend(rule_notes(name.as_str(), member, &surroundings));
            (member, notes)
        });
        // Nothing is said of a file as a whole of which only a part could be read.
        let faulty = self.faulty().iter();
        let faulty =
            faulty.map(|member| (member, rule_notes(member.source.stem(), member, &surroundings)));
        let mut findings = Vec::new();
        for (member, mut notes) in sound.chain(faulty) {
            notes.sort_by_key(|note| note.at);
            findings.extend(notes.into_iter().map(|Note { check, at, message, remedy }| {
                Finding::new(&member.source, check, at, message, remedy)
            }));
        }
        findings
    }
}

fn rule_notes(name: &str, member: &Member, surroundings: &Surroundings<'_>) -> Vec<Note> {
    let policy = &member.policy;
    let mut notes = rules::duplicate_paths(policy);
    for rule in policy.rules() {
        notes.extend(rules::of_rule(rule));
        notes.extend(paths::of_rule(rule));
        notes.extend(denials::of_rule(rule));
        notes.extend(kv::of_rule(rule, &surroundings.kv));
        notes.extend(tenants::transit_create(rule, surroundings));
    }
    notes.extend(tenants::reach(name, policy, surroundings));
    notes
}

#[cfg(test)]
mod tests;
