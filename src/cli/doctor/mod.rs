//! `doctor`: runs the diagnostics and prints their findings.

mod flags;
mod report;

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use self::flags::{ProxyArgs, read_policies};
use crate::{
    cli::{
        operator::{block_on, revoke_on_signal},
        output::{OutputArgs, print_warning},
        sources::{ConfigArgs, ForDoctor},
        usage_error,
    },
    config::PartialSettings,
    diagnostics::{AllowedLogins, Diagnostics, Status},
};

/// Check everything that this service depends on, and print how to fix problems.
///
/// These are Vault, the service's own token, mounts, tenants' keys, policies, audit devices, the
/// configuration, with `VALIDATOR_LOGIN_URL` the logins in a browser, with `VALIDATOR_RESOURCES` OAuth
/// for MCP clients, and with --caddy the proxy in front. Nothing is changed or consumed: without
/// --login there is no login with a secret id, whose uses may be limited. A check that cannot be
/// performed is `skipped`, never `ok`. Exits with 1 if a check fails.
///
/// The service's token is that of its AppRole, or the one that `serve` would use instead. With an
/// AppRole, `VAULT_TOKEN` is yours; so is the token that `vault login` stored, and with --operator
/// the configured login. Checks that need an operator's permissions use your token.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator doctor
  vault-auth-validator doctor --login
  vault-auth-validator doctor --output json | jq '.groups[].checks[] | select(.outcome == \"fail\")'
  vault-auth-validator doctor --caddy https://203.0.113.7 --host acme.crm.example.com \\
      --caddy-token - --auth-listener 203.0.113.7:8080 < token-file")]
pub(super) struct Doctor {
    /// Use the configured login as the operator's, not the service's.
    #[arg(long)]
    operator: bool,
    /// Log in with the service's AppRole to check the permissions of its token. That consumes a use
    /// of the secret id, if its uses are limited. The token is revoked at the end.
    #[arg(long)]
    login: bool,
    /// The address of the auth listener in the network of clients, who must not be able to reach it.
    #[arg(long, value_name = "HOST:PORT")]
    auth_listener: Option<String>,
    /// A directory with the policies that Vault should have, instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    /// Rejected; declared so that clap does not echo what may be a token as an unexpected argument.
    #[arg(hide = true)]
    argument: Vec<String>,
    #[command(flatten)]
    proxy: ProxyArgs,
    #[command(flatten)]
    config: ConfigArgs<ForDoctor>,
}

impl Doctor {
    pub(super) fn run(self) -> ExitCode {
        if !self.argument.is_empty() {
            return usage_error(
                "doctor takes no argument besides its options: a token is read from a file or from \
                 standard input, and one passed as an argument is visible to other users",
            );
        }
        let policies = self.policies.as_deref();
        let inputs = self.proxy.site().and_then(|site| Ok((site, read_policies(policies)?)));
        let (site, policies) = match inputs {
            Ok(inputs) => inputs,
            Err(why) => return usage_error(why),
        };
        let setup = PartialSettings::load(&self.config.sources());
        let setup = if self.operator { setup.as_operator() } else { setup };
        let logins = if self.login { AllowedLogins::Consuming } else { AllowedLogins::Free };
        let (output, auth_listener) = (self.output, self.auth_listener);
        let diagnostics = Diagnostics { setup, policies, logins, auth_listener, site };
        block_on(async || {
            let report = diagnostics.run(&revoke_on_signal).await;
            report.revocation_errors.iter().for_each(|error| print_warning(error));
            output.print(|| report::as_json(&report), |style| report::as_text(&report, style));
            match report.count(Status::Failed) {
                0 => Ok(ExitCode::SUCCESS),
                _ => Ok(ExitCode::FAILURE),
            }
        })
    }
}
