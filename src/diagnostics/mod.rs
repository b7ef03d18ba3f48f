//! Diagnostics: checks of Vault, the service and the proxy in front, and explanations of decisions.
//!
//! The checks print nothing and change nothing in Vault. A check that cannot be performed is
//! reported as skipped, never as passed.

mod browser_login;
mod connection;
mod explain;
mod finding;
mod host_probe;
mod oauth;
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

pub use explain::{
    AccessTokenToExplain, CredentialToExplain, ExplainedDecision, RequestToExplain,
    SessionToExplain, explain,
};
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
        let (login, oauth) = (self.setup.browser_login.clone(), self.setup.oauth.clone());
        let VaultReport { mut report, login_methods } =
            check_vault(self.setup, &self.policies, self.logins, before_login).await;
        let site = self.site.as_ref();
        if let Some(login) = &login {
            report.groups.push(browser_login::check(login, login_methods, site).await);
        }
        if let Some(oauth) = oauth {
            let login = login.and_then(|login| login.site);
            report.groups.push(oauth::check(&oauth, login.as_deref(), site).await);
        }
        report.groups.push(service);
        if let Some(site) = self.site {
            report.groups.push(proxy::check(site).await);
        }
        report
    }
}

/// The results of the checks of Vault.
struct VaultReport {
    report: Report,
    /// The findings about the auth methods of browser logins.
    login_methods: Vec<Finding>,
}

/// Checks Vault, the service's token, Vault's setup, and the auth methods of browser logins.
async fn check_vault(
    setup: PartialSettings,
    policies: &PolicySet,
    logins: AllowedLogins,
    before_login: &dyn Fn(&Arc<VaultSession>),
) -> VaultReport {
    let Some(settings) = &setup.vault else {
        let reason = "the Vault address is misconfigured";
        return unusable(vec![vault_server::skip(reason)], reason);
    };
    let (servers, usable) = vault_server::check_each(settings).await;
    if let Err(reason) = usable {
        return unusable(servers, &reason);
    }
    let client = match Client::new(settings, Arc::default()) {
        Ok(client) => Arc::new(client),
        Err(error) => {
            let token = service_token::login_failed(&error.to_string());
            let reason = "TLS cannot be configured";
            let groups = servers.into_iter().chain([token, setup::skip(reason)]).collect();
            let login_methods = browser_login::skip_methods(reason);
            return VaultReport { report: Report { groups, ..Report::default() }, login_methods };
        }
    };
    let Some(mounts) = setup.mounts else {
        return unusable(servers, "VALIDATOR_KV_MOUNT or VALIDATOR_TRANSIT_MOUNT is invalid");
    };
    let Some(subject_mount) = setup.subject_mount else {
        return unusable(servers, "VALIDATOR_SUBJECT_MOUNT is invalid");
    };
    let expected = Expected { mounts: &mounts, subject_mount: &subject_mount, policies };
    let browser_login_settings = setup.browser_login;
    let sessions =
        Sessions::open(&client, setup.service, setup.operator, logins, before_login).await;
    let checked = sessions.check(expected).await;
    let login_site = browser_login_settings.as_ref().and_then(|login| login.site.as_deref());
    let login_methods = match login_site {
        Some(site) => sessions.check_login_methods(site).await,
        None => browser_login::skip_methods(browser_login::MISCONFIGURED),
    };
    let revocation_errors = sessions.close().await;
    let report = Report { groups: servers.into_iter().chain(checked).collect(), revocation_errors };
    VaultReport { report, login_methods }
}

/// Returns the report for a Vault that cannot be used for further checks.
fn unusable(servers: Vec<CheckGroup>, reason: &str) -> VaultReport {
    let others = [service_token::skip(reason, ""), setup::skip(reason)];
    let groups = servers.into_iter().chain(others).collect();
    let report = Report { groups, ..Report::default() };
    VaultReport { report, login_methods: browser_login::skip_methods(reason) }
}
