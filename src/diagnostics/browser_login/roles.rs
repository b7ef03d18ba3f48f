//! Checks of the roles with which people log in at an `OpenID` provider.

use super::access::inspect_failure;
use crate::{
    diagnostics::{finding::Finding, setup::TokenOwner},
    login::{BrowserLoginMethod, LoginOrigins, OIDC_CALLBACK_PATH},
    vault::{Inspector, OidcRole},
};

pub(super) const CHECK: &str = "redirect URI";

/// The role of a login method.
pub(super) enum MethodRole {
    /// The method has no roles.
    None,
    /// The role, with its name.
    Found(String, OidcRole),
    /// The role is unknown: the finding says why.
    Unknown(Finding),
}

impl MethodRole {
    /// Returns the role, if it is known.
    pub(super) fn found(&self) -> Option<&OidcRole> {
        match self {
            Self::Found(_, role) => Some(role),
            Self::None | Self::Unknown(_) => None,
        }
    }
}

/// Reads the role of a login method.
pub(super) async fn read(
    inspector: &Inspector<'_>,
    method: &BrowserLoginMethod,
    owner: TokenOwner,
) -> MethodRole {
    let mount = &method.mount;
    let unknown = |error, path: &str| {
        MethodRole::Unknown(inspect_failure(CHECK, error, owner, &format!("read on {path}")))
    };
    let name = match &method.role {
        Some(name) => name.clone(),
        None => match inspector.default_oidc_role(mount).await {
            Ok(Some(name)) => name,
            Ok(None) => {
                return MethodRole::Unknown(Finding::failed(
                    CHECK,
                    format!("{mount}/ has no default role: logins fail"),
                    format!(
                        "name the role in VALIDATOR_LOGIN_METHODS, oidc:{mount}:ROLE, or set \
                         default_role in auth/{mount}/config"
                    ),
                ));
            }
            Err(error) => return unknown(&error, &format!("auth/{mount}/config")),
        },
    };
    match inspector.oidc_role(mount, &name).await {
        Ok(Some(role)) => MethodRole::Found(name, role),
        Ok(None) => MethodRole::Unknown(Finding::failed(
            CHECK,
            format!("{mount}/ has no role {name}: logins fail"),
            format!("create it (auth/{mount}/role/{name}), or correct VALIDATOR_LOGIN_METHODS"),
        )),
        Err(error) => unknown(&error, &format!("auth/{mount}/role/{name}")),
    }
}

/// Checks that the role lets the provider return to every login host.
pub(super) fn check_redirects(
    method: &BrowserLoginMethod,
    role: &MethodRole,
    origins: &LoginOrigins,
) -> Finding {
    let mount = &method.mount;
    let (name, role) = match role {
        MethodRole::Found(name, role) => (name, role),
        MethodRole::Unknown(finding) => return finding.clone(),
        MethodRole::None => return Finding::skipped(CHECK, "the method has no roles", ""),
    };
    let urls = origins.iter().map(|origin| format!("{origin}{OIDC_CALLBACK_PATH}"));
    let missing: Vec<String> = urls.filter(|url| !role.allows_redirect_to(url)).collect();
    if missing.is_empty() {
        let message = format!("the role {name} of {mount}/ allows those of all login hosts");
        return Finding::ok(CHECK, message);
    }
    Finding::failed(
        CHECK,
        format!("the role {name} of {mount}/ does not allow {}", missing.join(", ")),
        format!(
            "add it to allowed_redirect_uris of auth/{mount}/role/{name}, exactly so, and at the \
             provider"
        ),
    )
}
