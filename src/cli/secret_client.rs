use std::{process::ExitCode, sync::Arc};

use clap::Args;

use crate::{
    cli::{
        operator::{Operator, OperatorArgs, close_session},
        sources::ForVault,
        usage_error,
    },
    config::{OperatorSettings, Settings},
    policy::Mounts,
    secrets::{RecordError, SecretError, SecretName},
    tenants::TenantName,
    vault::{CheckCache, SecretsClient, SessionSecrets},
};

/// The arguments of a command that reads or writes tenants' secrets.
#[derive(Args, Clone)]
pub(super) struct SecretClientArgs {
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

/// The tenants' secrets, accessed with an operator's session.
pub(super) struct SecretClient {
    pub(super) operator: Operator,
    pub(super) mounts: Mounts,
    pub(super) checks: CheckCache,
}

/// The settings of a session that is not logged in.
pub(super) struct SecretClientConfig {
    vault: OperatorSettings,
    mounts: Mounts,
}

impl SecretClientArgs {
    /// Logs in, runs the command and closes the session. Prints the error if there is one.
    pub(super) fn run(
        self,
        command: impl AsyncFnOnce(SecretClient) -> Result<ExitCode, String>,
    ) -> ExitCode {
        self.run_before_login(async |access| {
            let store = access.client()?;
            store.operator.log_in().await?;
            let session = Arc::clone(&store.operator.session);
            let outcome = command(store).await;
            close_session(&session).await;
            outcome
        })
    }

    /// Runs a command that logs in and closes the session itself, as one does that handles signals
    /// meanwhile.
    pub(super) fn run_before_login(
        self,
        command: impl AsyncFnOnce(SecretClientConfig) -> Result<ExitCode, String>,
    ) -> ExitCode {
        match Settings::load_mounts(self.operator.clone().sources()) {
            Ok(mounts) => self.operator.run_before_login(async |vault| {
                command(SecretClientConfig { vault, mounts }).await
            }),
            Err(faults) => usage_error(faults),
        }
    }
}

impl SecretClientConfig {
    /// Creates a session that is not logged in. To be called in a runtime.
    ///
    /// # Errors
    /// Those of [`Operator::new`].
    pub(super) fn client(self) -> Result<SecretClient, String> {
        let operator = Operator::new(self.vault)?;
        Ok(SecretClient { operator, mounts: self.mounts, checks: CheckCache::default() })
    }
}

impl SecretClient {
    /// Calls Vault with the current token. A token that Vault rejects is discarded.
    ///
    /// # Errors
    /// Those of the action, and of the login.
    pub(super) async fn with<T>(
        &self,
        action: impl AsyncFnOnce(SecretsClient<'_>) -> Result<T, SecretError>,
    ) -> Result<T, SecretError> {
        self.secrets().with(action).await
    }

    /// The secrets, with the session's token.
    pub(super) fn secrets(&self) -> SessionSecrets<'_> {
        SessionSecrets::new(&self.operator.session, &self.mounts, &self.checks)
    }
}

/// Returns the message for an error of one secret, with a hint.
pub(super) fn secret_error_message(
    error: &SecretError,
    tenant: &TenantName,
    name: &SecretName,
) -> String {
    let remedy = match error {
        SecretError::NotFound => format!("; `secrets list {tenant}` lists the secrets"),
        SecretError::Deleted(version) => {
            format!("; `secrets undelete {tenant} {name} --version {version}` brings it back")
        }
        SecretError::VersionNotFound { .. } => {
            format!("; `secrets versions {tenant} {name}` lists the versions")
        }
        SecretError::OutcomeUnknown(_) => format!(
            "; whether it was done is unknown: `secrets versions {tenant} {name}` lists the versions"
        ),
        SecretError::Conflict => {
            "; read the new version and run it again if it still applies".to_owned()
        }
        SecretError::TooLarge => "; split it into several".to_owned(),
        error => secret_error_hint(error, tenant),
    };
    format!("{tenant}/{name}: {error}{remedy}")
}

/// Returns the hint for an error that affects all secrets of a tenant; empty if there is none.
pub(super) fn secret_error_hint(error: &SecretError, tenant: &TenantName) -> String {
    match error {
        SecretError::KeyMissing => format!(
            "; `tenants create {tenant}` creates one, named tenant-{tenant}. If a key of this name was \
             deleted, the secrets that it encrypted are lost"
        ),
        SecretError::Unreadable(RecordError::KeyVersionRetired) => format!(
            "; an operator can lower min_decryption_version of the transit key tenant-{tenant}"
        ),
        SecretError::Unreadable(RecordError::KeyVersionMissing | RecordError::WrongContext) => {
            "; if its key was shredded, the secret is lost; `secrets set --replace` writes a new one"
                .to_owned()
        }
        SecretError::MountNotVersioned => {
            "; set VALIDATOR_KV_MOUNT to the mount, or upgrade the mount to version 2 with `bao kv \
             enable-versioning MOUNT`"
                .to_owned()
        }
        SecretError::PermissionDenied => {
            "; policies/tenant.hcl grants what services and people of the tenant need".to_owned()
        }
        SecretError::TokenRejected => {
            "; get a new one with `vault login`; VAULT_TOKEN takes precedence over it".to_owned()
        }
        _ => String::new(),
    }
}
