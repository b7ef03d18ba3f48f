use std::{collections::BTreeMap, path::PathBuf};

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

use crate::config::{KEYS, Key, KeyKind, Sources};

/// The flags of everything that can be configured, and `--config`.
#[derive(Clone, Default)]
pub(super) struct ConfigArgs {
    flags: BTreeMap<&'static str, String>,
    file: Option<PathBuf>,
}

impl ConfigArgs {
    /// These flags over the environment over the file.
    pub(super) fn sources(self) -> Sources {
        Sources::of_this_process(self.flags, self.file)
    }
}

impl Args for ConfigArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("A TOML file with any of these settings [env: VALIDATOR_CONFIG]");
        let command = command.next_help_heading("Configuration").arg(config);
        let flags = KEYS.iter().filter(|key| key.kind == KeyKind::Plain);
        command.args(flags.filter_map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn flag(key: &'static Key) -> Option<Arg> {
    let default = key.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let help = format!("{} [env: {}]{default}", key.help, key.env.join(", "));
    Some(Arg::new(key.name).long(key.flag()?).value_name("VALUE").help(help))
}

impl FromArgMatches for ConfigArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.file = matches.get_one("config").cloned();
        for key in KEYS.iter().filter(|key| key.kind == KeyKind::Plain) {
            if let Some(value) = matches.get_one::<String>(key.name) {
                self.flags.insert(key.name, value.clone());
            }
        }
        Ok(())
    }
}
