//! Lints for mistakes that Vault accepts silently.

mod catalog;
mod denials;
mod kv;
mod mcp;
mod paths;
mod rules;
mod tenants;

use std::collections::BTreeSet;

pub use self::catalog::{Lint, Severity};
use super::{LintFinding, PolicyFile, PolicySet, Position};

/// The mount paths of the platform's secrets engines, without leading and trailing slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounts {
    /// The mount of the tenants' secrets: KV version 2.
    pub kv: String,
    /// The mount of the tenants' keys: transit.
    pub transit: String,
}

/// A result of a lint at a position in a policy.
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

/// The context shared by all lints: mounts, tenant names and routes of MCP.
struct LintContext<'s> {
    mounts: &'s Mounts,
    /// The known KV version 2 mounts.
    kv: BTreeSet<String>,
    /// The tenants named in the policies.
    tenants: BTreeSet<String>,
    /// The routes for clients of the Model Context Protocol.
    mcp_routes: BTreeSet<String>,
}

impl PolicySet {
    /// Runs all lints, and returns the findings by file and line. Rules that could be parsed in
    /// invalid files are included.
    #[must_use]
    pub fn lint(&self, mounts: &Mounts) -> Vec<LintFinding> {
        let context = LintContext {
            mounts,
            kv: kv::mounts(self, mounts),
            tenants: tenants::named(self, mounts),
            mcp_routes: mcp::routes(self),
        };
        let valid = self.iter().map(|(name, file)| {
            let mut diagnostics = rules::check_policy(name.as_str(), &file.policy);
            diagnostics.extend(mcp::check_listing(&file.policy, &context.mcp_routes));
            diagnostics.extend(rule_diagnostics(name.as_str(), file, &context));
            (file, diagnostics)
        });
        // Lints of a whole policy are skipped for partially parsed files.
        let invalid = self.invalid().iter();
        let invalid =
            invalid.map(|file| (file, rule_diagnostics(file.source.stem(), file, &context)));
        let mut findings = Vec::new();
        for (file, mut diagnostics) in valid.chain(invalid) {
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
        diagnostics.extend(mcp::check_rule(rule, &context.mcp_routes));
        diagnostics.extend(tenants::transit_create(rule, context));
    }
    diagnostics.extend(tenants::check_tenant_isolation(name, policy, context));
    diagnostics
}

#[cfg(test)]
mod tests;
