//! Checks of the permissions that the service's token needs and of those that it must not have.

use super::finding::{CHECK_VAULT, Finding, skipped};
use crate::{
    capabilities::Capabilities,
    policy::Mounts,
    vault::{InspectError, Inspector, REQUIRED_CAPABILITIES, TokenDetails},
};

const CAPABILITIES: &str = "may ask for capabilities";
const NO_SUDO: &str = "no sudo";

/// All permission checks, in the order of their findings.
pub(super) const CHECKS: [&str; 11] = [
    "may look up tokens",
    "may read entities",
    CAPABILITIES,
    "may renew itself",
    "no secrets",
    "no tenants' keys",
    "no policies",
    "no tokens",
    "no identities",
    "no mounts",
    NO_SUDO,
];

/// The path that a renewable token needs for its renewal.
const RENEWAL_PATH: &str = "auth/token/renew-self";

/// A tenant that need not exist: it stands for access that is granted for every tenant.
const ANY_TENANT: &str = "doctor-any-tenant";

/// The maximum number of tenants whose paths are checked.
const MAX_TENANTS: usize = 20;

/// The capabilities that are tolerated on a path.
#[derive(Clone, Copy)]
enum Tolerated {
    Nothing,
    ReadOnly,
}

/// Paths on which the token must not have more than the tolerated capabilities.
struct ForbiddenAccess {
    check: &'static str,
    tolerated: Tolerated,
    paths: Vec<String>,
}

/// Requests the token's capabilities on all paths, and checks them.
pub(super) async fn check(
    examiner: &Inspector<'_>,
    mounts: &Mounts,
    tenants: &[String],
    record: &TokenDetails,
) -> Vec<Finding> {
    let forbidden = forbidden_access(mounts, tenants);
    let needed = REQUIRED_CAPABILITIES
        .iter()
        .map(|(path, _)| *path)
        .chain([RENEWAL_PATH])
        .map(str::to_owned);
    let paths: Vec<String> =
        needed.chain(forbidden.iter().flat_map(|access| access.paths.iter().cloned())).collect();
    let granted = match examiner.capabilities_of_token(&paths).await {
        Ok(granted) => granted,
        Err(error) => return lookup_failed(&error),
    };
    let mut granted: Vec<Grant<'_>> = paths
        .iter()
        .zip(&granted)
        .map(|(path, names)| Grant {
            path,
            capabilities: names.iter().map(String::as_str).collect(),
        })
        .collect();
    let no_sudo = check_sudo(&granted);
    let mut rest = granted.split_off(REQUIRED_CAPABILITIES.len() + 1);
    let mut findings: Vec<Finding> = check_needed(&granted, record).collect();
    for access in &forbidden {
        let others = rest.split_off(access.paths.len());
        findings.push(access.check(&rest));
        rest = others;
    }
    findings.push(no_sudo);
    findings
}

/// The capabilities on a path, by Vault's names.
struct Grant<'g> {
    path: &'g str,
    capabilities: Vec<&'g str>,
}

fn lookup_failed(error: &InspectError) -> Vec<Finding> {
    let failure = match error {
        InspectError::PermissionDenied(why) => Finding::failed(
            CAPABILITIES,
            format!("Vault denies it: {why}"),
            "grant it update on sys/capabilities, as policies/validator.hcl does",
        ),
        InspectError::Failed(why) => Finding::failed(CAPABILITIES, why, CHECK_VAULT),
    };
    let rest = skipped(CHECKS, "the token's capabilities are unknown");
    rest.map(|finding| if finding.check == CAPABILITIES { failure.clone() } else { finding })
        .collect()
}

fn check_needed<'f>(
    granted: &'f [Grant<'_>],
    record: &'f TokenDetails,
) -> impl Iterator<Item = Finding> + 'f {
    let renewal = if record.renewable { Some(Capabilities::UPDATE) } else { None };
    let wanted = REQUIRED_CAPABILITIES.iter().map(|(_, wanted)| Some(*wanted)).chain([renewal]);
    granted.iter().zip(CHECKS).zip(wanted).map(|((grant, check), wanted)| {
        let Some(wanted) = wanted else {
            return Finding::skipped(check, "the token is not renewable", "");
        };
        let names = wanted.names().join(", ");
        if Capabilities::from_names(grant.capabilities.iter().copied()).has_any(wanted) {
            return Finding::ok(check, format!("{names} on {}", grant.path));
        }
        let remedy = "give its role the policy in policies/validator.hcl";
        Finding::failed(check, format!("it lacks {names} on {}", grant.path), remedy)
    })
}

impl ForbiddenAccess {
    fn check(&self, granted: &[Grant<'_>]) -> Finding {
        let excess = |grant: &Grant<'_>| {
            let names = grant.capabilities.iter().copied();
            let names: Vec<_> = names.filter(|name| !self.tolerated.includes(name)).collect();
            (!names.is_empty()).then(|| format!("{} on {}", names.join(", "), grant.path))
        };
        let excess: Vec<String> = granted.iter().filter_map(excess).collect();
        if excess.is_empty() {
            let (number, first) = (self.paths.len(), &self.paths[0]);
            return Finding::ok(
                self.check,
                format!("nothing excessive on {number} paths such as {first}"),
            );
        }
        Finding::failed(
            self.check,
            format!("it has {}", excess.join("; ")),
            "a compromised service has this access: give its role only the policy validator",
        )
    }
}

impl Tolerated {
    fn includes(self, capability: &str) -> bool {
        match self {
            Self::Nothing => capability == "deny",
            Self::ReadOnly => matches!(capability, "deny" | "read" | "list" | "scan"),
        }
    }
}

fn check_sudo(granted: &[Grant<'_>]) -> Finding {
    let with_sudo = granted.iter().filter(|grant| grant.capabilities.contains(&"sudo"));
    let paths: Vec<_> = with_sudo.map(|grant| grant.path).collect();
    if paths.is_empty() {
        return Finding::ok(NO_SUDO, "on none of these paths");
    }
    Finding::failed(
        NO_SUDO,
        format!("it has sudo on {}", paths.join("; ")),
        "the service never needs sudo: give its role only the policy validator",
    )
}

/// The access that the service must not have, in the order of [`CHECKS`]: the tolerated
/// capabilities, and the path templates, in which `{tenant}` stands for each known tenant.
const FORBIDDEN: [(Tolerated, &[&str]); 6] = [
    (Tolerated::Nothing, &["{kv}/data/tenants/{tenant}/any", "{kv}/metadata/tenants/{tenant}/any"]),
    (
        Tolerated::Nothing,
        &[
            "{transit}/decrypt/tenant-{tenant}",
            "{transit}/encrypt/tenant-{tenant}",
            "{transit}/rewrap/tenant-{tenant}",
            "{transit}/datakey/plaintext/tenant-{tenant}",
            "{transit}/export/encryption-key/tenant-{tenant}",
            "{transit}/backup/tenant-{tenant}",
            "{transit}/keys/tenant-{tenant}",
        ],
    ),
    (
        Tolerated::ReadOnly,
        &[
            "sys/policies/acl/validator",
            "sys/policies/acl/doctor-any-policy",
            "sys/policy/validator",
        ],
    ),
    (
        Tolerated::ReadOnly,
        &[
            "auth/token/create",
            "auth/token/create-orphan",
            "auth/token/roles/doctor-any-role",
            "auth/approle/role/validator",
            "auth/approle/role/validator/secret-id",
        ],
    ),
    (
        Tolerated::ReadOnly,
        &[
            "identity/entity",
            "identity/entity/id/00000000-0000-0000-0000-000000000000",
            "identity/entity-alias",
            "identity/group",
        ],
    ),
    (
        Tolerated::ReadOnly,
        &[
            "sys/mounts/doctor-any-mount",
            "sys/auth/doctor-any-method",
            "sys/audit/doctor-any-device",
            "sys/seal",
        ],
    ),
];

fn forbidden_access(Mounts { kv, transit }: &Mounts, tenants: &[String]) -> Vec<ForbiddenAccess> {
    let tenants: Vec<&str> =
        tenants.iter().map(String::as_str).take(MAX_TENANTS).chain([ANY_TENANT]).collect();
    let expand = |template: &&str| -> Vec<String> {
        let template = template.replace("{kv}", kv).replace("{transit}", transit);
        let path = |tenant: &&str| template.replace("{tenant}", tenant);
        let tenants = if template.contains("{tenant}") { &tenants[..] } else { &[ANY_TENANT] };
        tenants.iter().map(path).collect()
    };
    let checks = CHECKS.into_iter().skip(REQUIRED_CAPABILITIES.len() + 1);
    let access = |(check, (tolerated, templates)): (&'static str, (Tolerated, &[&str]))| {
        let paths = templates.iter().flat_map(expand).collect();
        ForbiddenAccess { check, tolerated, paths }
    };
    checks.zip(FORBIDDEN).map(access).collect()
}
