use std::{process::ExitCode, sync::Arc};

use clap::Args;
use tokio::runtime::Builder;

use crate::{
    cli::{
        USAGE, complain,
        sources::{ConfigArgs, ForOperators, ForVault, Selection},
        stop::obey_as_pid_1,
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

/// Somebody at a terminal who is logged in to Vault.
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
        self.run_before_login(async |access| command(Operator::log_in(access).await?).await)
    }

    /// The same for a command that handles signals while it logs in.
    pub(super) fn run_before_login(
        self,
        command: impl AsyncFnOnce(Access) -> Result<ExitCode, String>,
    ) -> ExitCode {
        let access = match Access::load(self.config.sources()) {
            Ok(access) => access,
            Err(faults) => {
                complain(faults);
                return ExitCode::from(USAGE);
            }
        };
        to_the_end(async || command(access).await)
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
            Err(faults) => {
                complain(faults);
                ExitCode::from(USAGE)
            }
        }
    }
}

/// Runs something that waits, and says what went wrong if it did.
pub(super) fn to_the_end(work: impl AsyncFnOnce() -> Result<ExitCode, String>) -> ExitCode {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let outcome = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            obey_as_pid_1();
            work().await
        })
    });
    outcome.unwrap_or_else(|error| {
        complain(error);
        ExitCode::FAILURE
    })
}

impl Operator {
    /// Logs in with this access.
    pub(super) async fn log_in(access: Access) -> Result<Self, String> {
        let address = access.vault.address.origin().ascii_serialization();
        let metrics = Arc::new(Metrics::default());
        let client = Client::new(&access.vault, metrics).map_err(|error| error.to_string())?;
        let session = Arc::new(Session::new(Arc::new(client), access.login));
        session.open().await.map_err(|error| format!("{address}: {error}"))?;
        Ok(Self { session, address })
    }
}
