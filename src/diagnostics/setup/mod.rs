//! What an operator has set up in Vault.

use std::collections::BTreeMap;

use super::{
    diagnosis::{Finding, Group, Outcome},
    drift,
    engine::Engine,
    keys::{self, TenantKeys},
    rotation,
};
use crate::{
    policies::{Mounts, PolicySet},
    vault::{Examiner, Mount, Session, Untold},
};

/// Whose token this is looked at with.
#[derive(Clone, Copy)]
pub(super) enum Viewer {
    Operator,
    Service,
}

/// Where things are to be in Vault.
#[derive(Clone, Copy)]
pub(super) struct Places<'s> {
    pub(super) mounts: &'s Mounts,
    /// The auth mount that people use.
    pub(super) subject_mount: &'s str,
}

/// What is mounted, by path.
pub(super) type Looked = Result<BTreeMap<String, Mount>, Untold>;

/// What was found, and the tenants that have a key.
pub(super) struct Found {
    pub(super) group: Group,
    pub(super) tenants: Vec<String>,
}

const ID: &str = "setup";
const TITLE: &str = "Mounts, keys and policies";
const APPROLE: &str = "AppRole";
const SUBJECTS: &str = "subjects";
const AUDIT: &str = "audit";

/// Kinds of audit devices that send entries to another process. Vault answers nobody unless one
/// device has taken the entry.
const REMOTE_DEVICES: [&str; 2] = ["http", "socket"];

const CHECKS: [&str; 10] = [
    Engine::Kv.check(),
    Engine::Transit.check(),
    APPROLE,
    SUBJECTS,
    keys::CHECK,
    rotation::SETTINGS,
    rotation::AGE,
    rotation::AUTO_ROTATE,
    drift::CHECK,
    AUDIT,
];

/// That nothing of this could be looked at.
pub(super) fn unexamined(because: &str) -> Group {
    Group::skipped(ID, TITLE, &CHECKS, because)
}

/// That the operator does not get in.
pub(super) fn refused(error: &str) -> Group {
    let mut group = unexamined("the operator does not get in");
    let remedy = "log in again: `vault login`, or set VAULT_TOKEN";
    group.findings.insert(0, Finding::failed("operator", error, remedy));
    group
}

/// Looks at all of it.
pub(super) async fn examine(
    session: &Session,
    viewer: Viewer,
    places: Places<'_>,
    set: &PolicySet,
) -> Found {
    let Places { mounts, subject_mount } = places;
    let examiner = Examiner::new(session);
    let engines = examiner.mounts().await;
    let kv = Engine::Kv.examine(&engines, &mounts.kv, viewer);
    let transit = Engine::Transit.examine(&engines, &mounts.transit, viewer);
    let methods = examiner.auth_methods().await;
    let approle = approle(&methods, viewer);
    let subjects = subjects(&methods, subject_mount, viewer);
    let (keys, found) = match transit.outcome {
        Outcome::Failed => {
            (Finding::skipped(keys::CHECK, "there is no transit engine", ""), TenantKeys::default())
        }
        _ => keys::examine(&examiner, &mounts.transit, viewer).await,
    };
    let rotation = rotation::examine(session, mounts, found.keys.as_ref(), viewer).await;
    let drift = drift::examine(session, &examiner, set, viewer).await;
    let audit = match session.client().namespace() {
        Some(_) => Finding::skipped(AUDIT, "only the root namespace tells of audit devices", ""),
        None => audit(&examiner, viewer).await,
    };
    let findings = [kv, transit, approle, subjects, keys].into_iter();
    let findings = findings.chain(rotation).chain([drift, audit]).collect();
    Found { group: Group::new(ID, TITLE, findings), tenants: found.tenants }
}

/// What could not be found out, and whose right is missing.
pub(super) fn untold(
    check: &'static str,
    error: &Untold,
    viewer: Viewer,
    needed: &str,
    policy: &str,
) -> Finding {
    match error {
        Untold::NotAllowed(_) => {
            let (whose, remedy) = match viewer {
                Viewer::Operator => ("your", format!("it needs policies/{policy}.hcl")),
                Viewer::Service => (
                    "the service's",
                    format!(
                        "look with a token of yours that has policies/{policy}.hcl: `vault login`, \
                         or VAULT_TOKEN beside the AppRole"
                    ),
                ),
            };
            Finding::skipped(check, format!("{whose} token has no {needed}"), remedy)
        }
        Untold::Failed(why) => Finding::failed(
            check,
            format!("Vault does not tell: {why}"),
            "does Vault answer others?",
        ),
    }
}

fn approle(methods: &Looked, viewer: Viewer) -> Finding {
    match methods {
        Err(error) => untold(APPROLE, error, viewer, "read on sys/auth", "operator"),
        Ok(methods) => match methods.get("approle/") {
            Some(method) if method.kind == "approle" => {
                Finding::ok(APPROLE, "approle/ lets services log in")
            }
            _ => Finding::failed(
                APPROLE,
                "there is no AppRole method at approle/: no service can log in",
                "`bao auth enable approle`",
            ),
        },
    }
}

/// Checks the forms of subjects against the auth methods that are enabled.
fn subjects(methods: &Looked, people: &str, viewer: Viewer) -> Finding {
    let methods = match methods {
        Ok(methods) => methods,
        Err(error) => return untold(SUBJECTS, error, viewer, "read on sys/auth", "operator"),
    };
    let rest = "a service's is entity:NAME, anybody else's NAME@MOUNT/";
    match methods.get(&format!("{people}/")) {
        Some(method) if method.kind == "approle" => Finding::warning(
            SUBJECTS,
            format!("{people}/ is an AppRole method, whose names are role ids; {rest}"),
            "VALIDATOR_SUBJECT_MOUNT is the auth mount that people use",
        ),
        Some(_) => Finding::ok(
            SUBJECTS,
            format!("the subject of people who log in at {people}/ is their name; {rest}"),
        ),
        None => Finding::warning(
            SUBJECTS,
            format!("there is no auth method at {people}/, where people would log in; {rest}"),
            "set VALIDATOR_SUBJECT_MOUNT to the auth mount that people use, or enable it",
        ),
    }
}

async fn audit(examiner: &Examiner<'_>, viewer: Viewer) -> Finding {
    let check = AUDIT;
    match examiner.audit_devices().await {
        Ok(devices) if devices.is_empty() => Finding::failed(
            check,
            "no audit device is on: nobody will know who read what",
            "OpenBao: an `audit` block in its configuration; Vault: `vault audit enable file ...`",
        ),
        Ok(devices) => {
            let device = |(path, device): (&String, &Mount)| format!("{path} ({})", device.kind);
            let listed = devices.iter().map(device).collect::<Vec<_>>().join(", ");
            if devices.values().all(|device| REMOTE_DEVICES.contains(&&*device.kind)) {
                return Finding::failed(
                    check,
                    format!("on: {listed}; nothing writes entries on Vault's own machine"),
                    "add a `file` device: with remote ones alone, Vault refuses every request when \
                     their receivers are away",
                );
            }
            Finding::ok(check, format!("on: {listed}"))
        }
        Err(error) => untold(check, &error, viewer, "read and sudo on sys/audit", "policy-auditor"),
    }
}
