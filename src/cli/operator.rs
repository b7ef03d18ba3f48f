use std::{process::ExitCode, sync::Arc};

use clap::Args;
use tokio::runtime::Builder;

use crate::{
    cli::{
        complain, misused,
        output::warn,
        sources::{ConfigArgs, ForOperators, ForVault, Selection},
        stop::{clean_up_on_signal, obey_as_pid_1, until_ended},
    },
    config::{Access, Settings, Sources},
    policies::Mounts,
    telemetry::Metrics,
    vault::{Client, Session},
};

/// How a command reaches Vault.
#[derive(Args, Clone)]
pub(super) struct OperatorArgs<S: Selection = ForOperators> {
    #[command(flatten)]
    config: ConfigArgs<S>,
}

/// The session of an operator with Vault.
pub(super) struct Operator {
    pub(super) session: Arc<Session>,
    /// Where Vault is.
    pub(super) address: String,
}

impl<S: Selection> OperatorArgs<S> {
    /// What else these arguments say.
    pub(super) fn sources(self) -> Sources {
        self.config.sources()
    }

    /// Runs a command as the operator, and says what went wrong if it did.
    pub(super) fn run(
        self,
        command: impl AsyncFnOnce(Operator) -> Result<ExitCode, String>,
    ) -> ExitCode {
        self.run_before_login(async |access| {
            let operator = Operator::log_in(access).await?;
            let session = Arc::clone(&operator.session);
            let outcome = command(operator).await;
            end(&session).await;
            outcome
        })
    }

    /// The same for a command that handles signals while it logs in, and ends its session itself.
    pub(super) fn run_before_login(
        self,
        command: impl AsyncFnOnce(Access) -> Result<ExitCode, String>,
    ) -> ExitCode {
        match Access::load(self.config.sources()) {
            Ok(access) => to_the_end(async || command(access).await),
            Err(faults) => misused(faults),
        }
    }
}

impl OperatorArgs<ForVault> {
    /// The same for a command that asks where the tenants' secrets and keys are.
    pub(super) fn run_on_mounts(
        self,
        command: impl AsyncFnOnce(Operator, Mounts) -> Result<ExitCode, String>,
    ) -> ExitCode {
        match Settings::load_mounts(self.clone().sources()) {
            Ok(mounts) => self.run(async |operator| command(operator, mounts).await),
            Err(faults) => misused(faults),
        }
    }
}

/// Runs something that waits, and says what went wrong if it did.
pub(super) fn to_the_end(work: impl AsyncFnOnce() -> Result<ExitCode, String>) -> ExitCode {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let outcome = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            obey_as_pid_1();
            until_ended(work()).await
        })
    });
    outcome.unwrap_or_else(|error| {
        complain(error);
        ExitCode::FAILURE
    })
}

/// Ends a session. A token that could not be revoked is no failure of the command.
pub(super) async fn end(session: &Session) {
    if let Err(why) = session.close().await {
        warn(&why);
    }
}

/// Revokes the token at a signal that ends the process, unless the command handles signals itself.
pub(super) fn revoke_on_signal(session: &Arc<Session>) {
    if session.obtains_tokens() {
        let session = Arc::clone(session);
        clean_up_on_signal(async move { end(&session).await });
    }
}

impl Operator {
    /// Has yet to log in with this access. To be called in a runtime.
    pub(super) fn new(access: Access) -> Result<Self, String> {
        let address = access.vault.address.origin().ascii_serialization();
        let metrics = Arc::new(Metrics::default());
        let client = Client::new(&access.vault, metrics).map_err(|error| error.to_string())?;
        let session = Arc::new(Session::new(Arc::new(client), access.login));
        revoke_on_signal(&session);
        Ok(Self { session, address })
    }

    /// Logs in with this access.
    pub(super) async fn log_in(access: Access) -> Result<Self, String> {
        let operator = Self::new(access)?;
        operator.open().await?;
        Ok(operator)
    }

    /// Logs in.
    pub(super) async fn open(&self) -> Result<(), String> {
        self.session.open().await.map_err(|error| format!("{}: {error}", self.address))
    }
}
