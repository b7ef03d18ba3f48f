//! From a Vault in which there is nothing, or not all, to one that the validator can work with.

mod opening;
mod platform;

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Args, value_parser};
use tokio::task::JoinHandle;

use self::{
    opening::{Opening, advice, root_token},
    platform::{PlatformPlan, Wishes},
};
use crate::{
    cli::{
        account::{Absent, WantedAccount, user_name},
        ask::consents,
        handover::HandoverArgs,
        misused,
        operator::{Operator, OperatorArgs, end, to_the_end},
        output::{Output, counted, warn},
        password::{NewPassword, PasswordSource},
        policies::{Folder, FolderError, accepted_by},
        sources::ForVault,
        steps::{Line, UPDATE, end_dry, report, show, unless_stopped},
        stop::stopped,
    },
    config::{Access, Faults, Settings},
    policies::{Mounts, shipped},
    provision::Outcome,
    vault::{self, Login, Seal, SealKind, SealState, Shares},
};

/// Bring a Vault to what the platform needs.
///
/// Mounts, AppRole, the auth method that people use (`VALIDATOR_SUBJECT_MOUNT`: user names and
/// passwords, unless there is another), policies, and the role of the validator.
///
/// Shows the plan first, then what became of each step. What is there already stays as it is, so it
/// may be run again at any time, and completes what an earlier run left undone. What is there and is
/// not as it should be is changed only with --yes, or after you said so; a mount of another type is
/// an error, and nothing is done.
///
/// The validator's role id and secret id are written to files, never to the terminal. The secret id is
/// wrapped: it serves one start of the validator, within --wrap-ttl. With --plain-secret-id it serves
/// every start.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator bootstrap --dry-run
  vault-auth-validator bootstrap --init --credentials /root/vault-credentials
  vault-auth-validator bootstrap --operator ana
  vault-auth-validator bootstrap --plain-secret-id --yes --output json

Files in --credentials DIR:
  unseal-keys or recovery-keys, root-token      with --init
  validator-role-id, validator-secret-id        when a secret id is handed out
  NAME-password                                 with --operator NAME")]
pub(super) struct Bootstrap {
    /// Initialise Vault if it is empty, and unseal it with the keys in --credentials if it is sealed. The
    /// token is then the one that is there. Asks before it initialises, if it can ask: on a terminal,
    /// and without --yes.
    #[arg(long)]
    init: bool,
    /// With --init: how many keys to make.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = value_parser!(u8).range(1..))]
    shares: u8,
    /// With --init: how many of them it takes.
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = value_parser!(u8).range(1..))]
    threshold: u8,
    /// Show the plan and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Initialise, and change what is there and is not as it should be, without asking.
    #[arg(long)]
    yes: bool,
    /// A folder with policies, NAME.hcl, to load instead of those that this program brings along.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Have Vault write an audit log to this file on its machine. `OpenBao` takes that from its
    /// configuration alone, and you are told what to put there.
    #[arg(long, value_name = "PATH")]
    audit_file: Option<String>,
    #[command(flatten)]
    handover: HandoverArgs,
    /// Make an account for an operator too: a user name and a password at `VALIDATOR_SUBJECT_MOUNT`, with
    /// the policy `operator`, so that the root token can be given up.
    #[arg(long = "operator", value_name = "NAME", value_parser = user_name)]
    operator_name: Option<String>,
    /// A file with the operator's password; `-` is standard input, where it is not shown. Without this
    /// one is made up and written to NAME-password.
    #[arg(long, value_name = "FILE", requires = "operator_name")]
    operator_password: Option<PasswordSource>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

/// The policy of operators.
const OPERATOR: &str = "operator";

/// The least that a call may take here: a server that has just come up is in no hurry.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a run of it works with.
struct Run {
    seal: Seal,
    vault: vault::Settings,
    shares: Shares,
    wishes: Wishes,
    arguments: Bootstrap,
}

impl Bootstrap {
    pub(super) fn run(self) -> ExitCode {
        let sources = || self.operator.clone().sources();
        let vault = match Settings::load_vault(sources()) {
            Ok(vault) => vault,
            Err(faults) => return misused(faults),
        };
        let mounts = match Settings::load_mounts(sources()) {
            Ok(mounts) => mounts,
            Err(faults) => return misused(faults),
        };
        let subject_mount = match Settings::load_subject_mount(sources()) {
            Ok(mount) => mount,
            Err(faults) => return misused(faults),
        };
        if let Err(faults) = Access::load(sources())
            && !self.init
        {
            return misused(faults);
        }
        let shares = Shares { number: self.shares, threshold: self.threshold };
        let possible = match shares.threshold {
            1 => shares.number == 1,
            threshold => threshold <= shares.number,
        };
        if !possible {
            return misused("--threshold is 1 if --shares is, else from 2 to --shares");
        }
        let mut wishes = match self.wishes(mounts, subject_mount) {
            Ok(wishes) => wishes,
            Err(error) => return error.exit(self.output),
        };
        if let Some(account) = wishes.operator.as_mut().filter(|_| !self.dry_run)
            && let Err(fault) = account.read_password()
        {
            return misused(fault);
        }
        to_the_end(async || {
            let seal = Seal::new(&vault).map_err(|trouble| trouble.to_string())?;
            Run { seal, vault, shares, wishes, arguments: self }.bring_up().await
        })
    }

    /// The account of an operator, if one is asked for.
    fn operator_account(&self, mount: &str) -> Option<WantedAccount> {
        let name = self.operator_name.as_ref()?;
        let credentials = self.handover.credentials.clone();
        let password = match &self.operator_password {
            Some(source) => NewPassword::given(source.clone()),
            None => NewPassword::Generated { credentials, file: format!("{name}-password") },
        };
        Some(WantedAccount {
            mount: mount.to_owned(),
            name: name.clone(),
            policies: BTreeSet::from([OPERATOR.to_owned()]),
            token_ttl: Some("1h"),
            absent: Absent::Made(password),
        })
    }

    fn wishes(&self, mounts: Mounts, subject_mount: String) -> Result<Wishes, FolderError> {
        let fits = [mounts.kv.as_str(), mounts.transit.as_str()] == shipped::MOUNTS;
        if !fits && self.policies.is_none() {
            let [kv, transit] = shipped::MOUNTS;
            return Err(FolderError::Unsound(format!(
                "the policies that this program brings along are for the mounts {kv} and {transit}: \
                 copy them, put your own mounts in, and name the folder with --policies"
            )));
        }
        let [kv, transit] = [&mounts.kv, &mounts.transit].map(|path| format!("{path}/"));
        if kv.starts_with(&transit) || transit.starts_with(&kv) {
            let what = format!("{kv} and {transit} cannot both be mounted: one is in the other");
            return Err(FolderError::Unsound(what));
        }
        let policies = Folder::new(self.policies.clone()).sound(&mounts, &[])?;
        if self.operator_name.is_some() && policies.get(OPERATOR).is_none() {
            let what = "there is no policy `operator` among them, for --operator";
            return Err(FolderError::Unsound(what.to_owned()));
        }
        if policies.get("validator").is_none() {
            let what = "there is no policy `validator` among them, which the validator needs";
            return Err(FolderError::Unsound(what.to_owned()));
        }
        let (audit_file, handover) = (self.audit_file.clone(), self.handover.clone());
        let operator = self.operator_account(&subject_mount);
        Ok(Wishes { mounts, subject_mount, audit_file, policies, handover, operator })
    }
}

impl Run {
    async fn bring_up(&self) -> Result<ExitCode, String> {
        let Self { seal, shares, arguments, .. } = self;
        let credentials = &arguments.handover.credentials;
        let state = seal.state().await.map_err(|trouble| trouble.to_string())?;
        if !arguments.init {
            refuse_closed(state)?;
        }
        let opening = Opening::plan(state, credentials)?;
        let mut lines = opening.lines(*shares, credentials);
        if let Opening::Initialise(_) = opening {
            lines.extend(PlatformPlan::from_nothing(&self.wishes)?.lines());
        }
        if !lines.is_empty() {
            show(&lines, arguments.output);
            if arguments.dry_run {
                return Ok(end_dry(&lines, arguments.output));
            }
        }
        if let Opening::Initialise(_) = opening {
            self.consent_to_initialise()?;
        }
        // A signal must not come between the keys and their file.
        let stop = lines.first().map(|_| tokio::spawn(stopped()));
        opening.carry_out(seal, *shares, credentials).await?;

        let operator = self.log_in().await?;
        let outcome = self.build(&operator, &opening, lines, stop).await;
        end(&operator.session).await;
        outcome
    }

    /// Makes what is missing in a Vault that serves. The lines are those of what was shown before.
    async fn build(
        &self,
        operator: &Operator,
        opening: &Opening,
        mut lines: Vec<Line>,
        stop: Option<JoinHandle<()>>,
    ) -> Result<ExitCode, String> {
        let Self { shares, arguments, .. } = self;
        let steps_to_open = opening.lines(*shares, &arguments.handover.credentials).len();
        let server = vault::Policies::new(&operator.session).server().await;
        let server = server.map_err(|error| error.to_string())?;
        accepted_by(server, &self.wishes.policies, &self.wishes.mounts)?;
        let plan = PlatformPlan::draw(&self.wishes, &operator.session).await?;
        if lines.len() == steps_to_open {
            show(&plan.lines(), arguments.output);
        }
        if arguments.dry_run {
            return Ok(end_dry(&plan.lines(), arguments.output));
        }
        self.consent(&plan.lines(), &operator.address)?;
        let stop = stop.unwrap_or_else(|| tokio::spawn(stopped()));
        lines.truncate(steps_to_open);
        let mut outcomes = vec![Outcome::Done; steps_to_open];
        lines.extend(plan.lines());
        outcomes.extend(plan.apply(&operator.session, || unless_stopped(&stop)).await);
        report(&lines, &outcomes, &self.next(opening, &plan), arguments.output)
    }

    /// With the root token that an initialisation left behind, while it is good, else as the
    /// administrator.
    async fn log_in(&self) -> Result<Operator, String> {
        let Self { vault, arguments, .. } = self;
        let timeout = vault.timeout.max(PATIENCE);
        let log_in = |login| {
            Operator::log_in(Access { vault: vault::Settings { timeout, ..vault.clone() }, login })
        };
        let credentials = &arguments.handover.credentials;
        let kept = if arguments.init { root_token(credentials)? } else { None };
        if let Some(token) = kept {
            match log_in(Login::Token(token)).await {
                Ok(operator) => return Ok(operator),
                Err(error) => warn(&format!(
                    "the root token in {credentials} is of no use, so yours is tried: {error}"
                )),
            }
        }
        let access = Access::load(arguments.operator.clone().sources());
        log_in(access.map_err(|faults: Faults| faults.to_string())?.login).await
    }

    /// Asks on a terminal before Vault is initialised, which shows its keys once and is never undone.
    /// Without a terminal `--init` says it all: nothing is overwritten, neither a Vault with something
    /// in it nor a file.
    fn consent_to_initialise(&self) -> Result<(), String> {
        let arguments = &self.arguments;
        if arguments.yes || !arguments.output.is_text() || !io::stdin().is_terminal() {
            return Ok(());
        }
        let credentials = &arguments.handover.credentials;
        let address = self.vault.address.origin().ascii_serialization();
        let question = format!(
            "Initialise {address}? That is done once; its keys and its root token go into \
             {credentials}, and nobody can show them again."
        );
        if consents(&question)? { Ok(()) } else { Err("nothing was changed".to_owned()) }
    }

    /// Whether what is there may be changed. To add to it is what this command is for.
    fn consent(&self, lines: &[Line], address: &str) -> Result<(), String> {
        let updates = lines.iter().filter(|line| line.verb == UPDATE).count();
        if updates == 0 || self.arguments.yes {
            return Ok(());
        }
        let question = format!("change {} that is there in {address}?", counted(updates, "thing"));
        if !io::stdin().is_terminal() || !self.arguments.output.is_text() {
            return Err(format!(
                "nothing was changed: {} there is not as it should be; look at --dry-run and \
                 `policies plan`, and add --yes",
                counted(updates, "thing")
            ));
        }
        if consents(&question)? { Ok(()) } else { Err("nothing was changed".to_owned()) }
    }

    /// What to do after a run in which all was done.
    fn next(&self, opening: &Opening, plan: &PlatformPlan) -> Vec<String> {
        let keys = match opening {
            Opening::Initialise(kind) => Some(advice(*kind, &self.arguments.handover.credentials)),
            Opening::Open | Opening::Unseal(_) => None,
        };
        let start = if plan.handover.is_wanted() {
            plan.handover.start("vault-auth-validator serve")
        } else {
            "vault-auth-validator tenants create NAME --service SERVICE".to_owned()
        };
        let advice = plan.handover.is_wanted().then(|| plan.handover.advice());
        let log_in = plan.operator.as_ref().map(|account| {
            format!(
                "{}; then give the root token up: `bao token revoke -self` with it, and delete its \
                 file",
                account.log_in()
            )
        });
        advice.into_iter().chain(keys).chain([start]).chain(log_in).collect()
    }
}

fn refuse_closed(state: SealState) -> Result<(), String> {
    match state {
        SealState::Unsealed | SealState::Sealed(SealKind::Auto) => Ok(()),
        SealState::Empty(_) => Err("Vault is not initialised: add --init, which writes its keys \
            and a root token into --credentials"
            .to_owned()),
        SealState::Sealed(SealKind::Shamir) => Err("Vault is sealed: unseal it, or add --init, \
            which does so with the keys in --credentials"
            .to_owned()),
    }
}
