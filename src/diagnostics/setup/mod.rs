//! Checks of what an operator sets up in Vault: mounts, keys, policies and audit devices.

mod access;
mod drift;
mod engines;
mod keys;
mod rotation;

pub(super) use self::access::TokenOwner;
use self::{
    access::{Mounted, inspect_failure},
    engines::Engine,
    keys::TenantKeys,
};
use super::finding::{CheckGroup, Finding, Status};
use crate::{
    policy::{Mounts, PolicySet},
    vault::{Inspector, Mount, VaultSession},
};

/// The expected setup.
#[derive(Clone, Copy)]
pub(super) struct Expected<'s> {
    pub(super) mounts: &'s Mounts,
    /// The auth mount that people log in at.
    pub(super) subject_mount: &'s str,
    pub(super) policies: &'s PolicySet,
}

const ID: &str = "setup";
const TITLE: &str = "Mounts, keys and policies";
const APPROLE: &str = "AppRole";
const SUBJECTS: &str = "subjects";
const AUDIT: &str = "audit";

/// The types of audit devices that send entries to another process. Vault fails every request
/// unless at least one device has recorded it.
const REMOTE_DEVICES: [&str; 2] = ["http", "socket"];

const CHECKS: [&str; 10] = [
    Engine::Kv.check_name(),
    Engine::Transit.check_name(),
    APPROLE,
    SUBJECTS,
    keys::CHECK,
    rotation::SETTINGS,
    rotation::AGE,
    rotation::AUTO_ROTATE,
    drift::CHECK,
    AUDIT,
];

/// Returns the group for a setup that cannot be inspected.
pub(super) fn skip(reason: &str) -> CheckGroup {
    CheckGroup::skipped(ID, TITLE, &CHECKS, reason)
}

/// Returns the group for a failed login of the operator.
pub(super) fn login_failed(error: &str) -> CheckGroup {
    let mut group = skip("the operator's login failed");
    let remedy = "log in again: `vault login`, or set VAULT_TOKEN";
    group.findings.insert(0, Finding::failed("operator", error, remedy));
    group
}

/// Runs the checks with this session. Also returns the tenants that have a key.
pub(super) async fn check(
    session: &VaultSession,
    owner: TokenOwner,
    expected: Expected<'_>,
) -> (CheckGroup, Vec<String>) {
    let Expected { mounts, subject_mount, policies } = expected;
    let examiner = Inspector::new(session);
    let engines = examiner.mounts().await;
    let kv = Engine::Kv.check(&engines, &mounts.kv, owner);
    let transit = Engine::Transit.check(&engines, &mounts.transit, owner);
    let methods = examiner.auth_methods().await;
    let approle = check_approle(&methods, owner);
    let subjects = check_subjects(&methods, subject_mount, owner);
    let (keys, TenantKeys { tenants, keys: by_tenant }) = match transit.status {
        Status::Failed => {
            (Finding::skipped(keys::CHECK, "there is no transit engine", ""), TenantKeys::default())
        }
        _ => keys::check(&examiner, &mounts.transit, owner).await,
    };
    let rotation = rotation::check(session, mounts, by_tenant.as_ref(), owner).await;
    let drift = drift::check(session, &examiner, policies, owner).await;
    let audit = match session.client().namespace() {
        Some(_) => Finding::skipped(AUDIT, "only the root namespace lists audit devices", ""),
        None => check_audit(&examiner, owner).await,
    };
    let findings = [kv, transit, approle, subjects, keys].into_iter();
    let findings = findings.chain(rotation).chain([drift, audit]).collect();
    (CheckGroup::new(ID, TITLE, findings), tenants)
}

fn check_approle(methods: &Mounted, owner: TokenOwner) -> Finding {
    let methods = match methods {
        Ok(methods) => methods,
        Err(error) => {
            return inspect_failure(APPROLE, error, owner, "read on sys/auth", "operator");
        }
    };
    match methods.get("approle/") {
        Some(method) if method.kind == "approle" => {
            Finding::ok(APPROLE, "the auth method is enabled at approle/")
        }
        _ => Finding::failed(
            APPROLE,
            "there is no AppRole method at approle/: no service can log in",
            "`bao auth enable approle`",
        ),
    }
}

/// Checks the auth mount that people use, which determines the form of subjects.
fn check_subjects(methods: &Mounted, subject_mount: &str, owner: TokenOwner) -> Finding {
    let methods = match methods {
        Ok(methods) => methods,
        Err(error) => {
            return inspect_failure(SUBJECTS, error, owner, "read on sys/auth", "operator");
        }
    };
    let other_forms = "a service's is entity:NAME, any other NAME@MOUNT/";
    match methods.get(&format!("{subject_mount}/")) {
        Some(method) if method.kind == "approle" => Finding::warning(
            SUBJECTS,
            format!(
                "{subject_mount}/ is an AppRole method, whose names are role ids; {other_forms}"
            ),
            "set VALIDATOR_SUBJECT_MOUNT to the auth mount that people log in at",
        ),
        Some(_) => Finding::ok(
            SUBJECTS,
            format!(
                "the subject of people who log in at {subject_mount}/ is their name; {other_forms}"
            ),
        ),
        None => Finding::warning(
            SUBJECTS,
            format!(
                "there is no auth method at {subject_mount}/ for people to log in; {other_forms}"
            ),
            "set VALIDATOR_SUBJECT_MOUNT to the auth mount that people log in at, or enable it",
        ),
    }
}

async fn check_audit(examiner: &Inspector<'_>, owner: TokenOwner) -> Finding {
    let devices = match examiner.audit_devices().await {
        Ok(devices) => devices,
        Err(error) => {
            let needed = "read and sudo on sys/audit";
            return inspect_failure(AUDIT, &error, owner, needed, "policy-auditor");
        }
    };
    if devices.is_empty() {
        return Finding::failed(
            AUDIT,
            "no audit device is enabled: access to secrets is not recorded",
            "OpenBao: an `audit` block in its configuration; Vault: `vault audit enable file ...`",
        );
    }
    let describe = |(path, device): (&String, &Mount)| format!("{path} ({})", device.kind);
    let list = devices.iter().map(describe).collect::<Vec<_>>().join(", ");
    if devices.values().all(|device| REMOTE_DEVICES.contains(&&*device.kind)) {
        return Finding::failed(
            AUDIT,
            format!("enabled: {list}; no device writes entries on Vault's own machine"),
            "add a `file` device: with only remote devices, Vault rejects every request while their \
             receivers are unavailable",
        );
    }
    Finding::ok(AUDIT, format!("enabled: {list}"))
}
