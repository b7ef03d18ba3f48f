use std::{process::ExitCode, sync::Arc};

use clap::Args;
use tokio::runtime::Builder;

use crate::{
    cli::{
        USAGE, complain,
        sources::{ConfigArgs, ForOperators},
    },
    config::Access,
    telemetry::Metrics,
    vault::{Client, Session},
};

/// How a command reaches Vault.
#[derive(Args, Clone)]
pub(super) struct OperatorArgs {
    #[command(flatten)]
    config: ConfigArgs<ForOperators>,
}

/// Somebody at a terminal who is logged in to Vault.
pub(super) struct Operator {
    pub(super) session: Arc<Session>,
}

impl OperatorArgs {
    /// Runs a command as the operator, and says what went wrong if it did.
    pub(super) fn run(self, command: impl AsyncFnOnce(Operator) -> Result<(), String>) -> ExitCode {
        let access = match Access::load(self.config.sources()) {
            Ok(access) => access,
            Err(faults) => {
                complain(faults);
                return ExitCode::from(USAGE);
            }
        };
        let outcome = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())
            .and_then(|runtime| {
                runtime.block_on(async { command(Operator::log_in(access).await?).await })
            });
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(error);
                ExitCode::FAILURE
            }
        }
    }
}

impl Operator {
    async fn log_in(access: Access) -> Result<Self, String> {
        let address = access.vault.address.origin().ascii_serialization();
        let metrics = Arc::new(Metrics::default());
        let client = Client::new(&access.vault, metrics).map_err(|error| error.to_string())?;
        let session = Arc::new(Session::new(Arc::new(client), access.login));
        session.open().await.map_err(|error| format!("{address}: {error}"))?;
        Ok(Self { session })
    }
}
