use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::folder::{Folder, Linted, as_json, show};
use crate::{
    cli::{
        output::{OutputArgs, TextStyle, pluralize},
        sources::{ConfigArgs, ForPolicies},
        usage_error,
    },
    config::Settings,
    policy::{Check, Server, Severity},
};

/// Find mistakes in policies, most of which Vault would accept silently. Asks no Vault.
///
/// Exits with 1 if there are errors; hints never matter. A mount is held to KV version 2's paths if it is the one of
/// `VALIDATOR_KV_MOUNT`, or if one of the policies names data/ or metadata/ below it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator policies lint policies/
  vault-auth-validator policies lint policies/ --strict --allow legacy --output json
  vault-auth-validator policies lint policies/ --server openbao")]
pub(super) struct Lint {
    #[command(flatten)]
    folder: Folder,
    /// Exit with 1 for warnings as well.
    #[arg(long)]
    strict: bool,
    /// Pass over what this check finds. May be repeated.
    #[arg(long = "allow", value_name = "CHECK")]
    allowed: Vec<Check>,
    /// The server that the policies are for: `openbao` or `vault`. What it refuses is an error, and
    /// what only the other refuses is no finding.
    #[arg(long, value_name = "SERVER")]
    server: Option<Server>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    config: ConfigArgs<ForPolicies>,
}

impl Lint {
    pub(super) fn run(self) -> ExitCode {
        let mounts = match Settings::load_mounts(self.config.sources()) {
            Ok(mounts) => mounts,
            Err(faults) => return usage_error(faults),
        };
        let linted = match self.folder.lint(&mounts, &self.allowed) {
            Ok(linted) => linted,
            Err(error) => return error.exit(self.output),
        };
        let linted = match self.server {
            Some(server) => linted.for_server(server),
            None => linted,
        };
        let (errors, warnings) = (linted.count(Severity::Error), linted.count(Severity::Warning));
        let json = || {
            json!({
                "policies": linted.set.len(),
                "errors": errors,
                "warnings": warnings,
                "hints": linted.count(Severity::Hint),
                "findings": linted.findings.iter().map(as_json).collect::<Vec<_>>(),
            })
        };
        self.output.print(json, |style| as_text(&linted, style));
        let failed = errors > 0 || (self.strict && warnings > 0);
        if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

fn as_text(linted: &Linted, style: &TextStyle) -> String {
    let errors = pluralize(linted.count(Severity::Error), "error");
    let warnings = pluralize(linted.count(Severity::Warning), "warning");
    let hints = match linted.count(Severity::Hint) {
        0 => String::new(),
        count => format!(", {}", pluralize(count, "hint")),
    };
    let summary = format!("{}: {errors}, {warnings}{hints}", pluralize(linted.set.len(), "policy"));
    let findings = linted.findings.iter().map(|finding| show(finding, style));
    findings.chain([summary]).collect::<Vec<_>>().join("\n\n")
}
