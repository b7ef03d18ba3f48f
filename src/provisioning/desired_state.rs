//! The desired state of a Vault that serves the platform.

use std::collections::BTreeSet;

use super::{
    AppRoleSpec, DesiredAccount, EngineType, ProvisionError, Resource, RoleOwner, SecretIdOptions,
};
use crate::policy::{Mounts, PolicySet, builtin};

/// The name of the validator's AppRole, and of its policy.
pub const VALIDATOR: &str = "validator";

/// The policy that the validator also needs to compare the policies in Vault with files.
pub const POLICY_DRIFT_POLICY: &str = "validator-drift";

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
    /// The policies of the validator's AppRole.
    pub validator_policies: BTreeSet<String>,
    /// The delivery of the validator's secret id.
    pub secret_id: SecretIdOptions,
    /// The account of an operator.
    pub operator: Option<DesiredAccount>,
}

/// Checks that both engines can be mounted.
///
/// # Errors
/// Fails if one path is equal to the other, or inside it.
pub fn check_mounts(mounts: &Mounts) -> Result<(), ProvisionError> {
    let [kv, transit] = [&mounts.kv, &mounts.transit].map(|path| format!("{path}/"));
    if kv.starts_with(&transit) || transit.starts_with(&kv) {
        return Err(ProvisionError(format!(
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
    pub fn check_policies(&self) -> Result<(), ProvisionError> {
        if self.operator.is_some() && self.policies.get(OPERATOR_POLICY).is_none() {
            return Err(ProvisionError(format!(
                "the policies do not include `{OPERATOR_POLICY}`, which --operator requires"
            )));
        }
        match self.validator_policies.iter().find(|name| self.policies.get(name).is_none()) {
            Some(name) => Err(ProvisionError(format!(
                "the policies do not include `{name}`, which the validator requires"
            ))),
            None => Ok(()),
        }
    }

    /// Returns the resources, in the order in which they are created. Policies, the secret id and
    /// the operator's account are not resources.
    #[must_use]
    pub fn resources(&self) -> Vec<Resource> {
        let Mounts { kv, transit } = &self.mounts;
        let engine = |path: &str, engine| Resource::SecretsEngine { path: path.to_owned(), engine };
        let role = AppRoleSpec {
            name: VALIDATOR.to_owned(),
            policies: self.validator_policies.clone(),
            owner: RoleOwner::Validator,
        };
        let audit = self.audit_file.clone().map(Resource::AuditFileDevice);
        let others = [
            engine(kv, EngineType::Kv),
            engine(builtin::AGENTS_MOUNT, EngineType::Kv),
            engine(transit, EngineType::Transit),
            Resource::TransitDisableUpsert(transit.clone()),
            Resource::AppRoleAuthMethod,
            Resource::LoginAuthMethod(self.subject_mount.clone()),
            Resource::AppRole(role),
        ];
        audit.into_iter().chain(others).collect()
    }
}
