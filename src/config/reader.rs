use std::{collections::BTreeMap, fmt::Display, fs::File, io, path::PathBuf, str::FromStr};

use secrecy::ExposeSecret;

use crate::config::{
    error::{ConfigError, ConfigErrors},
    otlp::OtlpSettings,
    setting::Setting,
    sources::{RawValue, SettingSources},
};

/// Reads the values of settings and collects the errors.
pub(super) struct SettingReader {
    values: BTreeMap<&'static str, RawValue>,
    errors: Vec<ConfigError>,
    pub(super) home: Option<PathBuf>,
    pub(super) otlp: OtlpSettings,
}

impl SettingReader {
    /// Reads these sources.
    pub(super) fn new(sources: SettingSources) -> Self {
        let (home, otlp) = (sources.home(), OtlpSettings::read(&sources));
        let (values, errors) = sources.read();
        Self { values, errors, home, otlp }
    }

    /// Returns the result, or all errors if there are any.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, ConfigErrors> {
        match read {
            Some(read) if self.errors.is_empty() => Ok(read),
            _ => Err(ConfigErrors(self.errors)),
        }
    }

    /// Clears the errors recorded so far.
    pub(super) fn clear_errors(&mut self) {
        self.errors.clear();
    }

    /// Removes the values of these settings.
    pub(super) fn ignore_keys(&mut self, names: &[&'static str]) {
        self.values.retain(|name, _| !names.contains(name));
    }

    /// Returns the raw value of a setting, without its default.
    pub(super) fn raw(&self, name: &'static str) -> Option<&RawValue> {
        self.values.get(name)
    }

    /// Returns the unparsed value of a setting that has no default.
    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        self.raw(name).map(|raw| raw.value.expose_secret().to_owned())
    }

    /// Returns the path in such a setting, if it is that of a readable file.
    pub(super) fn file(&mut self, name: &'static str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(name)?);
        // Not opened before the type is known: opening a pipe would wait for a writer.
        let readable = std::fs::metadata(&path).and_then(|metadata| {
            if metadata.is_file() {
                File::open(&path)
            } else {
                Err(io::Error::other("not a regular file"))
            }
        });
        match readable {
            Ok(_) => Some(path),
            // The value may be the secret itself by mistake: that has no slash, and a path has one.
            Err(error) if path.components().count() > 1 => {
                self.fail(name, format!("{}: {error}", path.display()))
            }
            Err(error) => self.fail(name, format!("must be the path of a file: {error}")),
        }
    }

    /// Returns the value of this setting, or its default, by [`FromStr`].
    pub(super) fn parsed<T: FromStr<Err = String>>(&mut self, name: &'static str) -> Option<T> {
        self.value(name, str::parse)
    }

    /// Returns the value of this setting, or its default; `None` without either, or after an error.
    pub(super) fn value<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let default = Setting::named(name).and_then(|key| key.default);
        let parsed = match self.raw(name) {
            Some(raw) => parse(raw.value.expose_secret()),
            None => parse(default?),
        };
        match parsed {
            Ok(value) => Some(value),
            Err(message) => self.fail(name, message),
        }
    }

    /// Records errors that are not of a setting, each once.
    pub(super) fn record_errors(&mut self, errors: impl IntoIterator<Item = ConfigError>) {
        for error in errors {
            if !self.errors.contains(&error) {
                self.errors.push(error);
            }
        }
    }

    /// Records an error for this setting and returns `None`.
    pub(super) fn fail<T>(&mut self, name: &'static str, message: impl Display) -> Option<T> {
        self.record_error(name, message);
        None
    }

    /// Records an error for this setting.
    pub(super) fn record_error(&mut self, name: &'static str, message: impl Display) {
        let place = match (self.raw(name), Setting::named(name)) {
            (Some(raw), _) => raw.origin.to_string(),
            (None, Some(key)) => key.env.first().copied().unwrap_or(name).to_owned(),
            (None, None) => name.to_owned(),
        };
        self.errors.push(ConfigError::new(place, message));
    }
}
