use std::{process::ExitCode, time::Duration};

use clap::Args;
use http::StatusCode;
use serde_json::json;
use tokio::{runtime::Builder, time::timeout};

use crate::{
    cli::{
        complain, misused,
        output::Output,
        sources::{ConfigArgs, ForAdmin},
    },
    config::Settings,
    diagnostics::fetch_readiness,
};

/// Say whether the service on this machine is ready.
///
/// Exits with 0 if its admin listener answers that it is: the health check of a container that has
/// no curl. It reads the same configuration as `serve`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator healthcheck
  vault-auth-validator healthcheck --admin-listen unix:/run/validator/admin.sock")]
pub(super) struct Healthcheck {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    config: ConfigArgs<ForAdmin>,
}

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

impl Healthcheck {
    pub(super) fn run(self) -> ExitCode {
        let listen = match Settings::load_admin_listen(self.config.sources()) {
            Ok(listen) => listen,
            Err(faults) => return misused(faults),
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let asked = runtime.and_then(|runtime| {
            runtime.block_on(async { timeout(PATIENCE, fetch_readiness(&listen)).await? })
        });
        match asked {
            Ok((StatusCode::OK, _)) => {
                self.output.print(|| json!({"ready": true}), |_| "ready".to_owned());
                ExitCode::SUCCESS
            }
            Ok((status, body)) => {
                complain(format!("not ready: {status} {body}"));
                ExitCode::FAILURE
            }
            Err(error) => {
                complain(format!("{listen} does not answer: {error}; is `serve` running?"));
                ExitCode::FAILURE
            }
        }
    }
}
