//! The plan that creates a tenant and its services.

use std::{collections::BTreeSet, ops::ControlFlow};

use super::{SecretIdDelivery, VaultPolicies, VaultResources, platform_plan::plan_resources};
use crate::{
    policy::Mounts,
    provisioning::{
        EngineType, PlanRow, ProvisionError, ProvisionPlan, Resource, SecretIdOptions, StepOutcome,
        check_policies, check_resources, may_continue, tenant_resources,
    },
    tenants::{RotationInterval, ServiceName, TenantName, key_name},
    vault::VaultSession,
};

/// The policy of every member of a tenant.
const TENANT_POLICY: &str = "tenant";

/// The desired state of a tenant.
pub struct DesiredTenant {
    /// The name.
    pub name: TenantName,
    /// The services.
    pub services: BTreeSet<ServiceName>,
    /// The policies of the services' tokens besides `tenant`.
    pub policies: BTreeSet<String>,
    /// The interval at which the key is rotated; `None` leaves the setting as it is.
    pub rotate_every: Option<RotationInterval>,
    /// The delivery of the services' secret ids.
    pub secret_ids: SecretIdOptions,
}

/// The difference between the desired state of a tenant and Vault.
pub struct TenantPlan {
    resources: ProvisionPlan,
    /// The deliveries of the services' secret ids.
    pub secret_ids: Vec<SecretIdDelivery>,
}

impl TenantPlan {
    /// Compares the desired state with Vault.
    ///
    /// # Errors
    /// Fails if a mount or a policy is missing, the plan could not be applied, or Vault cannot
    /// be read.
    pub async fn compute(
        desired: &DesiredTenant,
        mounts: &Mounts,
        session: &VaultSession,
    ) -> Result<Self, ProvisionError> {
        let vault = VaultResources::new(session);
        let engine = |path: &str, engine| Resource::SecretsEngine { path: path.to_owned(), engine };
        let required = [
            engine(&mounts.kv, EngineType::Kv),
            engine(&mounts.transit, EngineType::Transit),
            Resource::AppRoleAuthMethod,
        ];
        check_resources(&vault, required).await?;
        let policies = with_tenant_policy(&desired.policies);
        check_policies(&VaultPolicies::new(session), &policies).await?;
        let resources = plan_resources(desired.resources(mounts, &policies), &vault).await?;
        let mut secret_ids = Vec::new();
        for service in &desired.services {
            let role = service.entity_name(&desired.name);
            secret_ids.push(SecretIdDelivery::plan(&role, &desired.secret_ids, &vault).await?);
        }
        Ok(Self { resources, secret_ids })
    }

    /// Returns the rows of the plan.
    #[must_use]
    pub fn rows(&self) -> Vec<PlanRow> {
        self.resources.rows().chain(self.secret_ids.iter().map(SecretIdDelivery::row)).collect()
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
        for delivery in &self.secret_ids {
            let outcome = if !delivery.is_needed() || may_continue(&outcomes, &should_continue) {
                delivery.apply(&vault).await
            } else {
                StepOutcome::NotTried
            };
            outcomes.push(outcome);
        }
        outcomes
    }
}

impl DesiredTenant {
    fn resources(&self, mounts: &Mounts, policies: &BTreeSet<String>) -> Vec<Resource> {
        let key =
            Resource::TransitKey { transit: mounts.transit.clone(), name: key_name(&self.name) };
        let mut resources = tenant_resources(&self.name, key, &mounts.kv, &self.services, policies);
        resources.extend(self.rotate_every.map(|interval| Resource::RotationInterval {
            kv: mounts.kv.clone(),
            tenant: self.name.to_string(),
            interval: interval.to_string(),
        }));
        resources
    }
}

/// Returns these policies and `tenant`.
pub(super) fn with_tenant_policy(others: &BTreeSet<String>) -> BTreeSet<String> {
    let mut policies = others.clone();
    policies.insert(TENANT_POLICY.to_owned());
    policies
}
