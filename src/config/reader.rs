use std::{collections::BTreeMap, fmt::Display, fs::File, io, path::PathBuf, str::FromStr};

use secrecy::ExposeSecret;

use crate::{
    config::{
        fault::{Fault, Faults},
        keys::Key,
        sources::{Sources, Written},
    },
    telemetry::Traces,
};

/// Reads values one by one and keeps what is wrong with them.
pub(super) struct Reader {
    values: BTreeMap<&'static str, Written>,
    faults: Vec<Fault>,
    pub(super) home: Option<PathBuf>,
    pub(super) traces: Traces,
}

impl Reader {
    /// Reads from these sources.
    pub(super) fn new(sources: Sources) -> Self {
        let (home, traces) = (sources.home(), sources.traces());
        let (values, faults) = sources.read();
        Self { values, faults, home, traces }
    }

    /// What was read, unless something was wrong on the way.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Faults> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(Faults(self.faults)),
        }
    }

    /// Forgets what was wrong so far.
    pub(super) fn forgive(&mut self) {
        self.faults.clear();
    }

    /// Forgets the values of these keys.
    pub(super) fn set_aside(&mut self, names: &[&'static str]) {
        self.values.retain(|name, _| !names.contains(name));
    }

    pub(super) fn written(&self, name: &'static str) -> Option<&Written> {
        self.values.get(name)
    }

    /// The value of a key that has no default, as it was written.
    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        self.written(name).map(|written| written.value.expose_secret().to_owned())
    }

    /// The path in such a key, if there is a file that can be read.
    pub(super) fn file(&mut self, name: &'static str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(name)?);
        // Not opened before it is known to be a file: a pipe would wait for a writer.
        let readable = std::fs::metadata(&path).and_then(|metadata| {
            if metadata.is_file() {
                File::open(&path)
            } else {
                Err(io::Error::other("it is no file"))
            }
        });
        match readable {
            Ok(_) => Some(path),
            // Somebody may have put the secret itself there. It has no slash, and a path has one.
            Err(error) if path.components().count() > 1 => {
                self.fault(name, format!("{}: {error}", path.display()))
            }
            Err(error) => self.fault(name, format!("it has to be the path of a file: {error}")),
        }
    }

    pub(super) fn parsed<T: FromStr<Err = String>>(&mut self, name: &'static str) -> Option<T> {
        self.value(name, str::parse)
    }

    /// The value of this key, or its default; `None` without either, or with a fault.
    pub(super) fn value<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let default = Key::named(name).and_then(|key| key.default);
        let parsed = match self.written(name) {
            Some(written) => parse(written.value.expose_secret()),
            None => parse(default?),
        };
        match parsed {
            Ok(value) => Some(value),
            Err(what) => self.fault(name, what),
        }
    }

    /// Notes a fault, in the place of the value that it spoilt.
    pub(super) fn fault<T>(&mut self, name: &'static str, what: impl Display) -> Option<T> {
        self.note(name, what);
        None
    }

    pub(super) fn note(&mut self, name: &'static str, what: impl Display) {
        let place = match (self.written(name), Key::named(name)) {
            (Some(written), _) => written.origin.to_string(),
            (None, Some(key)) => key.env.first().copied().unwrap_or(name).to_owned(),
            (None, None) => name.to_owned(),
        };
        self.faults.push(Fault::new(place, what));
    }
}
