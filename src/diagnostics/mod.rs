//! Diagnostics: checks of Vault, the service and the proxy in front, and explanations of decisions.
//!
//! The checks print nothing and change nothing in Vault. A check that cannot be performed is
//! reported as skipped, never as passed.

mod connection;
mod explain;
mod finding;
mod permissions;
mod policy_trace;
mod problem;
mod proxy;
mod readiness;
mod service;
mod service_token;
mod sessions;
mod setup;
mod vault_server;

pub use explain::{ExplainedDecision, RequestToExplain, explain};
pub use finding::{CheckGroup, Finding, Report, Status};
pub use policy_trace::{MatchedRule, RuleTrace};
pub use proxy::Site;
pub use readiness::fetch_readiness;
pub use sessions::AllowedLogins;

use std::sync::Arc;

use crate::{
    config::PartialSettings,
    policy::PolicySet,
    vault::{Client, VaultSession},
};
use sessions::Sessions;
use setup::Expected;

/// The subjects of a run.
pub struct Diagnostics {
    /// The configuration, as far as it is valid.
    pub setup: PartialSettings,
    /// The policies that Vault is compared with.
    pub policies: PolicySet,
    /// The logins that the run may perform.
    pub logins: AllowedLogins,
    /// The address of the auth listener as clients would reach it.
    pub auth_listener: Option<String>,
    /// A site behind the proxy.
    pub site: Option<Site>,
}

impl Diagnostics {
    /// Runs all checks. `before_login` is called with each session before its login; the tokens
    /// that the logins yield are revoked at the end.
    pub async fn run(self, before_login: &dyn Fn(&Arc<VaultSession>)) -> Report {
        let service = service::check(&self.setup, self.auth_listener.as_deref()).await;
        let mut report = check_vault(self.setup, &self.policies, self.logins, before_login).await;
        report.groups.push(service);
        if let Some(site) = self.site {
            report.groups.push(proxy::check(site).await);
        }
        report
    }
}

/// Checks Vault, the service's token, and Vault's setup.
async fn check_vault(
    setup: PartialSettings,
    policies: &PolicySet,
    logins: AllowedLogins,
    before_login: &dyn Fn(&Arc<VaultSession>),
) -> Report {
    let Some(settings) = &setup.vault else {
        let reason = "the Vault address is misconfigured";
        return unusable(vault_server::skip(reason), reason);
    };
    let (server, usable) = vault_server::check(settings).await;
    if let Err(reason) = usable {
        return unusable(server, &reason);
    }
    let client = match Client::new(settings, Arc::default()) {
        Ok(client) => Arc::new(client),
        Err(error) => {
            let token = service_token::login_failed(&error.to_string());
            let groups = vec![server, token, setup::skip("TLS cannot be configured")];
            return Report { groups, ..Report::default() };
        }
    };
    let Some(mounts) = setup.mounts else {
        return unusable(server, "VALIDATOR_KV_MOUNT or VALIDATOR_TRANSIT_MOUNT is invalid");
    };
    let Some(subject_mount) = setup.subject_mount else {
        return unusable(server, "VALIDATOR_SUBJECT_MOUNT is invalid");
    };
    let expected = Expected { mounts: &mounts, subject_mount: &subject_mount, policies };
    let sessions =
        Sessions::open(&client, setup.service, setup.operator, logins, before_login).await;
    let [token, setup] = sessions.check(expected).await;
    let revocation_errors = sessions.close().await;
    Report { groups: vec![server, token, setup], revocation_errors }
}

/// Returns the report for a Vault that cannot be used for further checks.
fn unusable(server: CheckGroup, reason: &str) -> Report {
    let groups = vec![server, service_token::skip(reason, ""), setup::skip(reason)];
    Report { groups, ..Report::default() }
}
