use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};
use toml::de::{DeTable, DeValue};

use crate::{
    config::{
        error::ConfigError,
        setting::{CONFIG_VARIABLE, PREFIX, REJECTED_VARIABLES, SETTINGS, Setting, SettingKind},
    },
    suggestion::did_you_mean,
};

/// The sources of values: flags take precedence over the environment, and that over a file.
#[derive(Clone, Default)]
pub struct SettingSources {
    flags: BTreeMap<&'static str, String>,
    environment: BTreeMap<String, SecretString>,
    file: Option<PathBuf>,
}

/// Returns true if `NO_COLOR` is set (<https://no-color.org>).
#[must_use]
pub fn no_color() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "a preference of the user, not a setting of the service"
    )]
    let no_color = std::env::var_os("NO_COLOR");
    no_color.is_some_and(|value| !value.is_empty())
}

/// Returns the value of `PATH`.
#[must_use]
pub fn search_path() -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "the user's, not a setting of the service")]
    std::env::var_os("PATH")
}

/// The origin of a value, for error messages.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Flag(&'static Setting),
    Variable(String),
    File { path: PathBuf, line: usize },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(key) => write!(f, "--{}", key.flag().unwrap_or_default()),
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// An unparsed value and its origin.
pub(super) struct RawValue {
    pub(super) value: SecretString,
    pub(super) origin: Origin,
}

impl SettingSources {
    /// Returns these flags, this process's environment and this file.
    #[must_use]
    pub fn from_process(flags: BTreeMap<&'static str, String>, file: Option<PathBuf>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let variables = std::env::vars_os();
        // A value that is not UTF-8 gets a replacement character, which no value may contain.
        let environment = variables
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .collect();
        Self::new(flags, environment, file)
    }

    /// Returns these flags, variables and file. An empty variable counts as unset, since compose
    /// files cannot leave one out.
    #[must_use]
    pub fn new(
        flags: BTreeMap<&'static str, String>,
        environment: BTreeMap<String, String>,
        file: Option<PathBuf>,
    ) -> Self {
        let present = environment.into_iter().filter(|(_, value)| !value.is_empty());
        let environment: BTreeMap<_, _> =
            present.map(|(name, value)| (name, SecretString::from(value))).collect();
        let file = file
            .or_else(|| environment.get(CONFIG_VARIABLE).map(|path| path.expose_secret().into()));
        Self { flags, environment, file }
    }

    /// Returns the home directory of the user.
    pub(super) fn home(&self) -> Option<PathBuf> {
        self.environment.get("HOME").map(|home| home.expose_secret().into())
    }

    /// Returns the value of a variable.
    pub(super) fn variable(&self, name: &str) -> Option<&SecretString> {
        self.environment.get(name)
    }

    /// Returns the value of each configured setting, and the errors in the sources.
    pub(super) fn read(self) -> (BTreeMap<&'static str, RawValue>, Vec<ConfigError>) {
        let mut values = BTreeMap::new();
        let mut errors = Vec::new();
        if let Some(path) = &self.file {
            read_file(path, &mut values, &mut errors);
        }
        self.read_environment(&mut values, &mut errors);
        for (name, value) in self.flags {
            if let Some(key) = Setting::named(name) {
                values
                    .insert(key.name, RawValue { value: value.into(), origin: Origin::Flag(key) });
            }
        }
        (values, errors)
    }

    fn read_environment(
        &self,
        values: &mut BTreeMap<&'static str, RawValue>,
        errors: &mut Vec<ConfigError>,
    ) {
        for key in SETTINGS {
            let set = |name: &&'static str| Some((*name, self.environment.get(*name)?));
            let set: Vec<_> = key.env.iter().filter_map(set).collect();
            let Some((name, value)) = set.first() else { continue };
            let text = value.expose_secret();
            let differs = |other: &str| normalized(key, other) != normalized(key, text);
            if set.iter().any(|(_, other)| differs(other.expose_secret())) {
                let others = key.env.join(" and ");
                errors
                    .push(ConfigError::new(name, format!("{others} differ: set only one of them")));
            }
            if text.contains(char::REPLACEMENT_CHARACTER) {
                errors.push(ConfigError::new(name, "not valid UTF-8"));
            }
            let origin = Origin::Variable((*name).to_owned());
            values.insert(key.name, RawValue { value: (*value).clone(), origin });
        }
        for (stored_name, variables) in REJECTED_VARIABLES {
            let set = |name: &&'static str| Some((*name, self.environment.get(*name)?));
            if let Some((name, value)) = variables.iter().find_map(set) {
                let origin = Origin::Variable(name.to_owned());
                values.insert(*stored_name, RawValue { value: value.clone(), origin });
            }
        }
        let known = |name: &str| {
            name == CONFIG_VARIABLE || SETTINGS.iter().any(|key| key.env.contains(&name))
        };
        for name in self.environment.keys() {
            if name.starts_with(PREFIX) && !known(name) {
                let variables = SETTINGS.iter().flat_map(|key| key.env).copied();
                errors.push(ConfigError::new(name, unknown("variable", name, variables)));
            }
        }
    }
}

/// Returns the part of a value that matters for a comparison: an address may end in a slash, a
/// namespace may have slashes at both ends.
fn normalized<'v>(key: &Setting, value: &'v str) -> &'v str {
    match key.name {
        "vault_addr" => value.strip_suffix('/').unwrap_or(value),
        "vault_namespace" => value.trim_matches('/'),
        _ => value,
    }
}

fn read_file(
    path: &Path,
    values: &mut BTreeMap<&'static str, RawValue>,
    errors: &mut Vec<ConfigError>,
) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return errors.push(ConfigError::new(path.display(), error)),
    };
    let table = match DeTable::parse(&text) {
        Ok(table) => table,
        Err(error) => {
            // Without the full error text, which quotes the line: that may contain a secret.
            let line = line_of(&text, error.span().unwrap_or_default().start);
            let origin = Origin::File { path: path.to_owned(), line };
            let message = format!("not valid TOML: {}", error.message());
            return errors.push(ConfigError::new(origin, message));
        }
    };
    for (name, value) in table.get_ref() {
        let line = line_of(&text, name.span().start);
        let origin = Origin::File { path: path.to_owned(), line };
        let name = name.get_ref().as_ref();
        let names =
            SETTINGS.iter().filter(|key| key.kind != SettingKind::Secret).map(|key| key.name);
        match (Setting::named(name), scalar(value.get_ref())) {
            (None, _) => errors.push(ConfigError::new(origin, unknown("key", name, names))),
            (Some(Setting { kind: SettingKind::Secret, env, .. }), _) => {
                let remedy = match name {
                    "vault_token" => "use vault_token_file".to_owned(),
                    _ => format!("set the variable {}", env.join(" or ")),
                };
                let message = format!("`{name}` is not allowed in a file; {remedy}");
                errors.push(ConfigError::new(origin, message));
            }
            (Some(_), None) => errors.push(ConfigError::new(
                origin,
                format!("`{name}` must be a string, a number, a boolean or a list of strings"),
            )),
            (Some(key), Some(value)) => {
                values.insert(key.name, RawValue { value: value.into(), origin });
            }
        }
    }
}

/// Returns the line number, from 1, of the byte at this offset.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// Returns the value in the form of a command-line argument.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Array(items) => {
            let items: Option<Vec<&str>> =
                items.iter().map(|item| item.get_ref().as_str()).collect();
            Some(items?.join(","))
        }
        _ => None,
    }
}

/// Returns the error message for an unknown name, with a suggestion if a known one is similar.
fn unknown<'k>(noun: &str, name: &'k str, known: impl Iterator<Item = &'k str>) -> String {
    // Compared without the prefix, which would make any two names similar.
    let stem = |name: &'k str| name.strip_prefix(PREFIX).unwrap_or(name);
    let (known, stems): (Vec<_>, Vec<_>) = known.map(|name| (name, stem(name))).unzip();
    let suggestion = did_you_mean(stem(name), &stems);
    match suggestion.and_then(|nearest| known.iter().find(|name| stem(name) == nearest)) {
        Some(suggestion) => format!("unknown {noun} `{name}`; did you mean `{suggestion}`?"),
        None => format!("unknown {noun} `{name}`"),
    }
}
