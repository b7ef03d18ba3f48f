use std::{process::ExitCode, time::Duration};

use clap::Args;
use http::StatusCode;
use serde_json::json;
use tokio::{runtime::Builder, time::timeout};

use crate::{
    cli::{
        output::{OutputArgs, print_error, usage_error},
        sources::{ConfigArgs, ForAdmin},
    },
    config::Settings,
    diagnostics::fetch_readiness,
};

/// Check readiness via the admin listener (for container health checks).
///
/// Exits with 0 if the service on this machine is ready. It reads the same configuration as
/// `serve`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator healthcheck
  vault-auth-validator healthcheck --admin-listen unix:/run/validator/admin.sock")]
pub(super) struct Healthcheck {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    config: ConfigArgs<ForAdmin>,
}

/// The timeout of the request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

impl Healthcheck {
    pub(super) fn run(self) -> ExitCode {
        let listen = match Settings::load_admin_listen(self.config.sources()) {
            Ok(listen) => listen,
            Err(errors) => return usage_error(errors),
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let response = runtime.and_then(|runtime| {
            runtime.block_on(async { timeout(REQUEST_TIMEOUT, fetch_readiness(&listen)).await? })
        });
        match response {
            Ok((StatusCode::OK, _)) => {
                self.output.print(|| json!({"ready": true}), |_| "ready".to_owned());
                ExitCode::SUCCESS
            }
            Ok((status, body)) => {
                print_error(format!("not ready: {status} {body}"));
                ExitCode::FAILURE
            }
            Err(error) => {
                print_error(format!(
                    "no response from {listen}: {error}; check that `serve` is running"
                ));
                ExitCode::FAILURE
            }
        }
    }
}
