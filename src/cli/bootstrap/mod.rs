mod next_steps;
mod run;

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use clap::{Args, value_parser};

use self::run::BootstrapRun;
use crate::{
    cli::{
        operator::{OperatorArgs, block_on},
        output::{OutputArgs, usage_error},
        password::PasswordSource,
        policies::{FolderError, PolicyFolder},
        secret_id_args::SecretIdArgs,
        sources::ForVault,
    },
    config::{ConfigErrors, OperatorSettings, Settings},
    policy::{Mounts, builtin},
    provisioning::{
        DesiredAccount, DesiredState, IfAbsent, NewPassword, OPERATOR_POLICY, POLICY_DRIFT_POLICY,
        ProvisionError, VALIDATOR, check_mounts,
    },
    vault::{self, KeyShares, parse_user_name},
};

/// The TTL of an operator's tokens.
const OPERATOR_TOKEN_TTL: &str = "1h";

/// Provision Vault for the platform.
///
/// Creates the mounts, the AppRole auth method, the auth method for people (`VALIDATOR_SUBJECT_MOUNT`:
/// userpass, unless another one exists), the policies, the role of the validator, and the key that
/// seals the sessions of logins in a browser.
///
/// People's tokens are valid for 1 h and are renewed on use for up to 12 h. An existing auth method
/// keeps its lifetimes; the plan shows them.
///
/// Prints the plan first, then the outcome of each step. Existing objects are kept, so that it can be
/// run again at any time, and completes what an earlier run left undone. An existing object that
/// differs from the plan is changed only with --yes or after a confirmation; a mount of another type
/// is an error, and nothing is changed.
///
/// The validator's role id and secret id are written to files, never to the terminal. The secret id is
/// wrapped: it is valid for one start of the validator, within --wrap-ttl. With --plain-secret-id it is
/// valid for every start.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator bootstrap --dry-run
  vault-auth-validator bootstrap --init --credentials /root/vault-credentials
  vault-auth-validator bootstrap --operator ana
  vault-auth-validator bootstrap --plain-secret-id --yes --output json

Files in --credentials DIR:
  unseal-keys or recovery-keys, root-token      with --init
  validator-role-id, validator-secret-id        when a secret id is issued
  sealing-keys                                  for VALIDATOR_SEALING_KEY_FILE
  NAME-password                                 with --operator NAME")]
pub(super) struct Bootstrap {
    /// Initialize Vault if it is empty, and unseal it with the keys in --credentials if it is sealed.
    /// Continues with the root token in --credentials. Asks before it initializes, if standard input
    /// is a terminal and --yes is not set.
    #[arg(long)]
    init: bool,
    /// With --init: the number of keys to create.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = value_parser!(u8).range(1..))]
    shares: u8,
    /// With --init: the number of keys that unseal Vault.
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = value_parser!(u8).range(1..))]
    threshold: u8,
    /// Print the plan and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Initialize Vault, and change existing objects that differ from the plan, without asking.
    #[arg(long)]
    yes: bool,
    /// A directory with policies, NAME.hcl, to load instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Enable an audit log in this file on Vault's machine. `OpenBao` accepts audit devices in its
    /// configuration only; the error message then contains the lines to add there.
    #[arg(long, value_name = "PATH")]
    audit_file: Option<String>,
    #[command(flatten)]
    permissions: ValidatorPermissions,
    #[command(flatten)]
    secret_id: SecretIdArgs,
    /// Also create an account for an operator: a user name and a password at
    /// `VALIDATOR_SUBJECT_MOUNT`, with the policy `operator`, so that the root token can be revoked.
    #[arg(long = "operator", value_name = "NAME", value_parser = parse_user_name)]
    operator_name: Option<String>,
    /// A file with the operator's password; `-` is standard input, without echo on a terminal. By
    /// default a password is generated and written to NAME-password.
    #[arg(long, value_name = "FILE", requires = "operator_name")]
    operator_password: Option<PasswordSource>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

/// The optional permissions of the validator.
#[derive(Args)]
struct ValidatorPermissions {
    /// Let the validator read all policies, to compare them with files
    /// (`VALIDATOR_POLICY_DRIFT_INTERVAL`): its AppRole also gets the policy `validator-drift`.
    #[arg(long)]
    policy_drift: bool,
}

impl ValidatorPermissions {
    /// Returns the policies of the validator's AppRole.
    fn policies(&self) -> BTreeSet<String> {
        let optional = self.policy_drift.then_some(POLICY_DRIFT_POLICY);
        [VALIDATOR].into_iter().chain(optional).map(str::to_owned).collect()
    }
}

impl Bootstrap {
    pub(super) fn run(self) -> ExitCode {
        let (vault, mounts, subject_mount) = match self.settings() {
            Ok(settings) => settings,
            Err(faults) => return usage_error(faults),
        };
        if let Err(faults) = OperatorSettings::load(self.operator.clone().sources())
            && !self.init
        {
            return usage_error(faults);
        }
        let shares = KeyShares { total: self.shares, threshold: self.threshold };
        let is_possible = match shares.threshold {
            1 => shares.total == 1,
            threshold => threshold <= shares.total,
        };
        if !is_possible {
            return usage_error("--threshold must be from 2 to --shares, or 1 if --shares is 1");
        }
        let mut desired = match self.desired_state(mounts, subject_mount) {
            Ok(desired) => desired,
            Err(error) => return error.exit(self.output),
        };
        if let (Some(account), Some(source)) = (&mut desired.operator, &self.operator_password)
            && !self.dry_run
        {
            match source.read(&account.name) {
                Ok(password) => account.set_password(password),
                Err(error) => return usage_error(error),
            }
        }
        block_on(async || BootstrapRun::new(vault, shares, desired, self)?.execute().await)
    }

    fn settings(&self) -> Result<(vault::ClientSettings, Mounts, String), ConfigErrors> {
        let sources = || self.operator.clone().sources();
        Ok((
            Settings::load_vault(sources())?,
            Settings::load_mounts(sources())?,
            Settings::load_subject_mount(sources())?,
        ))
    }

    fn desired_state(
        &self,
        mounts: Mounts,
        subject_mount: String,
    ) -> Result<DesiredState, FolderError> {
        let is_default = [mounts.kv.as_str(), mounts.transit.as_str()] == builtin::MOUNTS;
        if !is_default && self.policies.is_none() {
            let [kv, transit] = builtin::MOUNTS;
            return Err(FolderError::Unsuitable(format!(
                "the built-in policies are for the mounts {kv} and {transit}: copy them, replace \
                 the mounts with your own, and name the directory with --policies"
            )));
        }
        let unsound = |error: ProvisionError| FolderError::Unsuitable(error.to_string());
        check_mounts(&mounts).map_err(unsound)?;
        let policies =
            PolicyFolder::new(self.policies.clone()).without_lint_errors(&mounts, &[])?;
        let desired = DesiredState {
            operator: self.operator_account(&subject_mount),
            mounts,
            subject_mount,
            audit_file: self.audit_file.clone(),
            policies,
            validator_policies: self.permissions.policies(),
            secret_id: self.secret_id.options(),
        };
        desired.check_policies().map_err(unsound)?;
        Ok(desired)
    }

    /// Returns the account of an operator, if one is requested.
    fn operator_account(&self, mount: &str) -> Option<DesiredAccount> {
        let name = self.operator_name.as_ref()?;
        let password = match &self.operator_password {
            Some(source) => source.new_password(),
            None => NewPassword::Generated {
                directory: self.secret_id.directory.clone(),
                file: format!("{name}-password"),
            },
        };
        Some(DesiredAccount {
            mount: mount.to_owned(),
            name: name.clone(),
            policies: BTreeSet::from([OPERATOR_POLICY.to_owned()]),
            token_ttl: Some(OPERATOR_TOKEN_TTL),
            if_absent: IfAbsent::Create(password),
        })
    }
}
