//! The built-in policies, and their expectations.

use super::PolicySource;

/// Embeds files of the folder `policies`.
macro_rules! files {
    ($($file:literal)*) => {
        [$(($file, include_str!(concat!("../../policies/", $file)))),*]
    };
}

const POLICIES: [(&str, &str); 25] = files! {
    "agent-director.hcl"
    "agent-executor.hcl"
    "agent-writer.hcl"
    "crm-agent.hcl"
    "key-rotator.hcl"
    "mcp-transit.hcl"
    "operator.hcl"
    "policy-auditor.hcl"
    "route-ai.hcl"
    "route-bot.hcl"
    "route-chatwoot.hcl"
    "route-crm.hcl"
    "route-demo.hcl"
    "route-grafana.hcl"
    "route-kpi.hcl"
    "route-mcp.hcl"
    "route-n8n.hcl"
    "route-odoo.hcl"
    "route-otel.hcl"
    "route-sentry.hcl"
    "staff.hcl"
    "tenant.hcl"
    "validator-drift.hcl"
    "validator.hcl"
    "version-destroyer.hcl"
};

const EXPECTATIONS: [(&str, &str); 8] = files! {
    "tests/agents.toml"
    "tests/crm-agent.toml"
    "tests/mcp-transit.toml"
    "tests/operators.toml"
    "tests/routes.toml"
    "tests/staff.toml"
    "tests/tenant.toml"
    "tests/validator.toml"
};

/// The mounts that the policies name: KV version 2, and transit.
pub const MOUNTS: [&str; 2] = ["secret", "transit"];

/// The KV version 2 mount of the agents' own secrets.
pub const AGENTS_MOUNT: &str = "smarteros";

/// Returns the policies.
#[must_use]
pub fn policies() -> Vec<PolicySource> {
    sources(&POLICIES)
}

/// Returns the expectations of the policies.
#[must_use]
pub fn expectations() -> Vec<PolicySource> {
    sources(&EXPECTATIONS)
}

fn sources(files: &[(&str, &str)]) -> Vec<PolicySource> {
    let source = |(file, text): &(&str, &str)| PolicySource::new(format!("policies/{file}"), *text);
    files.iter().map(source).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{PolicySource, expectations, policies};

    #[test]
    fn all_policy_files_are_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        for (builtin, folder, extension) in
            [(policies(), folder.clone(), "hcl"), (expectations(), folder.join("tests"), "toml")]
        {
            let found = PolicySource::read_all(&folder, extension).unwrap();
            let names = |sources: &[PolicySource]| -> Vec<(String, String)> {
                let name = |source: &PolicySource| (source.stem().to_owned(), source.text.clone());
                sources.iter().map(name).collect()
            };
            assert_eq!(names(&builtin), names(&found));
        }
    }
}
