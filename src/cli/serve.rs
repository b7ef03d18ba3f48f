use std::{error::Error, process::ExitCode, sync::Arc};

use clap::Args;
use tokio::runtime::Runtime;

use crate::{
    cli::{
        USAGE, complain,
        operator::to_the_end,
        output::print_result,
        sources::{ConfigArgs, ForService},
        stop::service_stopped,
    },
    config::Settings,
    policies::Mounts,
    secrets::SecretError,
    server, telemetry,
    vault::{self, Login, Secrets, Session},
};

/// Run the service.
///
/// It starts even while Vault is unreachable, and is ready as soon as it has logged in. SIGTERM and
/// SIGINT stop it once the requests in flight are answered. SIGHUP, SIGUSR1 and SIGUSR2 are
/// ignored.
#[derive(Args)]
#[command(after_help = "\
Examples:
  VAULT_ADDR=https://vault:8200 VALIDATOR_ROLE_ID=… VALIDATOR_SECRET_ID_FILE=/run/secrets/secret-id \\
      vault-auth-validator serve
  vault-auth-validator serve --config /etc/validator.toml --check")]
pub(super) struct Serve {
    /// Validate the configuration and exit.
    ///
    /// If the service has a token (`VAULT_TOKEN` or `VAULT_TOKEN_FILE`) and Vault responds, the
    /// mount of the secrets is also checked to be KV version 2. An AppRole does not log in for
    /// that, since a login may use up its secret id: `doctor` checks the mount with your own token.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    config: ConfigArgs<ForService>,
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        let settings = match Settings::load(self.config.sources()) {
            Ok(settings) => settings,
            Err(errors) => {
                complain(errors);
                return ExitCode::from(USAGE);
            }
        };
        if self.check {
            return check_configuration(settings);
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

/// Validates the configuration as far as that is possible without a login.
fn check_configuration(settings: Settings) -> ExitCode {
    let client = match vault::Client::new(&settings.vault, Arc::default()) {
        Ok(client) => Arc::new(client),
        Err(error) => {
            complain(error);
            return ExitCode::from(USAGE);
        }
    };
    let Settings { login, mounts, .. } = settings;
    to_the_end(async || {
        match check_mount(client, login, &mounts).await {
            Err(error @ SecretError::MountUnfit) => {
                return Err(format!("VALIDATOR_KV_MOUNT: {}/: {error}", mounts.kv));
            }
            // Vault may be unreachable while a configuration is checked.
            Ok(()) | Err(_) => print_result("The configuration is valid."),
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Checks the mount of the secrets with the service's token, if that needs no login.
async fn check_mount(
    client: Arc<vault::Client>,
    login: Login,
    mounts: &Mounts,
) -> Result<(), SecretError> {
    if matches!(login, Login::AppRole { .. }) {
        return Ok(());
    }
    let session = Arc::new(Session::new(client, login));
    if session.open().await.is_err() {
        return Ok(());
    }
    let own = session.token().await?;
    Secrets::new(session.client(), mounts, &own.token).check_mount().await
}

/// Runs the service until a signal stops it.
async fn serve(settings: Settings) -> Result<(), Box<dyn Error>> {
    server::run(settings, service_stopped()?).await?;
    Ok(())
}
