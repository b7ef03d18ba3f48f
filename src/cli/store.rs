use std::process::ExitCode;

use clap::Args;

use crate::{
    cli::{
        USAGE, complain,
        operator::{Operator, OperatorArgs},
        sources::ForVault,
    },
    config::{Access, Settings},
    policies::Mounts,
    secrets::{SecretError, SecretName, Unreadable},
    tenants::TenantName,
    vault::Secrets,
};

/// How a command reaches the tenants' secrets.
#[derive(Args, Clone)]
pub(super) struct StoreArgs {
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

/// The tenants' secrets, as somebody who is logged in to Vault sees them.
pub(super) struct Store {
    pub(super) operator: Operator,
    pub(super) mounts: Mounts,
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
        self.run_before_login(async |access| command(access.log_in().await?).await)
    }

    /// The same for a command that handles signals while it logs in.
    pub(super) fn run_before_login(
        self,
        command: impl AsyncFnOnce(StoreAccess) -> Result<ExitCode, String>,
    ) -> ExitCode {
        let mounts = match Settings::load_mounts(self.operator.clone().sources()) {
            Ok(mounts) => mounts,
            Err(faults) => {
                complain(faults);
                return ExitCode::from(USAGE);
            }
        };
        self.operator.run_before_login(async |vault| command(StoreAccess { vault, mounts }).await)
    }
}

impl StoreAccess {
    /// Logs in.
    pub(super) async fn log_in(self) -> Result<Store, String> {
        Ok(Store { operator: Operator::log_in(self.vault).await?, mounts: self.mounts })
    }
}

impl Store {
    /// Does something with the secrets, with the present token.
    pub(super) async fn with<T>(
        &self,
        action: impl AsyncFnOnce(Secrets<'_>) -> Result<T, SecretError>,
    ) -> Result<T, SecretError> {
        let session = &self.operator.session;
        let own = session.token().await?;
        let outcome = action(Secrets::new(session.client(), &self.mounts, &own.token)).await;
        if let Err(SecretError::TokenRefused) = outcome {
            session.give_up(&own);
        }
        outcome
    }
}

/// What went wrong with a secret, and what to do about it.
pub(super) fn why(error: &SecretError, tenant: &TenantName, name: &SecretName) -> String {
    let remedy = match error {
        SecretError::Absent => format!("; `secrets list {tenant}` shows what there is"),
        SecretError::Deleted(version) => format!(
            "; to bring it back: bao kv undelete -mount=MOUNT -versions={version} \
             tenants/{tenant}/{name}"
        ),
        SecretError::Conflict => "; look at it again, and decide anew".to_owned(),
        SecretError::TooLarge => "; split it into several".to_owned(),
        SecretError::Denied => {
            "; policies/tenant.hcl has what a service or a person of the tenant needs".to_owned()
        }
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
        SecretError::TokenRefused => {
            "; `vault login` brings a new one, and VAULT_TOKEN goes before it".to_owned()
        }
        _ => String::new(),
    }
}
