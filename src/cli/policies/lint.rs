use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::folder::{LintReport, PolicyFolder, as_json, show};
use crate::{
    cli::{
        output::{OutputArgs, TextStyle, pluralize},
        sources::{ConfigArgs, ForPolicies},
        usage_error,
    },
    config::Settings,
    policy::{Lint, Server, Severity},
};

/// Lint policies for mistakes that Vault accepts silently. Works offline.
///
/// Exits with 1 if there are errors; hints never fail. The KV version 2 paths are checked on the
/// mount of `VALIDATOR_KV_MOUNT`, and on mounts below which a policy names data/ or metadata/.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator policies lint policies/
  vault-auth-validator policies lint policies/ --strict --allow legacy --output json
  vault-auth-validator policies lint policies/ --server openbao")]
pub(super) struct LintArgs {
    #[command(flatten)]
    folder: PolicyFolder,
    /// Exit with 1 for warnings as well.
    #[arg(long)]
    strict: bool,
    /// Ignore findings of this check. May be repeated.
    #[arg(long = "allow", value_name = "CHECK")]
    allowed: Vec<Lint>,
    /// The target server: `openbao` or `vault`. Features that it rejects are errors; features that
    /// only the other rejects are ignored.
    #[arg(long, value_name = "SERVER")]
    server: Option<Server>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    config: ConfigArgs<ForPolicies>,
}

impl LintArgs {
    pub(super) fn run(self) -> ExitCode {
        let mounts = match Settings::load_mounts(self.config.sources()) {
            Ok(mounts) => mounts,
            Err(faults) => return usage_error(faults),
        };
        let report = match self.folder.lint(&mounts, &self.allowed) {
            Ok(report) => report,
            Err(error) => return error.exit(self.output),
        };
        let report = match self.server {
            Some(server) => report.for_server(server),
            None => report,
        };
        let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
        let json = || {
            json!({
                "policies": report.set.len(),
                "errors": errors,
                "warnings": warnings,
                "hints": report.count(Severity::Hint),
                "findings": report.findings.iter().map(as_json).collect::<Vec<_>>(),
            })
        };
        self.output.print(json, |style| as_text(&report, style));
        let failed = errors > 0 || (self.strict && warnings > 0);
        if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

fn as_text(report: &LintReport, style: &TextStyle) -> String {
    let errors = pluralize(report.count(Severity::Error), "error");
    let warnings = pluralize(report.count(Severity::Warning), "warning");
    let hints = match report.count(Severity::Hint) {
        0 => String::new(),
        count => format!(", {}", pluralize(count, "hint")),
    };
    let summary = format!("{}: {errors}, {warnings}{hints}", pluralize(report.set.len(), "policy"));
    let findings = report.findings.iter().map(|finding| show(finding, style));
    findings.chain([summary]).collect::<Vec<_>>().join("\n\n")
}
