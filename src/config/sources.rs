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
        fault::Fault,
        keys::{KEYS, Key, KeyKind, REFUSED},
    },
    telemetry::Traces,
};

/// The variables of this prefix are ours, and none of them may be unknown.
pub(super) const PREFIX: &str = "VALIDATOR_";

/// Names the configuration file, besides the flag `--config`.
pub(super) const CONFIG_VARIABLE: &str = "VALIDATOR_CONFIG";

/// Where values come from: flags over the environment over a file.
#[derive(Clone, Default)]
pub struct Sources {
    flags: BTreeMap<&'static str, String>,
    environment: BTreeMap<String, SecretString>,
    file: Option<PathBuf>,
}

/// Whether the user wants no colours (<https://no-color.org>).
#[must_use]
pub fn no_color() -> bool {
    #[expect(clippy::disallowed_methods, reason = "a user's wish, no setting of the service")]
    let wish = std::env::var_os("NO_COLOR");
    wish.is_some_and(|wish| !wish.is_empty())
}

/// Where the user's programs are.
#[must_use]
pub fn search_path() -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "the user's, no setting of the service")]
    std::env::var_os("PATH")
}

/// Where a value came from, for people.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Flag(&'static Key),
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

/// A value as it was written, and where.
pub(super) struct Written {
    pub(super) value: SecretString,
    pub(super) origin: Origin,
}

impl Sources {
    /// The environment of this process, with these flags over it.
    #[must_use]
    pub fn of_this_process(flags: BTreeMap<&'static str, String>, file: Option<PathBuf>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let variables = std::env::vars_os();
        // One that is no text is kept as something that no value may be.
        let environment = variables
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .collect();
        Self::new(flags, environment, file)
    }

    /// These flags over these variables over this file. An empty variable counts as absent, as
    /// compose files leave them behind.
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

    /// The home directory of the user.
    pub(super) fn home(&self) -> Option<PathBuf> {
        self.environment.get("HOME").map(|home| home.expose_secret().into())
    }

    /// Whether the standard variables of OpenTelemetry ask for traces
    /// (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
    pub(super) fn traces(&self) -> Traces {
        let is = |name: &str, wanted: &str| {
            let value = self.environment.get(name);
            value.is_some_and(|value| value.expose_secret().eq_ignore_ascii_case(wanted))
        };
        let endpoint = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
            .iter()
            .any(|name| self.environment.contains_key(*name));
        let wanted =
            endpoint && !is("OTEL_SDK_DISABLED", "true") && !is("OTEL_TRACES_EXPORTER", "none");
        if wanted { Traces::Otlp } else { Traces::Off }
    }

    /// The value of each key that has one, and what is wrong with how they were given.
    pub(super) fn read(self) -> (BTreeMap<&'static str, Written>, Vec<Fault>) {
        let mut values = BTreeMap::new();
        let mut faults = Vec::new();
        if let Some(path) = &self.file {
            read_file(path, &mut values, &mut faults);
        }
        self.read_environment(&mut values, &mut faults);
        for (name, value) in self.flags {
            if let Some(key) = Key::named(name) {
                values.insert(key.name, Written { value: value.into(), origin: Origin::Flag(key) });
            }
        }
        (values, faults)
    }

    fn read_environment(
        &self,
        values: &mut BTreeMap<&'static str, Written>,
        faults: &mut Vec<Fault>,
    ) {
        for key in KEYS {
            let set = |name: &&'static str| Some((*name, self.environment.get(*name)?));
            let set: Vec<_> = key.env.iter().filter_map(set).collect();
            let Some((name, value)) = set.first() else { continue };
            let text = value.expose_secret();
            let differs = |other: &str| meaning(key, other) != meaning(key, text);
            if set.iter().any(|(_, other)| differs(other.expose_secret())) {
                let others = key.env.join(" and ");
                faults.push(Fault::new(name, format!("{others} differ: set one of them")));
            }
            if text.contains(char::REPLACEMENT_CHARACTER) {
                faults.push(Fault::new(name, "it is no UTF-8 text"));
            }
            let origin = Origin::Variable((*name).to_owned());
            values.insert(key.name, Written { value: (*value).clone(), origin });
        }
        for (kept, variables) in REFUSED {
            let set = |name: &&'static str| Some((*name, self.environment.get(*name)?));
            if let Some((name, value)) = variables.iter().find_map(set) {
                let origin = Origin::Variable(name.to_owned());
                values.insert(*kept, Written { value: value.clone(), origin });
            }
        }
        let known =
            |name: &str| name == CONFIG_VARIABLE || KEYS.iter().any(|key| key.env.contains(&name));
        for name in self.environment.keys() {
            if name.starts_with(PREFIX) && !known(name) {
                let variables = KEYS.iter().flat_map(|key| key.env).copied();
                faults.push(Fault::new(name, unknown("variable", name, variables)));
            }
        }
    }
}

/// The part of a value that tells two apart: an address may end in a slash, a namespace may have
/// slashes at both ends.
fn meaning<'v>(key: &Key, value: &'v str) -> &'v str {
    match key.name {
        "vault_addr" => value.strip_suffix('/').unwrap_or(value),
        "vault_namespace" => value.trim_matches('/'),
        _ => value,
    }
}

fn read_file(path: &Path, values: &mut BTreeMap<&'static str, Written>, faults: &mut Vec<Fault>) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return faults.push(Fault::new(path.display(), error)),
    };
    let table = match DeTable::parse(&text) {
        Ok(table) => table,
        Err(error) => {
            // Not the error's own text, which quotes the line: that may hold a secret.
            let line = line_of(&text, error.span().unwrap_or_default().start);
            let origin = Origin::File { path: path.to_owned(), line };
            let what = format!("it is no TOML: {}", error.message());
            return faults.push(Fault::new(origin, what));
        }
    };
    for (name, value) in table.get_ref() {
        let line = line_of(&text, name.span().start);
        let origin = Origin::File { path: path.to_owned(), line };
        let name = name.get_ref().as_ref();
        let names = KEYS.iter().filter(|key| key.kind == KeyKind::Plain).map(|key| key.name);
        match (Key::named(name), scalar(value.get_ref())) {
            (None, _) => faults.push(Fault::new(origin, unknown("key", name, names))),
            (Some(Key { kind: KeyKind::Secret, .. }), _) => faults.push(Fault::new(
                origin,
                format!("`{name}` may not stand in a file; use vault_token_file"),
            )),
            (Some(_), None) => faults.push(Fault::new(
                origin,
                format!("`{name}` must be a string, a number, a boolean or a list of strings"),
            )),
            (Some(key), Some(value)) => {
                values.insert(key.name, Written { value: value.into(), origin });
            }
        }
    }
}

/// The line of the byte at this place, from 1.
fn line_of(text: &str, place: usize) -> usize {
    1 + text.bytes().take(place).filter(|byte| *byte == b'\n').count()
}

/// The value as one would write it on the command line.
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

fn unknown<'k>(noun: &str, name: &'k str, known: impl Iterator<Item = &'k str>) -> String {
    // What all names share would make any two alike.
    let stem = |name: &'k str| name.strip_prefix(PREFIX).unwrap_or(name);
    let likely = known
        .map(|candidate| (strsim::jaro_winkler(stem(name), stem(candidate)), candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match likely {
        Some((likeness, candidate)) if likeness > 0.85 => {
            format!("there is no {noun} `{name}`; did you mean `{candidate}`?")
        }
        _ => format!("there is no {noun} `{name}`"),
    }
}
