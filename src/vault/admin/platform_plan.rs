//! The plan that brings an unsealed Vault to the desired state of the platform.

use std::ops::ControlFlow;

use super::{AccountPlan, SecretIdDelivery, VaultPolicies, VaultResources};
use crate::{
    policy::{self, UnmanagedPolicies},
    provisioning::{
        DesiredState, PlanError, PlanRow, ProvisionError, ProvisionPlan, Resource, SealingKeyFile,
        StepOutcome, VALIDATOR, may_continue,
    },
    vault::{VaultSession, api::userpass::USERPASS},
};

/// The difference between the desired state of the platform and Vault.
pub struct PlatformPlan {
    resources: ProvisionPlan,
    policies: policy::PolicyPlan,
    /// The file of the keys of browser logins.
    pub sealing_keys: SealingKeyFile,
    /// The delivery of the validator's secret id.
    pub secret_id: SecretIdDelivery,
    /// The account of an operator.
    pub operator: Option<AccountPlan>,
    /// The type of the auth method that people log in with.
    pub login_kind: String,
}

impl PlatformPlan {
    /// Compares the desired state with Vault.
    ///
    /// # Errors
    /// Fails if the plan could not be applied, or Vault cannot be read.
    pub async fn compute(
        desired: &DesiredState,
        session: &VaultSession,
    ) -> Result<Self, ProvisionError> {
        let vault = VaultResources::new(session);
        let resources = plan_resources(desired.resources(), &vault).await?;
        let store = VaultPolicies::new(session);
        let policies =
            policy::PolicyPlan::compute(&desired.policies, &store, UnmanagedPolicies::Keep).await;
        let policies = policies.map_err(|error| ProvisionError(error.to_string()))?;
        let sealing_keys = SealingKeyFile::plan(&desired.secret_id.directory)?;
        let secret_id = SecretIdDelivery::plan(VALIDATOR, &desired.secret_id, &vault).await?;
        let operator = match &desired.operator {
            Some(account) => Some(AccountPlan::compute(account, &vault).await?),
            None => None,
        };
        let method = vault.login_method(&desired.subject_mount).await?;
        let login_kind = method.map_or_else(|| USERPASS.to_owned(), |method| method.kind);
        let plan = Self { resources, policies, sealing_keys, secret_id, operator, login_kind };
        plan.check_permissions(&vault).await?;
        Ok(plan)
    }

    /// Returns the plan for a Vault that was just initialized.
    ///
    /// # Errors
    /// Fails if a file would be overwritten.
    pub fn for_empty_vault(desired: &DesiredState) -> Result<Self, ProvisionError> {
        let create =
            |(name, file): (&policy::PolicyName, &policy::PolicyFile)| policy::PolicyChange {
                name: name.to_string(),
                before: None,
                after: Some(file.source.text.clone()),
            };
        let changes = desired.policies.iter().map(create).collect();
        Ok(Self {
            resources: ProvisionPlan::for_empty_vault(desired.resources()),
            policies: policy::PolicyPlan { changes, ..policy::PolicyPlan::default() },
            sealing_keys: SealingKeyFile::plan(&desired.secret_id.directory)?,
            secret_id: SecretIdDelivery::plan_for_new_role(VALIDATOR, &desired.secret_id)?,
            operator: desired.operator.as_ref().map(AccountPlan::for_absent_account).transpose()?,
            login_kind: USERPASS.to_owned(),
        })
    }

    /// Checks that the token may write the policies, the secret id and the account. The plan of the
    /// resources has checked its own.
    async fn check_permissions(&self, vault: &VaultResources<'_>) -> Result<(), ProvisionError> {
        let policies =
            self.policies.changes.iter().map(|step| format!("sys/policies/acl/{}", step.name));
        let secret_id = self.secret_id.is_needed().then(|| self.secret_id.vault_path());
        let account = self.operator.iter().filter_map(AccountPlan::vault_path);
        check_update(vault, policies.chain(secret_id).chain(account).collect()).await
    }

    /// Returns the rows of the plan.
    #[must_use]
    pub fn rows(&self) -> Vec<PlanRow> {
        let row = |action, name: &str| PlanRow {
            action,
            kind: "policy",
            name: name.to_owned(),
            detail: String::new(),
        };
        let steps = self.policies.changes.iter().map(|change| row(change.verb(), &change.name));
        let unchanged =
            self.policies.unchanged.iter().map(|policy| row(PlanRow::UNCHANGED, &policy.name));
        let credentials = [self.sealing_keys.row(), self.secret_id.row()];
        let account = self.operator.iter().map(AccountPlan::row);
        self.resources
            .rows()
            .chain(steps)
            .chain(unchanged)
            .chain(credentials)
            .chain(account)
            .collect()
    }

    /// Applies the plan up to the first step that fails, and returns one outcome per row.
    /// `should_continue` is called before each step.
    pub async fn apply(
        &self,
        session: &VaultSession,
        should_continue: impl Fn() -> ControlFlow<()>,
    ) -> Vec<StepOutcome> {
        let vault = VaultResources::new(session);
        let mut outcomes = self.resources.apply(&vault, &should_continue).await;
        if may_continue(&outcomes, &should_continue) {
            let store = VaultPolicies::new(session);
            let applied = self.policies.apply(&store, |_, _| should_continue()).await;
            outcomes.extend(applied.iter().map(policy_outcome));
        } else {
            outcomes.extend(self.policies.changes.iter().map(|_| StepOutcome::NotTried));
        }
        outcomes.extend(self.policies.unchanged.iter().map(|_| StepOutcome::Unchanged));
        let is_needed = self.sealing_keys.is_needed();
        outcomes.push(if !is_needed || may_continue(&outcomes, &should_continue) {
            self.sealing_keys.apply()
        } else {
            StepOutcome::NotTried
        });
        let outcome = if !self.secret_id.is_needed() || may_continue(&outcomes, &should_continue) {
            self.secret_id.apply(&vault).await
        } else {
            StepOutcome::NotTried
        };
        outcomes.push(outcome);
        if let Some(account) = &self.operator {
            let outcome = if !account.is_needed() || may_continue(&outcomes, &should_continue) {
                account.apply(&vault).await
            } else {
                StepOutcome::NotTried
            };
            outcomes.push(outcome);
        }
        outcomes
    }
}

/// Compares resources with Vault.
pub(super) async fn plan_resources(
    resources: Vec<Resource>,
    vault: &VaultResources<'_>,
) -> Result<ProvisionPlan, ProvisionError> {
    ProvisionPlan::compute(resources, vault)
        .await
        .map_err(|error| ProvisionError(error.to_string()))
}

/// Checks that the token has the capability `update` on these paths.
pub(super) async fn check_update(
    vault: &VaultResources<'_>,
    paths: Vec<String>,
) -> Result<(), ProvisionError> {
    let missing = vault.paths_without_update(paths).await?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(ProvisionError(PlanError::MissingCapabilities(missing).to_string()))
}

fn policy_outcome(outcome: &policy::ApplyOutcome) -> StepOutcome {
    match outcome {
        policy::ApplyOutcome::Done => StepOutcome::Done,
        policy::ApplyOutcome::Skipped => StepOutcome::NotTried,
        policy::ApplyOutcome::Conflict => StepOutcome::Failed(ProvisionError(
            "another process changed it after the plan was made, and its version was kept"
                .to_owned(),
        )),
        policy::ApplyOutcome::Failed(error) => {
            StepOutcome::Failed(ProvisionError(error.to_string()))
        }
        policy::ApplyOutcome::Unknown(error) => StepOutcome::Failed(ProvisionError(format!(
            "the result of the write is unknown: {error}"
        ))),
    }
}
