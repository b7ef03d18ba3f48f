//! Whether everything is as this program needs it, and what to do where it is not.

mod connection;
mod diagnosis;
mod drift;
mod engine;
mod flags;
mod keys;
mod platform;
mod proxy;
mod report;
mod rights;
mod rotation;
mod server;
mod service;
mod sessions;
mod token;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::Args;

use self::{
    diagnosis::{Diagnosis, Group, Outcome},
    flags::{ProxyArgs, shipped_or},
    platform::Places,
    sessions::{Logins, Sessions},
};
use crate::{
    cli::{
        misused,
        operator::to_the_end,
        output::Output,
        sources::{ConfigArgs, ForDoctor},
    },
    config::Setup,
    policies::PolicySet,
    vault::Client,
};

/// Check everything that this service depends on, and say how to mend what is wrong.
///
/// Vault, the service's own token, mounts, tenants' keys, policies, the audit log, the configuration,
/// and with --caddy the proxy in front. Nothing is changed and nothing used up: without --login there is
/// no login with a secret id, whose uses may be counted. A check that cannot be made is `skipped`, never
/// `ok`. Exits with 1 if a check fails.
///
/// The service's token is that of its AppRole, or what `serve` would take in its place. With an
/// AppRole, `VAULT_TOKEN` is yours; so is what `vault login` left behind, and with --operator whatever
/// logs in here. What needs an operator's right is looked at with that.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator doctor
  vault-auth-validator doctor --login
  vault-auth-validator doctor --output json | jq '.groups[].checks[] | select(.outcome == \"fail\")'
  vault-auth-validator doctor --caddy https://203.0.113.7 --host acme.crm.example.com \\
      --caddy-token - --auth-listener 203.0.113.7:8080 < token-file")]
pub(super) struct Doctor {
    /// What logs in here is an operator's, and not the service's.
    #[arg(long)]
    operator: bool,
    /// Log in with the service's AppRole, to see what its token may do. That spends a use of the secret
    /// id, if its uses are counted. The token is revoked at the end.
    #[arg(long)]
    login: bool,
    /// The auth listener as clients would reach it, which they must not.
    #[arg(long, value_name = "HOST:PORT")]
    auth_listener: Option<String>,
    /// The folder whose policies Vault should have, instead of those that this program brings along.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    /// Not taken; here so that what may be a token is not shown again as an unexpected argument.
    #[arg(hide = true)]
    argument: Vec<String>,
    #[command(flatten)]
    proxy: ProxyArgs,
    #[command(flatten)]
    config: ConfigArgs<ForDoctor>,
}

/// How long a server may take for each step of an answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl Doctor {
    pub(super) fn run(self) -> ExitCode {
        if !self.argument.is_empty() {
            return misused(
                "doctor takes no argument besides its options: a token is read from a file or from \
                 standard input, and one that was an argument has been seen by others",
            );
        }
        let policies = self.policies.as_deref();
        let given = self.proxy.site().and_then(|site| Ok((site, shipped_or(policies)?)));
        let (site, policies) = match given {
            Ok(given) => given,
            Err(why) => return misused(why),
        };
        let setup = Setup::load(&self.config.sources());
        let setup = if self.operator { setup.of_operator() } else { setup };
        let logins = if self.login { Logins::AtACost } else { Logins::Free };
        let (output, auth_listener) = (self.output, self.auth_listener);
        to_the_end(async || {
            let mut diagnosis = Diagnosis::default();
            let service = service::examine(&setup, auth_listener.as_deref()).await;
            diagnosis.0.extend(in_vault(setup, &policies, logins).await);
            diagnosis.0.push(service);
            if let Some(site) = site {
                diagnosis.0.push(proxy::examine(site).await);
            }
            output.print(|| diagnosis.as_json(), |style| report::as_text(&diagnosis, style));
            match diagnosis.count(Outcome::Failed) {
                0 => Ok(ExitCode::SUCCESS),
                _ => Ok(ExitCode::FAILURE),
            }
        })
    }
}

/// All that is looked at in Vault.
async fn in_vault(setup: Setup, policies: &PolicySet, logins: Logins) -> Vec<Group> {
    let Some(settings) = &setup.vault else {
        let because = "what says where Vault is has faults";
        let unseen = server::unexamined(because);
        return vec![unseen, token::unexamined(because, ""), platform::unexamined(because)];
    };
    let (server, usable) = server::examine(settings).await;
    let client = match usable.map(|()| Client::new(settings, Arc::default())) {
        Ok(Ok(client)) => Arc::new(client),
        Ok(Err(error)) => {
            return vec![
                server,
                token::refused(&error.to_string()),
                platform::unexamined("TLS cannot be set up"),
            ];
        }
        Err(why) => return vec![server, token::unexamined(&why, ""), platform::unexamined(&why)],
    };
    let Some(mounts) = setup.mounts else {
        let because = "VALIDATOR_KV_MOUNT or VALIDATOR_TRANSIT_MOUNT has faults";
        return vec![server, token::unexamined(because, ""), platform::unexamined(because)];
    };
    let Some(subject_mount) = setup.subject_mount else {
        let because = "VALIDATOR_SUBJECT_MOUNT has faults";
        return vec![server, token::unexamined(because, ""), platform::unexamined(because)];
    };
    let sessions = Sessions::open(&client, setup.service, setup.operator, logins).await;
    let places = Places { mounts: &mounts, subject_mount: &subject_mount };
    let examined = sessions.examine(places, policies).await;
    sessions.end().await;
    [server].into_iter().chain(examined).collect()
}
