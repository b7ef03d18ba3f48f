use std::{error::Error, process::ExitCode, sync::Arc};

use clap::Args;
use rustix::process::Signal;
use tokio::runtime::Runtime;

use crate::{
    cli::{
        USAGE, complain,
        output::say,
        sources::{ConfigArgs, ForService},
        stop::{Signals, service_stopped},
    },
    config::Settings,
    server, telemetry, vault,
};

/// Run the service.
///
/// It starts whether or not Vault is there, and is ready as soon as it has logged in. SIGTERM and
/// SIGINT stop it once the requests under way are answered. SIGHUP, SIGUSR1 and SIGUSR2 are ignored.
#[derive(Args)]
#[command(after_help = "\
Examples:
  VAULT_ADDR=https://vault:8200 VALIDATOR_ROLE_ID=… VALIDATOR_SECRET_ID_FILE=/run/secrets/secret-id \\
      vault-auth-validator serve
  vault-auth-validator serve --config /etc/validator.toml --check")]
pub(super) struct Serve {
    /// Say whether the configuration is valid, and exit.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    config: ConfigArgs<ForService>,
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        let settings = match Settings::load(self.config.sources()) {
            Ok(settings) => settings,
            Err(faults) => {
                complain(faults);
                return ExitCode::from(USAGE);
            }
        };
        if self.check {
            if let Err(error) = vault::Client::new(&settings.vault, Arc::default()) {
                complain(error);
                return ExitCode::from(USAGE);
            }
            say("The configuration is valid.");
            return ExitCode::SUCCESS;
        }
        let _telemetry = telemetry::start(settings.telemetry);
        match Runtime::new()
            .map_err(Into::into)
            .and_then(|runtime| runtime.block_on(serve(settings)))
        {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(error);
                ExitCode::FAILURE
            }
        }
    }
}

/// Runs the service until a signal stops it.
async fn serve(settings: Settings) -> Result<(), Box<dyn Error>> {
    let signals =
        Signals::register(&[Signal::TERM, Signal::INT, Signal::HUP, Signal::USR1, Signal::USR2])?;
    server::run(settings, service_stopped(signals)).await?;
    Ok(())
}
