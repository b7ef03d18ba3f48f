//! The desired state of a Vault that serves the platform.

use std::collections::BTreeSet;

use super::{DesiredAccount, Engine, Holder, Role, SecretIdOptions, Thing, Trouble};
use crate::policies::{Mounts, PolicySet, shipped};

/// The name of the validator's AppRole, and of its policy.
pub const VALIDATOR: &str = "validator";

/// The policy of operators.
pub const OPERATOR_POLICY: &str = "operator";

/// The desired state of a Vault that serves the platform.
pub struct DesiredState {
    /// The paths of the tenants' secrets engines.
    pub mounts: Mounts,
    /// The path of the auth method for people.
    pub subject_mount: String,
    /// The file of the audit device, on Vault's machine.
    pub audit_file: Option<String>,
    /// The ACL policies.
    pub policies: PolicySet,
    /// The delivery of the validator's secret id.
    pub secret_id: SecretIdOptions,
    /// The account of an operator.
    pub operator: Option<DesiredAccount>,
}

/// Checks that both engines can be mounted.
///
/// # Errors
/// Fails if one path is equal to the other, or inside it.
pub fn check_mounts(mounts: &Mounts) -> Result<(), Trouble> {
    let [kv, transit] = [&mounts.kv, &mounts.transit].map(|path| format!("{path}/"));
    if kv.starts_with(&transit) || transit.starts_with(&kv) {
        return Err(Trouble(format!(
            "{kv} and {transit} cannot both be mounted: one path is inside the other"
        )));
    }
    Ok(())
}

impl DesiredState {
    /// Checks that the policies include those that the platform requires.
    ///
    /// # Errors
    /// Names the first that is missing.
    pub fn check_policies(&self) -> Result<(), Trouble> {
        if self.operator.is_some() && self.policies.get(OPERATOR_POLICY).is_none() {
            return Err(Trouble(format!(
                "the policies do not include `{OPERATOR_POLICY}`, which --operator requires"
            )));
        }
        if self.policies.get(VALIDATOR).is_none() {
            return Err(Trouble(format!(
                "the policies do not include `{VALIDATOR}`, which the validator requires"
            )));
        }
        Ok(())
    }

    /// Returns the resources, in the order in which they are created. Policies, the secret id and
    /// the operator's account are not resources.
    #[must_use]
    pub fn resources(&self) -> Vec<Thing> {
        let Mounts { kv, transit } = &self.mounts;
        let engine = |path: &str, engine| Thing::Engine { path: path.to_owned(), engine };
        let role = Role {
            name: VALIDATOR.to_owned(),
            policies: BTreeSet::from([VALIDATOR.to_owned()]),
            holder: Holder::Validator,
        };
        let audit = self.audit_file.clone().map(Thing::AuditFile);
        let others = [
            engine(kv, Engine::Kv),
            engine(shipped::AGENTS_MOUNT, Engine::Kv),
            engine(transit, Engine::Transit),
            Thing::NoUpsert(transit.clone()),
            Thing::AppRoles,
            Thing::People(self.subject_mount.clone()),
            Thing::Role(role),
        ];
        audit.into_iter().chain(others).collect()
    }
}
