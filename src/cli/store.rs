use std::{process::ExitCode, sync::Arc};

use clap::Args;

use crate::{
    cli::{
        misused,
        operator::{Operator, OperatorArgs, end},
        sources::ForVault,
    },
    config::{Access, Settings},
    policies::Mounts,
    secrets::{SecretError, SecretName, Unreadable},
    tenants::TenantName,
    vault::{RecentChecks, Secrets, SessionSecrets},
};

/// How a command reaches the tenants' secrets.
#[derive(Args, Clone)]
pub(super) struct StoreArgs {
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

/// The tenants' secrets, as somebody sees them who logs in to Vault.
pub(super) struct Store {
    pub(super) operator: Operator,
    pub(super) mounts: Mounts,
    pub(super) checks: RecentChecks,
}

/// The settings with which the tenants' secrets are reached.
pub(super) struct StoreAccess {
    vault: Access,
    mounts: Mounts,
}

impl StoreArgs {
    /// Runs a command on the secrets, and says what went wrong if it did.
    pub(super) fn run(
        self,
        command: impl AsyncFnOnce(Store) -> Result<ExitCode, String>,
    ) -> ExitCode {
        self.run_before_login(async |access| {
            let store = access.store()?;
            store.operator.open().await?;
            let session = Arc::clone(&store.operator.session);
            let outcome = command(store).await;
            end(&session).await;
            outcome
        })
    }

    /// The same for a command that handles signals while it logs in, and ends its session itself.
    pub(super) fn run_before_login(
        self,
        command: impl AsyncFnOnce(StoreAccess) -> Result<ExitCode, String>,
    ) -> ExitCode {
        match Settings::load_mounts(self.operator.clone().sources()) {
            Ok(mounts) => self
                .operator
                .run_before_login(async |vault| command(StoreAccess { vault, mounts }).await),
            Err(faults) => misused(faults),
        }
    }
}

impl StoreAccess {
    /// The secrets, for somebody who has yet to log in. To be called in a runtime.
    pub(super) fn store(self) -> Result<Store, String> {
        let operator = Operator::new(self.vault)?;
        Ok(Store { operator, mounts: self.mounts, checks: RecentChecks::default() })
    }
}

impl Store {
    /// Does something with the secrets, with the present token.
    pub(super) async fn with<T>(
        &self,
        action: impl AsyncFnOnce(Secrets<'_>) -> Result<T, SecretError>,
    ) -> Result<T, SecretError> {
        self.secrets().with(action).await
    }

    /// The secrets, with the session's token.
    pub(super) fn secrets(&self) -> SessionSecrets<'_> {
        SessionSecrets::new(&self.operator.session, &self.mounts, &self.checks)
    }
}

/// What went wrong with a secret, and what to do about it.
pub(super) fn why(error: &SecretError, tenant: &TenantName, name: &SecretName) -> String {
    let remedy = match error {
        SecretError::Absent => format!("; `secrets list {tenant}` shows what there is"),
        SecretError::Deleted(version) => {
            format!("; `secrets undelete {tenant} {name} --version {version}` brings it back")
        }
        SecretError::VersionAbsent { .. } => {
            format!("; `secrets versions {tenant} {name}` shows which there are")
        }
        SecretError::Unsettled(_) => format!(
            "; it may be done or not: `secrets versions {tenant} {name}` shows which versions there \
             are"
        ),
        SecretError::Conflict => "; look at it again, and decide anew".to_owned(),
        SecretError::TooLarge => "; split it into several".to_owned(),
        error => remedy(error, tenant),
    };
    format!("{tenant}/{name}: {error}{remedy}")
}

/// What to do about an error that concerns all of a tenant's secrets.
pub(super) fn remedy(error: &SecretError, tenant: &TenantName) -> String {
    match error {
        SecretError::KeyMissing => format!(
            "; `tenants create {tenant}` makes one, named tenant-{tenant}. If there was one and it \
             was deleted, what it encrypted is lost"
        ),
        SecretError::Unreadable(Unreadable::KeyTooOld) => format!(
            "; an operator can lower min_decryption_version of the transit key tenant-{tenant}"
        ),
        SecretError::Unreadable(Unreadable::KeyGone | Unreadable::Elsewhere) => {
            "; if its key was shredded it is lost, and `secrets set --replace` writes it anew"
                .to_owned()
        }
        SecretError::MountUnfit => {
            "; VALIDATOR_KV_MOUNT names the mount, and `bao kv enable-versioning MOUNT` brings one to \
             version 2"
                .to_owned()
        }
        SecretError::Denied => {
            "; policies/tenant.hcl has what a service or a person of the tenant needs".to_owned()
        }
        SecretError::TokenRefused => {
            "; `vault login` brings a new one, and VAULT_TOKEN goes before it".to_owned()
        }
        _ => String::new(),
    }
}
