//! `deploy/compose.yaml` without containers: its services' programs, with its files and variables.

use std::{collections::BTreeMap, fs, path::Path};

use serde_norway::Value;

use super::tools::repository;

/// The services of the file.
pub struct Compose(BTreeMap<String, Service>);

/// The configuration of one service.
#[derive(Debug)]
pub struct Service {
    /// The arguments of its program.
    pub command: Vec<String>,
    /// Its variables, those of the shell as if none were set.
    pub environment: BTreeMap<String, String>,
    /// The mounts, each as `from:to[:ro]`.
    pub volumes: Vec<String>,
    /// The names of its networks.
    pub networks: Vec<String>,
    /// The services that it waits for.
    pub depends_on: Vec<String>,
    /// The profiles that start it; empty if it always starts.
    pub profiles: Vec<String>,
    /// The whole mapping of the service.
    pub raw: Value,
}

impl Compose {
    /// Reads the file.
    ///
    /// # Panics
    /// If it is missing or malformed.
    pub fn read() -> Self {
        let text = fs::read_to_string(repository("deploy/compose.yaml")).expect("compose.yaml");
        let mut all: Value = serde_norway::from_str(&text).expect("YAML");
        // A merged mapping may have merge keys itself.
        for _ in 0..2 {
            all.apply_merge().expect("merges");
        }
        let services = all["services"].as_mapping().expect("services").iter();
        let service = |(name, raw): (&Value, &Value)| (string(name), Service::new(raw));
        Self(services.map(service).collect())
    }

    /// Returns the service with this name.
    ///
    /// # Panics
    /// If there is none of this name.
    pub fn service(&self, name: &str) -> &Service {
        self.0.get(name).unwrap_or_else(|| panic!("no service {name}"))
    }

    /// Returns all services with their names.
    pub fn services(&self) -> impl Iterator<Item = (&String, &Service)> {
        self.0.iter()
    }
}

impl Service {
    fn new(raw: &Value) -> Self {
        let environment = raw["environment"].as_mapping().into_iter().flatten();
        let environment =
            environment.map(|(name, value)| (string(name), defaulted(&string(value))));
        Self {
            command: strings(&raw["command"]),
            environment: environment.collect(),
            volumes: strings(&raw["volumes"]),
            networks: strings(&raw["networks"]),
            depends_on: strings(&raw["depends_on"]),
            profiles: strings(&raw["profiles"]),
            raw: raw.clone(),
        }
    }

    /// Returns its variables with each of these texts replaced.
    pub fn variables(&self, places: &[(&str, &str)]) -> Vec<(String, String)> {
        let value = |value: &String| replaced(value, places);
        self.environment.iter().map(|(name, text)| (name.clone(), value(text))).collect()
    }
}

/// Copies the files of this folder of the repository, with each of these texts replaced.
///
/// # Panics
/// If they cannot be copied.
pub fn copy(folder: &str, to: &Path, places: &[(&str, &str)]) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(repository(folder)).expect("the folder") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("text");
        let name = path.file_name().expect("a name");
        fs::write(to.join(name), replaced(&text, places)).expect("a copy");
    }
}

fn replaced(text: &str, places: &[(&str, &str)]) -> String {
    places.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Returns the items of a list, or the keys of a mapping.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Sequence(items) => items.iter().map(string).collect(),
        Value::Mapping(items) => items.keys().map(string).collect(),
        _ => Vec::new(),
    }
}

fn string(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(word) => word.to_string(),
        other => panic!("no text: {other:?}"),
    }
}

/// Replaces `${NAME:-default}` with its default.
fn defaulted(text: &str) -> String {
    let Some((before, rest)) = text.split_once("${") else { return text.to_owned() };
    let (variable, after) = rest.split_once('}').expect("a closing brace");
    let (_, default) = variable.split_once(":-").expect("a default");
    format!("{before}{default}{}", defaulted(after))
}
