use std::{error::Error, process::ExitCode, sync::Arc};

use clap::Args;
use tokio::runtime::Runtime;

use crate::{
    cli::{
        USAGE_EXIT_CODE,
        operator::block_on,
        output::print_result,
        print_error,
        signals::service_stopped,
        sources::{ConfigArgs, ForService},
    },
    config::Settings,
    policy::Mounts,
    secrets::SecretError,
    server::{self, ConfigReload},
    telemetry,
    vault::{self, SecretsClient, ServiceLogin, VaultSession},
};

/// Run the service.
///
/// It starts even while Vault is unreachable, and is ready as soon as it has logged in. SIGTERM and
/// SIGINT stop it after the requests in flight have finished. SIGHUP makes it read the configuration again,
/// with all certificates and keys; an invalid one changes nothing, and the log says why. SIGUSR1 and SIGUSR2
/// are ignored.
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
    /// that, because a login may use up its secret id: `doctor` checks the mount with your own token.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    config: ConfigArgs<ForService>,
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        let sources = self.config.sources();
        let settings = match Settings::load(sources.clone()) {
            Ok(settings) => settings,
            Err(errors) => {
                print_error(errors);
                return ExitCode::from(USAGE_EXIT_CODE);
            }
        };
        if self.check {
            return check_configuration(settings);
        }
        let telemetry = telemetry::start(&settings.telemetry);
        let (requested, log_level) = (Arc::default(), telemetry.log_level());
        let reload = ConfigReload { sources, requested, log_level };
        match Runtime::new()
            .map_err(Into::into)
            .and_then(|runtime| runtime.block_on(serve(settings, reload)))
        {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                print_error(error);
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
            print_error(error);
            return ExitCode::from(USAGE_EXIT_CODE);
        }
    };
    let Settings { login, mounts, .. } = settings;
    block_on(async || {
        match check_mount(client, login, &mounts).await {
            Err(error @ SecretError::MountNotVersioned) => {
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
    login: Arc<ServiceLogin>,
    mounts: &Mounts,
) -> Result<(), SecretError> {
    if matches!(*login, ServiceLogin::AppRole { .. }) {
        return Ok(());
    }
    let session = Arc::new(VaultSession::new(client, login));
    if session.log_in().await.is_err() {
        return Ok(());
    }
    let own = session.token().await?;
    SecretsClient::new(session.client(), mounts, &own.token).check_kv_version().await
}

/// Runs the service until a signal stops it.
async fn serve(settings: Settings, reload: ConfigReload) -> Result<(), Box<dyn Error>> {
    let requested = Arc::clone(&reload.requested);
    let stopped = service_stopped(move || requested.notify_one())?;
    server::run(settings, reload, stopped).await?;
    Ok(())
}
