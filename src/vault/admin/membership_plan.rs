//! The plan that makes a person a member of a tenant.

use std::{collections::BTreeSet, ops::ControlFlow};

use secrecy::SecretString;

use super::{
    AccountPlan, LoginMethod, TenantDirectory, VaultPolicies, VaultResources, parse_user_name,
    platform_plan::{check_update, plan_resources},
    tenant_plan::with_tenant_policy,
};
use crate::{
    policy::Mounts,
    provisioning::{
        DesiredAccount, EngineType, IfAbsent, Membership, PlanRow, ProvisionError, ProvisionPlan,
        Resource, StepOutcome, check_policies, check_resources, may_continue,
    },
    tenants::TenantName,
    vault::VaultSession,
};

/// A person who is to be a member of a tenant.
pub struct DesiredMember {
    /// The tenant.
    pub tenant: TenantName,
    /// The path of the auth method.
    pub mount: String,
    /// The name that the person logs in with.
    pub name: String,
    /// The policies of the person's account besides `tenant`.
    pub policies: BTreeSet<String>,
    /// The action to take if the auth method keeps accounts in Vault and has none of this name.
    pub if_absent: IfAbsent,
}

/// The planned change of a person's account and membership.
pub struct MembershipPlan {
    /// The person's account, if the auth method keeps accounts in Vault.
    account: Option<AccountPlan>,
    membership: ProvisionPlan,
}

impl MembershipPlan {
    /// Compares the membership with Vault.
    ///
    /// # Errors
    /// Fails if the tenant, the auth method, the account or a policy is missing, the plan
    /// could not be applied, or Vault cannot be read.
    pub async fn compute(
        desired: &DesiredMember,
        mounts: &Mounts,
        session: &VaultSession,
    ) -> Result<Self, ProvisionError> {
        let DesiredMember { tenant, mount, name, .. } = desired;
        let vault = VaultResources::new(session);
        let engine = Resource::SecretsEngine { path: mounts.kv.clone(), engine: EngineType::Kv };
        check_resources(&vault, [engine]).await?;
        if !TenantDirectory::new(session, mounts).has_key(tenant).await? {
            return Err(ProvisionError(format!(
                "there is no tenant {tenant}: `vault-auth-validator tenants create {tenant}` \
                 creates it; nothing was changed"
            )));
        }
        let method = vault.login_method(mount).await?.ok_or_else(|| {
            ProvisionError(format!(
                "there is no auth method at {mount}/: set another with --mount; nothing was changed"
            ))
        })?;
        let account = desired.account(&method, &vault, session).await?;
        let membership = Resource::Membership(Membership {
            kv: mounts.kv.clone(),
            tenant: tenant.to_string(),
            mount: mount.clone(),
            login: method.alias(name),
        });
        let membership = plan_resources(vec![membership], &vault).await?;
        let written = account.as_ref().and_then(AccountPlan::vault_path);
        check_update(&vault, written.into_iter().collect()).await?;
        Ok(Self { account, membership })
    }

    /// Returns true if a new account needs a password that the operator gives.
    #[must_use]
    pub fn needs_password(&self) -> bool {
        self.account.as_ref().is_some_and(AccountPlan::needs_password)
    }

    /// Sets the password of a new account.
    pub fn set_password(&mut self, given: SecretString) {
        if let Some(account) = &mut self.account {
            account.set_password(given);
        }
    }

    /// Returns the command line with which the person logs in, if the account is in Vault.
    #[must_use]
    pub fn login_command(&self) -> Option<String> {
        self.account.as_ref().map(AccountPlan::login_command)
    }

    /// Returns the rows of the plan.
    #[must_use]
    pub fn rows(&self) -> Vec<PlanRow> {
        self.account.iter().map(AccountPlan::row).chain(self.membership.rows()).collect()
    }

    /// Applies the plan up to the first step that fails, and returns one outcome per row.
    /// `should_continue` is called before each step after the account.
    pub async fn apply(
        &self,
        session: &VaultSession,
        should_continue: impl Fn() -> ControlFlow<()>,
    ) -> Vec<StepOutcome> {
        let vault = VaultResources::new(session);
        let mut outcomes = Vec::new();
        if let Some(account) = &self.account {
            outcomes.push(account.apply(&vault).await);
        }
        if may_continue(&outcomes, || ControlFlow::Continue(())) {
            outcomes.extend(self.membership.apply(&vault, should_continue).await);
        } else {
            outcomes.extend(self.membership.steps.iter().map(|_| StepOutcome::NotTried));
        }
        outcomes
    }
}

impl DesiredMember {
    /// Plans the account, if the auth method keeps accounts in Vault.
    async fn account(
        &self,
        method: &LoginMethod,
        vault: &VaultResources<'_>,
        session: &VaultSession,
    ) -> Result<Option<AccountPlan>, ProvisionError> {
        if !method.is_userpass() {
            return self.check_alias(method, vault).await.map(|()| None);
        }
        let name = parse_user_name(&self.name)
            .map_err(|error| ProvisionError(format!("{}: {error}", self.name)))?;
        let policies = with_tenant_policy(&self.policies);
        check_policies(&VaultPolicies::new(session), &policies).await?;
        let desired = DesiredAccount {
            mount: self.mount.clone(),
            name,
            policies,
            token_ttl: None,
            if_absent: self.if_absent.clone(),
        };
        AccountPlan::compute(&desired, vault).await.map(Some)
    }

    /// Checks that there is an alias of this name, where accounts are not in Vault: with a mistyped
    /// name, the next person who logs in under that name would become the member.
    async fn check_alias(
        &self,
        method: &LoginMethod,
        vault: &VaultResources<'_>,
    ) -> Result<(), ProvisionError> {
        let Self { mount, name, tenant, .. } = self;
        let kind = &method.kind;
        if kind == "approle" || kind == "token" {
            return Err(ProvisionError(format!(
                "the auth method at {mount}/ has the type {kind}, which is not for people: `tenants \
                 create {tenant} --service NAME` creates a service; nothing was changed"
            )));
        }
        if matches!(self.if_absent, IfAbsent::Create(_)) || !self.policies.is_empty() {
            return Err(ProvisionError(format!(
                "the auth method at {mount}/ has the type {kind}: its accounts are not in Vault, and \
                 its roles set the policies, so --create-user and --policy do not apply; nothing \
                 was changed"
            )));
        }
        if vault.has_alias(name, method).await? {
            return Ok(());
        }
        Err(ProvisionError(format!(
            "{name} has not logged in at {mount}/ yet: run this again after the first login; \
             nothing was changed"
        )))
    }
}
