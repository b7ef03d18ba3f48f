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

/// The arguments of a command that reads or writes tenants' secrets.
#[derive(Args, Clone)]
pub(super) struct StoreArgs {
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

/// The tenants' secrets, accessed with an operator's session.
pub(super) struct Store {
    pub(super) operator: Operator,
    pub(super) mounts: Mounts,
    pub(super) checks: RecentChecks,
}

/// The settings of a session that is not logged in.
pub(super) struct StoreAccess {
    vault: Access,
    mounts: Mounts,
}

impl StoreArgs {
    /// Logs in, runs the command and closes the session. Prints the error if there is one.
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

    /// Runs a command that logs in and closes the session itself, as one does that handles signals
    /// meanwhile.
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
    /// Creates a session that is not logged in. To be called in a runtime.
    ///
    /// # Errors
    /// Those of [`Operator::new`].
    pub(super) fn store(self) -> Result<Store, String> {
        let operator = Operator::new(self.vault)?;
        Ok(Store { operator, mounts: self.mounts, checks: RecentChecks::default() })
    }
}

impl Store {
    /// Calls Vault with the current token. A token that Vault rejects is discarded.
    ///
    /// # Errors
    /// Those of the action, and of the login.
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

/// Returns the message for an error of one secret, with a hint.
pub(super) fn why(error: &SecretError, tenant: &TenantName, name: &SecretName) -> String {
    let remedy = match error {
        SecretError::Absent => format!("; `secrets list {tenant}` lists the secrets"),
        SecretError::Deleted(version) => {
            format!("; `secrets undelete {tenant} {name} --version {version}` brings it back")
        }
        SecretError::VersionAbsent { .. } => {
            format!("; `secrets versions {tenant} {name}` lists the versions")
        }
        SecretError::Unsettled(_) => format!(
            "; whether it was done is unknown: `secrets versions {tenant} {name}` lists the versions"
        ),
        SecretError::Conflict => {
            "; read the new version and run it again if it still applies".to_owned()
        }
        SecretError::TooLarge => "; split it into several".to_owned(),
        error => remedy(error, tenant),
    };
    format!("{tenant}/{name}: {error}{remedy}")
}

/// Returns the hint for an error that affects all secrets of a tenant; empty if there is none.
pub(super) fn remedy(error: &SecretError, tenant: &TenantName) -> String {
    match error {
        SecretError::KeyMissing => format!(
            "; `tenants create {tenant}` creates one, named tenant-{tenant}. If a key of this name was \
             deleted, the secrets that it encrypted are lost"
        ),
        SecretError::Unreadable(Unreadable::KeyTooOld) => format!(
            "; an operator can lower min_decryption_version of the transit key tenant-{tenant}"
        ),
        SecretError::Unreadable(Unreadable::KeyGone | Unreadable::Elsewhere) => {
            "; if its key was shredded, the secret is lost; `secrets set --replace` writes a new one"
                .to_owned()
        }
        SecretError::MountUnfit => {
            "; set VALIDATOR_KV_MOUNT to the mount, or upgrade the mount to version 2 with `bao kv \
             enable-versioning MOUNT`"
                .to_owned()
        }
        SecretError::Denied => {
            "; policies/tenant.hcl grants what services and people of the tenant need".to_owned()
        }
        SecretError::TokenRefused => {
            "; get a new one with `vault login`; VAULT_TOKEN takes precedence over it".to_owned()
        }
        _ => String::new(),
    }
}
