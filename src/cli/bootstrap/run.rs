//! The steps of `bootstrap`: initialization, login, plan, confirmation, application.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    time::Duration,
};

use tokio::task::JoinHandle;

use super::Bootstrap;
use crate::{
    cli::{
        operator::{Operator, close_session},
        output::{pluralize, print_warning},
        plan_output::{finish_dry_run, print_outcomes, print_plan, unless_stopped},
        policies::check_accepted_by,
        prompt::confirm,
        signals::shutdown_signal,
    },
    config::{ConfigErrors, OperatorSettings},
    provisioning::{CredentialDir, DesiredState, PlanRow, ProvisionError, StepOutcome},
    vault::{
        self, InitPlan, KeyShares, PlatformPlan, SealKind, SealState, ServerInitializer,
        ServiceLogin, read_root_token,
    },
};

/// The minimum timeout of a call: a server that has just started responds slowly.
const MIN_TIMEOUT: Duration = Duration::from_secs(30);

/// One run of `bootstrap`.
pub(super) struct BootstrapRun {
    seal: ServerInitializer,
    vault: vault::ClientSettings,
    shares: KeyShares,
    pub(super) desired: DesiredState,
    arguments: Bootstrap,
}

impl BootstrapRun {
    /// # Errors
    /// Returns the reason why no client can be created, such as an unreadable certificate.
    pub(super) fn new(
        vault: vault::ClientSettings,
        shares: KeyShares,
        desired: DesiredState,
        arguments: Bootstrap,
    ) -> Result<Self, String> {
        let seal = ServerInitializer::new(&vault).map_err(message)?;
        Ok(Self { seal, vault, shares, desired, arguments })
    }

    pub(super) fn directory(&self) -> &CredentialDir {
        &self.desired.secret_id.directory
    }

    pub(super) async fn execute(&self) -> Result<ExitCode, String> {
        let Self { seal, shares, arguments, .. } = self;
        let directory = self.directory();
        let state = seal.state().await.map_err(message)?;
        if !arguments.init {
            ensure_unsealed(state)?;
        }
        let init = InitPlan::compute(state, directory).map_err(message)?;
        let init_rows = init.rows(*shares, directory);
        let is_empty = matches!(init, InitPlan::Initialize(_));
        if !init_rows.is_empty() {
            let mut rows = init_rows.clone();
            if is_empty {
                let plan = PlatformPlan::for_empty_vault(&self.desired).map_err(message)?;
                rows.extend(plan.rows());
            }
            print_plan(&rows, arguments.output);
            if arguments.dry_run {
                return Ok(finish_dry_run(&rows, arguments.output));
            }
        }
        if is_empty {
            self.confirm_initialization()?;
        }
        // From here on, a signal must not end the process before the keys are in their file.
        let stop = (!init_rows.is_empty()).then(|| tokio::spawn(shutdown_signal()));
        init.apply(seal, *shares, directory).await.map_err(message)?;

        let operator = self.log_in().await?;
        let outcome = self.provision(&operator, &init, init_rows, stop).await;
        close_session(&operator.session).await;
        outcome
    }

    /// Compares an unsealed Vault with the desired state and applies the difference. The steps of the
    /// initialization, whose rows are given, are complete.
    async fn provision(
        &self,
        operator: &Operator,
        init: &InitPlan,
        init_rows: Vec<PlanRow>,
        stop: Option<JoinHandle<()>>,
    ) -> Result<ExitCode, String> {
        let Self { arguments, desired, .. } = self;
        let server = vault::VaultPolicies::new(&operator.session).server().await;
        let server = server.map_err(|error| error.to_string())?;
        check_accepted_by(server, &desired.policies, &desired.mounts)?;
        let plan = PlatformPlan::compute(desired, &operator.session).await.map_err(message)?;
        let rows = plan.rows();
        if !matches!(init, InitPlan::Initialize(_)) {
            print_plan(&rows, arguments.output);
        }
        if arguments.dry_run {
            return Ok(finish_dry_run(&rows, arguments.output));
        }
        self.confirm_updates(&rows, &operator.address)?;
        let stop = stop.unwrap_or_else(|| tokio::spawn(shutdown_signal()));
        let mut outcomes = vec![StepOutcome::Done; init_rows.len()];
        outcomes.extend(plan.apply(&operator.session, || unless_stopped(&stop)).await);
        let rows: Vec<_> = init_rows.into_iter().chain(rows).collect();
        print_outcomes(&rows, &outcomes, &self.next_steps(init, &plan), arguments.output)
    }

    /// Logs in with the root token that an initialization wrote, as long as Vault accepts it, else
    /// with the operator's own credentials.
    async fn log_in(&self) -> Result<Operator, String> {
        let Self { vault, arguments, .. } = self;
        let timeout = vault.timeout.max(MIN_TIMEOUT);
        let log_in = |login| {
            Operator::connect(OperatorSettings {
                vault: vault::ClientSettings { timeout, ..vault.clone() },
                login,
            })
        };
        let directory = self.directory();
        let root_token =
            if arguments.init { read_root_token(directory).map_err(message)? } else { None };
        if let Some(token) = root_token {
            match log_in(ServiceLogin::Token(token)).await {
                Ok(operator) => return Ok(operator),
                Err(error) => print_warning(&format!(
                    "the root token in {directory} was rejected, trying your own credentials: \
                     {error}"
                )),
            }
        }
        let access = OperatorSettings::load(arguments.operator.clone().sources());
        log_in(access.map_err(|faults: ConfigErrors| faults.to_string())?.login).await
    }

    /// Asks on a terminal before Vault is initialized, which cannot be undone and returns its keys
    /// only once. Elsewhere `--init` suffices: neither a Vault that holds something nor a file is
    /// overwritten.
    fn confirm_initialization(&self) -> Result<(), String> {
        let Self { arguments, vault, .. } = self;
        if arguments.yes || !arguments.output.is_text() || !io::stdin().is_terminal() {
            return Ok(());
        }
        let address = vault.with_first_address().addresses;
        let directory = self.directory();
        require_confirmation(&format!(
            "Initialize {address}? This cannot be repeated: its keys and its root token are written \
             to {directory}, and Vault does not return them again."
        ))
    }

    /// Asks before existing objects are changed. Creating objects needs no confirmation.
    fn confirm_updates(&self, rows: &[PlanRow], address: &str) -> Result<(), String> {
        let updates = rows.iter().filter(|row| row.action == PlanRow::UPDATE).count() as u64;
        if updates == 0 || self.arguments.yes {
            return Ok(());
        }
        let updates = pluralize(updates, "existing object");
        if !io::stdin().is_terminal() || !self.arguments.output.is_text() {
            return Err(format!(
                "nothing was changed: {updates} would be changed; check --dry-run and `policies \
                 plan`, and add --yes"
            ));
        }
        require_confirmation(&format!("Change {updates} in {address}?"))
    }
}

fn require_confirmation(question: &str) -> Result<(), String> {
    if confirm(question)? { Ok(()) } else { Err("nothing was changed".to_owned()) }
}

fn message(ProvisionError(text): ProvisionError) -> String {
    text
}

fn ensure_unsealed(state: SealState) -> Result<(), String> {
    match state {
        SealState::Unsealed | SealState::Sealed(SealKind::Auto) => Ok(()),
        SealState::Uninitialized(_) => {
            Err("Vault is not initialized: add --init, which writes its keys \
            and a root token to --credentials"
                .to_owned())
        }
        SealState::Sealed(SealKind::Shamir) => Err("Vault is sealed: unseal it, or add --init, \
            which unseals it with the keys in --credentials"
            .to_owned()),
    }
}
