use std::{collections::BTreeMap, marker::PhantomData, path::PathBuf};

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

use crate::config::{SETTINGS, Setting, SettingKind, SettingSources};

/// The settings that a command takes as flags.
pub(super) trait Selection {
    /// Returns true if the setting is one of them.
    fn includes(key: &Setting) -> bool;
}

/// All settings: those of the service.
#[derive(Clone)]
pub(super) struct ForService;

/// The settings of a command that calls Vault.
#[derive(Clone)]
pub(super) struct ForOperators;

/// The settings of a command that reproduces a decision of the service.
#[derive(Clone)]
pub(super) struct ForExplain;

/// The settings of a command that checks policies: the mount paths.
#[derive(Clone)]
pub(super) struct ForPolicies;

/// The settings of a command that calls Vault about the tenants' secrets and keys.
#[derive(Clone)]
pub(super) struct ForVault;

/// The settings of a command that manages a tenant's members.
#[derive(Clone)]
pub(super) struct ForMembers;

/// The settings of a command that checks a whole installation.
#[derive(Clone)]
pub(super) struct ForDoctor;

/// The settings of a command that calls the service's admin listener.
#[derive(Clone)]
pub(super) struct ForAdmin;

impl Selection for ForService {
    fn includes(_: &Setting) -> bool {
        true
    }
}

impl Selection for ForOperators {
    fn includes(key: &Setting) -> bool {
        key.name.starts_with("vault_") || matches!(key.name, "role_id" | "secret_id_file")
    }
}

impl Selection for ForExplain {
    fn includes(key: &Setting) -> bool {
        ForOperators::includes(key) || matches!(key.name, "subject_mount" | "sealing_key_file")
    }
}

impl Selection for ForPolicies {
    fn includes(key: &Setting) -> bool {
        matches!(key.name, "kv_mount" | "transit_mount")
    }
}

impl Selection for ForVault {
    fn includes(key: &Setting) -> bool {
        ForPolicies::includes(key) || ForOperators::includes(key)
    }
}

impl Selection for ForMembers {
    fn includes(key: &Setting) -> bool {
        ForVault::includes(key) || key.name == "subject_mount"
    }
}

impl Selection for ForDoctor {
    fn includes(key: &Setting) -> bool {
        ForVault::includes(key)
            || ForExplain::includes(key)
            || ForAdmin::includes(key)
            || key.name.starts_with("login_")
    }
}

impl Selection for ForAdmin {
    fn includes(key: &Setting) -> bool {
        key.name == "admin_listen"
    }
}

/// The flags of the selected settings, and `--config`.
#[derive(Clone)]
pub(super) struct ConfigArgs<S> {
    flags: BTreeMap<&'static str, String>,
    file: Option<PathBuf>,
    selection: PhantomData<S>,
}

impl<S: Selection> ConfigArgs<S> {
    /// Returns the configuration sources: flags take precedence over the environment, and that over
    /// the file.
    pub(super) fn sources(self) -> SettingSources {
        SettingSources::from_process(self.flags, self.file)
    }

    fn selected_keys() -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter().filter(|key| key.kind != SettingKind::Secret && S::includes(key))
    }
}

impl<S: Selection> Args for ConfigArgs<S> {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("A TOML file with any of these settings [env: VALIDATOR_CONFIG]");
        let command = command.next_help_heading("Configuration").arg(config);
        command.args(Self::selected_keys().filter_map(to_flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn to_flag(key: &'static Setting) -> Option<Arg> {
    let default = key.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let help = format!("{} [env: {}]{default}", key.help, key.env.join(", "));
    Some(Arg::new(key.name).long(key.flag()?).value_name("VALUE").help(help))
}

impl<S: Selection> FromArgMatches for ConfigArgs<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |key: &'static Setting| {
            let value = matches.get_one::<String>(key.name)?;
            Some((key.name, value.clone()))
        };
        Ok(Self {
            flags: Self::selected_keys().filter_map(given).collect(),
            file: matches.get_one("config").cloned(),
            selection: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
