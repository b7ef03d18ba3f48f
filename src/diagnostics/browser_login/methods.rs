//! Checks of the auth methods with which people log in.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    access::inspect_failure,
    lifetimes,
    roles::{self, MethodRole},
};
use crate::{
    diagnostics::{
        finding::{Finding, skipped},
        setup::TokenOwner,
    },
    login::{BrowserLoginKind, BrowserLoginMethod, LoginSite},
    vault::{Inspector, Mount, VaultSession},
};

pub(super) const METHOD: &str = "login method";
const LIFETIME: &str = "login lifetime";
const TOKEN_TYPE: &str = "login tokens";
const LOCKOUT: &str = "user lockout";

/// The checks, of which the last one is for OIDC only.
const CHECKS: [&str; 5] = [METHOD, LIFETIME, TOKEN_TYPE, LOCKOUT, roles::CHECK];

/// The number of failed logins after which the login pages ask a person to wait, and one more.
const MIN_LOCKOUT_THRESHOLD: u64 = 5;

/// Returns the findings for auth methods that cannot be inspected.
pub(in crate::diagnostics) fn skip(reason: &str) -> Vec<Finding> {
    skipped(CHECKS, reason).collect()
}

/// Runs the checks with this session.
pub(in crate::diagnostics) async fn check(
    session: &VaultSession,
    owner: TokenOwner,
    site: &LoginSite,
) -> Vec<Finding> {
    let inspector = Inspector::new(session);
    let mounts = match inspector.auth_methods().await {
        Ok(mounts) => mounts,
        Err(error) => {
            let failure = inspect_failure(METHOD, &error, owner, "read on sys/auth");
            let rest = skipped(CHECKS.into_iter().skip(1), "the auth methods cannot be listed");
            return [failure].into_iter().chain(rest).collect();
        }
    };
    let mut findings: Vec<_> =
        site.methods.iter().map(|method| check_mount(method, &mounts)).collect();
    let mut seen = BTreeSet::new();
    for method in &site.methods {
        let Some(mount) = mounts.get(&path(method)).filter(|mount| has_type(mount, method.kind))
        else {
            continue;
        };
        let role = match method.kind {
            BrowserLoginKind::Oidc => {
                let role = roles::read(&inspector, method, owner).await;
                findings.push(roles::check_redirects(method, &role, &site.origins));
                role
            }
            _ if !seen.insert(&method.mount) => continue,
            _ => MethodRole::None,
        };
        let of_role = role.found().map_or((0, 0), |role| (role.token_ttl, role.token_max_ttl));
        findings.push(lifetimes::check(LIFETIME, &method.mount, &mount.config, of_role));
        findings.push(check_tokens(method, mount, &role));
        if method.kind.has_password() {
            findings.push(check_lockout(method, mount));
        }
    }
    findings
}

/// Returns the path of the mount in Vault's list.
fn path(method: &BrowserLoginMethod) -> String {
    format!("{}/", method.mount)
}

/// Returns true if the mount has this type. `jwt` is another name of `oidc`.
fn has_type(mount: &Mount, kind: BrowserLoginKind) -> bool {
    mount.kind == kind.name() || (kind == BrowserLoginKind::Oidc && mount.kind == "jwt")
}

fn check_mount(method: &BrowserLoginMethod, mounts: &BTreeMap<String, Mount>) -> Finding {
    let (kind, path) = (method.kind.name(), path(method));
    match mounts.get(&path) {
        Some(mount) if has_type(mount, method.kind) => {
            Finding::ok(METHOD, format!("{path} is of the type {kind}"))
        }
        Some(mount) => Finding::failed(
            METHOD,
            format!("{path} is of the type {}, not {kind}", mount.kind),
            "set VALIDATOR_LOGIN_METHODS to TYPE:MOUNT of the methods that people use",
        ),
        None => Finding::failed(
            METHOD,
            format!("there is no auth method at {path}: these logins fail"),
            format!(
                "`bao auth enable -path={} {kind}`, or correct VALIDATOR_LOGIN_METHODS",
                method.mount
            ),
        ),
    }
}

/// Checks that logins yield tokens that the login accepts.
fn check_tokens(method: &BrowserLoginMethod, mount: &Mount, role: &MethodRole) -> Finding {
    let path = path(method);
    let role = role.found();
    let of_role = role.map(|role| role.token_type.as_str()).filter(|kind| *kind != "default");
    let (kind, tune) = match of_role {
        Some(kind) if !kind.is_empty() => (kind, "set the role's token_type to service".to_owned()),
        _ => {
            let tune = format!("`bao auth tune -token-type=default-service {path}`");
            (mount.config.token_type.as_str(), tune)
        }
    };
    if matches!(kind, "batch" | "default-batch") {
        let message = format!("{path} yields batch tokens, with which no login is accepted");
        return Finding::failed(TOKEN_TYPE, message, tune);
    }
    if role.is_some_and(|role| role.token_no_default_policy) {
        return Finding::failed(
            TOKEN_TYPE,
            format!("{path} yields tokens without the policy `default`, which a login needs"),
            "set the role's token_no_default_policy to false",
        );
    }
    Finding::ok(TOKEN_TYPE, format!("{path} yields service tokens"))
}

/// Checks that the limit of the login pages comes before Vault's, which tells who exists and locks the
/// person out everywhere.
fn check_lockout(method: &BrowserLoginMethod, mount: &Mount) -> Finding {
    let path = path(method);
    match &mount.config.user_lockout_config {
        Some(lockout) if lockout.is_disabled => Finding::ok(
            LOCKOUT,
            format!("{path} locks no users; the login pages have their own limit"),
        ),
        Some(lockout) if (1..MIN_LOCKOUT_THRESHOLD).contains(&lockout.threshold) => {
            Finding::warning(
                LOCKOUT,
                format!(
                    "{path} locks a user after {} failed logins, before the limit of the login pages, 4: \
                     anyone can lock people out, and see which users exist",
                    lockout.threshold
                ),
                format!("`bao auth tune -user-lockout-threshold={MIN_LOCKOUT_THRESHOLD} {path}`"),
            )
        }
        Some(lockout) if lockout.threshold > 0 => {
            Finding::ok(LOCKOUT, format!("{path} locks a user after {}", lockout.threshold))
        }
        _ => Finding::ok(
            LOCKOUT,
            format!("{path} locks a user after 5 failed logins, Vault's default"),
        ),
    }
}
