//! Accounts of people: user names and passwords that Vault keeps.

use std::collections::BTreeSet;

use secrecy::SecretString;

use super::VaultResources;
use crate::{
    provisioning::{DesiredAccount, IfAbsent, NewPassword, PlanRow, ProvisionError, StepOutcome},
    vault::api::userpass::{account_path, is_user_name},
};

/// The planned change of an account.
pub struct AccountPlan {
    desired: DesiredAccount,
    change: AccountChange,
}

enum AccountChange {
    None,
    /// Adds these policies.
    AddPolicies(BTreeSet<String>),
    Create(NewPassword),
}

impl AccountPlan {
    /// Compares an account with Vault. A missing auth method counts as a missing account: the same
    /// plan creates the method.
    ///
    /// # Errors
    /// Fails if Vault keeps no accounts at this mount, the account is absent and must not be
    /// created, or Vault cannot be read.
    pub async fn compute(
        desired: &DesiredAccount,
        vault: &VaultResources<'_>,
    ) -> Result<Self, ProvisionError> {
        let DesiredAccount { mount, name, policies, .. } = desired;
        match vault.login_method(mount).await? {
            Some(method) if !method.is_userpass() => {
                return Err(ProvisionError(format!(
                    "the auth method at {mount}/ has the type {}, so Vault keeps no accounts there; \
                     nothing was changed",
                    method.kind
                )));
            }
            Some(_) => {}
            None => return Self::for_absent_account(desired),
        }
        let Some(account) = vault.account(mount, name).await? else {
            return Self::for_absent_account(desired);
        };
        let missing: BTreeSet<_> = policies.difference(&account.policies).cloned().collect();
        let change = if missing.is_empty() {
            AccountChange::None
        } else {
            AccountChange::AddPolicies(missing)
        };
        Ok(Self { desired: desired.clone(), change })
    }

    /// Plans the creation of an account that does not exist.
    ///
    /// # Errors
    /// Fails if it must not be created.
    pub fn for_absent_account(desired: &DesiredAccount) -> Result<Self, ProvisionError> {
        let IfAbsent::Create(password) = &desired.if_absent else {
            return Err(ProvisionError(format!(
                "there is no account {} at {}/: add --create-user to create it; nothing was changed",
                desired.name, desired.mount
            )));
        };
        Ok(Self { desired: desired.clone(), change: AccountChange::Create(password.clone()) })
    }

    /// Returns true if the account is created with a password that the operator gives.
    #[must_use]
    pub fn needs_password(&self) -> bool {
        matches!(self.change, AccountChange::Create(NewPassword::Given { .. }))
    }

    /// Sets the password of a new account.
    pub fn set_password(&mut self, given: SecretString) {
        if let AccountChange::Create(password) = &mut self.change {
            password.set(given);
        }
    }

    /// Returns true if the account is created or changed.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        !matches!(self.change, AccountChange::None)
    }

    /// Returns the path in Vault that is written, if one is.
    pub(super) fn vault_path(&self) -> Option<String> {
        self.is_needed().then(|| account_path(&self.desired.mount, &self.desired.name))
    }

    /// Returns the row of the plan.
    #[must_use]
    pub fn row(&self) -> PlanRow {
        let DesiredAccount { mount, name, policies, if_absent, .. } = &self.desired;
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        let exists = match if_absent {
            IfAbsent::Create(_) => "; it exists, and keeps its password",
            IfAbsent::Fail => "",
        };
        let (action, detail) = match &self.change {
            AccountChange::None => {
                (PlanRow::UNCHANGED, format!("policies {}{exists}", list(policies)))
            }
            AccountChange::AddPolicies(missing) => {
                (PlanRow::UPDATE, format!("adds the policies {}{exists}", list(missing)))
            }
            AccountChange::Create(password) => {
                (PlanRow::CREATE, format!("policies {}, {}", list(policies), password.detail()))
            }
        };
        PlanRow { action, kind: "account", name: format!("{name} ({mount}/)"), detail }
    }

    /// Returns the command line with which the person logs in.
    #[must_use]
    pub fn login_command(&self) -> String {
        let DesiredAccount { mount, name, .. } = &self.desired;
        let password_file = match &self.change {
            AccountChange::Create(password) => password.file_path(),
            AccountChange::None | AccountChange::AddPolicies(_) => None,
        };
        let path = if mount == "userpass" { String::new() } else { format!(" -path={mount}") };
        let command = format!("bao login -method=userpass{path} username={name}");
        match password_file {
            Some(file) => format!("{command}, with the password in {}", file.display()),
            None => command,
        }
    }

    /// Creates the account, or adds the missing policies.
    pub async fn apply(&self, vault: &VaultResources<'_>) -> StepOutcome {
        let applied = match &self.change {
            AccountChange::None => return StepOutcome::Unchanged,
            AccountChange::AddPolicies(_) => self.add_policies(vault).await,
            AccountChange::Create(password) => self.create(vault, password).await,
        };
        applied.map_or_else(StepOutcome::Failed, |()| StepOutcome::Done)
    }

    /// Adds the policies to those that the account has now.
    async fn add_policies(&self, vault: &VaultResources<'_>) -> Result<(), ProvisionError> {
        let DesiredAccount { mount, name, policies, .. } = &self.desired;
        let account = vault.account(mount, name).await?;
        let account = account.ok_or_else(|| {
            ProvisionError(format!("the account {name} was deleted during this run"))
        })?;
        let all = account.policies.union(policies).cloned().collect();
        vault.set_policies(mount, name, &all).await
    }

    /// Creates the account, unless another process has created it since the plan was made: that
    /// account keeps its password.
    async fn create(
        &self,
        vault: &VaultResources<'_>,
        password: &NewPassword,
    ) -> Result<(), ProvisionError> {
        let DesiredAccount { mount, name, policies, token_ttl, .. } = &self.desired;
        let password = password.resolve()?;
        if vault.account(mount, name).await?.is_some() {
            return Err(ProvisionError(format!(
                "another process has created the account {name} during this run"
            )));
        }
        vault.create_account(mount, name, &password, policies, *token_ttl).await
    }
}

/// Parses a user name, and returns it in lower case, as Vault stores it.
///
/// # Errors
/// A message that states the form of user names.
pub fn parse_user_name(text: &str) -> Result<String, String> {
    is_user_name(text).then(|| text.to_lowercase()).ok_or_else(|| {
        "a user name consists of letters, digits and `_`, and between them `-` and `.`; Vault \
         accepts no other characters"
            .to_owned()
    })
}
