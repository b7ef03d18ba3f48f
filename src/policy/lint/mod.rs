//! Mistakes that Vault accepts silently.

mod catalog;
mod denials;
mod kv;
mod paths;
mod rules;
mod tenants;

use std::collections::BTreeSet;

pub use self::catalog::{Lint, Severity};
use super::{LintFinding, PolicyFile, PolicySet, Position};

/// Where the engines of this platform are mounted, without slashes at the ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounts {
    /// The tenants' secrets: KV version 2.
    pub kv: String,
    /// The tenants' keys.
    pub transit: String,
}

/// What a catalog has to say about a place in a policy.
struct Diagnostic {
    catalog: Lint,
    at: Position,
    message: String,
    remedy: String,
}

impl Diagnostic {
    fn new(
        catalog: Lint,
        at: Position,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { catalog, at, message: message.into(), remedy: remedy.into() }
    }
}

/// What there is to know beyond a single policy.
struct LintContext<'s> {
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
    pub fn lint(&self, mounts: &Mounts) -> Vec<LintFinding> {
        let context = LintContext {
            mounts,
            kv: kv::mounts(self, mounts),
            tenants: tenants::named(self, mounts),
        };
        let sound = self.iter().map(|(name, file)| {
            let mut diagnostics = rules::check_policy(name.as_str(), &file.policy);
            diagnostics.extend(rule_diagnostics(name.as_str(), file, &context));
            (file, diagnostics)
        });
        // Nothing is said of a file as a whole of which only a part could be read.
        let invalid = self.invalid().iter();
        let invalid =
            invalid.map(|file| (file, rule_diagnostics(file.source.stem(), file, &context)));
        let mut findings = Vec::new();
        for (file, mut diagnostics) in sound.chain(invalid) {
            diagnostics.sort_by_key(|diagnostic| diagnostic.at);
            findings.extend(diagnostics.into_iter().map(
                |Diagnostic { catalog, at, message, remedy }| {
                    LintFinding::new(&file.source, catalog, at, message, remedy)
                },
            ));
        }
        findings
    }
}

fn rule_diagnostics(name: &str, file: &PolicyFile, context: &LintContext<'_>) -> Vec<Diagnostic> {
    let policy = &file.policy;
    let mut diagnostics = rules::duplicate_paths(policy);
    for rule in policy.rules() {
        diagnostics.extend(rules::check_rule(rule));
        diagnostics.extend(paths::check_rule(rule));
        diagnostics.extend(denials::check_rule(rule));
        diagnostics.extend(kv::check_rule(rule, &context.kv));
        diagnostics.extend(tenants::transit_create(rule, context));
    }
    diagnostics.extend(tenants::check_tenant_isolation(name, policy, context));
    diagnostics
}

#[cfg(test)]
mod tests;
