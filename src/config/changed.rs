use std::fmt;

use secrecy::ExposeSecret;

use crate::{
    config::{
        reader::SettingReader,
        setting::{SETTINGS, Setting, SettingKind},
    },
    telemetry::printable,
};

/// The maximum length of a value in the list, in bytes.
const MAX_VALUE: usize = 256;

/// The settings that differ from their defaults, for the log: `VALIDATOR_CACHE_TTL=10s`, separated by
/// spaces. A secret or the path of one is shown as `(set)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedSettings(String);

impl fmt::Display for ChangedSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SettingReader {
    /// Returns the settings whose value is not the default.
    pub(super) fn changed_settings(&self) -> ChangedSettings {
        let changed = SETTINGS.iter().filter_map(|setting| {
            let value = self.raw(setting.name)?.value.expose_secret();
            (setting.default != Some(value)).then(|| shown(setting, value))
        });
        ChangedSettings(changed.collect::<Vec<_>>().join(" "))
    }
}

/// Returns the name of a setting with its value, or with `(set)` for a secret.
pub(super) fn shown(setting: &Setting, value: &str) -> String {
    let name = shown_name(setting);
    match setting.kind {
        SettingKind::Secret | SettingKind::SecretFile => format!("{name}=(set)"),
        SettingKind::Plain => {
            let value = printable(value, MAX_VALUE);
            if value.is_empty() || value.contains([' ', '"', '\\']) {
                format!("{name}={value:?}")
            } else {
                format!("{name}={value}")
            }
        }
    }
}

/// Returns the name of a setting without a value.
pub(super) fn shown_unset(setting: &Setting) -> String {
    format!("{}=(unset)", shown_name(setting))
}

/// Returns the name of a setting whose file has changed, but not its path.
pub(super) fn shown_new_content(setting: &Setting) -> String {
    format!("{}=(new content)", shown_name(setting))
}

fn shown_name(setting: &Setting) -> &'static str {
    setting.env.first().copied().unwrap_or(setting.name)
}
