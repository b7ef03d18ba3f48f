use std::{process::ExitCode, sync::Arc};

use clap::Args;
use tokio::runtime::Builder;

use crate::{
    cli::{
        output::print_warning,
        print_error,
        signals::{clean_up_on_signal, end_on_signal_as_pid_1, run_until_cleanup},
        sources::{ConfigArgs, ForOperators, ForVault, Selection},
        usage_error,
    },
    config::{OperatorSettings, SettingSources, Settings},
    policy::Mounts,
    telemetry::Metrics,
    vault::{Client, VaultSession},
};

/// The arguments of a command that calls Vault.
#[derive(Args, Clone)]
pub(super) struct OperatorArgs<S: Selection = ForOperators> {
    #[command(flatten)]
    config: ConfigArgs<S>,
}

/// An operator's session with Vault.
pub(super) struct Operator {
    pub(super) session: Arc<VaultSession>,
    /// Vault's addresses, for messages.
    pub(super) address: String,
}

impl<S: Selection> OperatorArgs<S> {
    /// Returns the configuration sources of these arguments.
    pub(super) fn sources(self) -> SettingSources {
        self.config.sources()
    }

    /// Logs in, runs the command and closes the session. Prints the error if there is one.
    pub(super) fn run(
        self,
        command: impl AsyncFnOnce(Operator) -> Result<ExitCode, String>,
    ) -> ExitCode {
        self.run_before_login(async |access| {
            let operator = Operator::connect(access).await?;
            let session = Arc::clone(&operator.session);
            let outcome = command(operator).await;
            close_session(&session).await;
            outcome
        })
    }

    /// Runs a command that logs in and closes the session itself, as one does that handles signals
    /// meanwhile.
    pub(super) fn run_before_login(
        self,
        command: impl AsyncFnOnce(OperatorSettings) -> Result<ExitCode, String>,
    ) -> ExitCode {
        match OperatorSettings::load(self.config.sources()) {
            Ok(access) => block_on(async || command(access).await),
            Err(faults) => usage_error(faults),
        }
    }
}

impl OperatorArgs<ForVault> {
    /// Runs a command as [`Self::run`] does, with the paths of the tenants' engines.
    pub(super) fn run_with_mounts(
        self,
        command: impl AsyncFnOnce(Operator, Mounts) -> Result<ExitCode, String>,
    ) -> ExitCode {
        match Settings::load_mounts(self.clone().sources()) {
            Ok(mounts) => self.run(async |operator| command(operator, mounts).await),
            Err(faults) => usage_error(faults),
        }
    }
}

/// Runs a future on a new runtime, and prints its error if there is one.
pub(super) fn block_on(work: impl AsyncFnOnce() -> Result<ExitCode, String>) -> ExitCode {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let outcome = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            end_on_signal_as_pid_1();
            run_until_cleanup(work()).await
        })
    });
    outcome.unwrap_or_else(|error| {
        print_error(error);
        ExitCode::FAILURE
    })
}

/// Closes a session. If its token cannot be revoked, a warning is printed, and the command still
/// succeeds.
pub(super) async fn close_session(session: &VaultSession) {
    if let Err(why) = session.close().await {
        print_warning(&why);
    }
}

/// Revokes the session's token at a signal that ends the process, unless the command handles signals
/// itself.
pub(super) fn revoke_on_signal(session: &Arc<VaultSession>) {
    if session.issues_tokens() {
        let session = Arc::clone(session);
        clean_up_on_signal(async move { close_session(&session).await });
    }
}

impl Operator {
    /// Creates a session that is not logged in. To be called in a runtime.
    ///
    /// # Errors
    /// Returns the reason why no client can be created, such as an unreadable certificate.
    pub(super) fn new(access: OperatorSettings) -> Result<Self, String> {
        let address = access.vault.addresses.to_string();
        let metrics = Arc::new(Metrics::default());
        let client = Client::new(&access.vault, metrics).map_err(|error| error.to_string())?;
        let session = Arc::new(VaultSession::new(Arc::new(client), access.login));
        revoke_on_signal(&session);
        Ok(Self { session, address })
    }

    /// Creates a session and logs in.
    ///
    /// # Errors
    /// Those of [`Self::new`], and Vault's address with the reason why the login failed.
    pub(super) async fn connect(access: OperatorSettings) -> Result<Self, String> {
        let operator = Self::new(access)?;
        operator.log_in().await?;
        Ok(operator)
    }

    /// Logs in.
    ///
    /// # Errors
    /// Returns Vault's address and the reason.
    pub(super) async fn log_in(&self) -> Result<(), String> {
        self.session.log_in().await.map_err(|error| format!("{}: {error}", self.address))
    }
}
