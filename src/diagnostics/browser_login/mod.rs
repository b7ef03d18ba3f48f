//! Checks of the logins of people in a browser: keys, auth methods, and the hosts behind the proxy.

mod access;
mod cookie;
mod hosts;
mod key_file;
mod lifetimes;
mod methods;
mod roles;

pub(super) use self::methods::{check as check_methods, skip as skip_methods};
use super::{
    finding::{CheckGroup, Finding, skipped},
    proxy::Site,
};
use crate::config::PartialBrowserLogin;

const ID: &str = "browser login";
const TITLE: &str = "Logins in a browser";

/// The reason for checks that need the settings that are invalid.
pub(super) const MISCONFIGURED: &str = "the settings of browser logins are invalid, see below";

/// Runs the checks that do not need Vault. `methods` has the results of those that do.
pub(super) async fn check(
    login: &PartialBrowserLogin,
    methods: Vec<Finding>,
    proxy: Option<&Site>,
) -> CheckGroup {
    let mut findings = key_file::check(login.key_file.as_deref());
    findings.extend(methods);
    findings.extend(match (&login.site, proxy) {
        (None, _) => skipped(hosts::CHECKS, MISCONFIGURED).collect(),
        (Some(_), None) => {
            let remedy = "--caddy URL, the address at which clients reach the proxy";
            let skip = |check| Finding::skipped(check, "no proxy is given", remedy);
            hosts::CHECKS.map(skip).to_vec()
        }
        (Some(site), Some(proxy)) => hosts::check(site, proxy).await,
    });
    CheckGroup::new(ID, TITLE, findings)
}
