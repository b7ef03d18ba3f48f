use std::{collections::BTreeMap, fmt, fs, io, path::Path};

use blake3::{Hash, Hasher};
use secrecy::ExposeSecret;

use crate::config::{
    changed::{shown, shown_new_content, shown_unset},
    reader::SettingReader,
    setting::{SETTINGS, Setting},
};

/// The settings with the path of a file or a folder whose content is a part of the configuration. Those
/// that the service re-reads whenever it uses them are not among them.
const FILES: [&str; 7] = [
    "admin_token_file",
    "audit_token_file",
    "sealing_key_file",
    "vault_cacert",
    "vault_capath",
    "vault_client_cert",
    "vault_client_key",
];

/// The settings that take effect only when the service starts.
const NEED_RESTART: [&str; 9] = [
    "listen",
    "api_listen",
    "admin_listen",
    "cache_capacity",
    "log_format",
    "decision_log",
    "decision_log_mandatory",
    "sentry_environment",
    "sentry_release",
];

/// The values of all settings, and the content of the files that they name, as hashes.
#[derive(Clone, Default)]
pub struct SettingsSnapshot(BTreeMap<&'static str, SettingState>);

/// The value of one setting at one time.
#[derive(Clone)]
struct SettingState {
    setting: &'static Setting,
    value: Option<Hash>,
    content: Option<Hash>,
    /// The name and the value, for the log; without the value of a secret.
    shown: String,
}

/// The settings that differ between two snapshots.
#[derive(Clone, Debug, Default)]
pub struct SettingChanges(Vec<(&'static str, String)>);

impl SettingsSnapshot {
    /// Returns the settings whose value or file differs in a later snapshot.
    #[must_use]
    pub fn changes_in(&self, later: &Self) -> SettingChanges {
        let changed = later.0.iter().filter_map(|(name, state)| {
            let before = self.0.get(name)?;
            let is_same_value = before.value == state.value;
            if is_same_value && before.content == state.content {
                return None;
            }
            let is_content_only = is_same_value && state.value.is_some();
            let shown = if is_content_only {
                shown_new_content(state.setting)
            } else {
                state.shown.clone()
            };
            Some((*name, shown))
        });
        SettingChanges(changed.collect())
    }

    /// Returns this later snapshot, with the earlier values of the settings that need a restart.
    #[must_use]
    pub fn updated_to(&self, later: Self) -> Self {
        let kept = self.0.iter().filter(|(name, _)| NEED_RESTART.contains(name));
        let kept: Vec<_> = kept.map(|(name, state)| (*name, state.clone())).collect();
        let mut updated = later;
        updated.0.extend(kept);
        updated
    }
}

impl SettingChanges {
    /// Returns true if one of these settings has changed.
    #[must_use]
    pub fn include(&self, names: &[&str]) -> bool {
        self.0.iter().any(|(name, _)| names.contains(name))
    }

    /// Splits them into those that can be applied while the service runs, and those that need a restart.
    #[must_use]
    pub fn split(self) -> (Self, Self) {
        let (restart, applied) =
            self.0.into_iter().partition(|(name, _)| NEED_RESTART.contains(name));
        (Self(applied), Self(restart))
    }

    /// Returns true if no setting has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for SettingChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.0.iter().map(|(_, shown)| shown.as_str()).collect();
        f.write_str(&shown.join(" "))
    }
}

impl fmt::Debug for SettingsSnapshot {
    /// Without the hashes, by which a short secret could be found out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsSnapshot").finish_non_exhaustive()
    }
}

impl SettingReader {
    /// Returns the present values and files. It has to be called before they are read: of a file that
    /// changes meanwhile the next snapshot differs then.
    pub(super) fn snapshot(&self) -> SettingsSnapshot {
        SettingsSnapshot(
            SETTINGS.iter().map(|setting| (setting.name, self.state(setting))).collect(),
        )
    }

    fn state(&self, setting: &'static Setting) -> SettingState {
        let configured = self.raw(setting.name).map(|raw| raw.value.expose_secret());
        let value = configured.or(setting.default);
        let file = value.filter(|_| FILES.contains(&setting.name)).map(Path::new);
        SettingState {
            setting,
            value: value.map(|value| blake3::hash(value.as_bytes())),
            // An unreadable file is reported by whoever reads it.
            content: file.and_then(|file| content_hash(file).ok()),
            shown: value.map_or_else(|| shown_unset(setting), |value| shown(setting, value)),
        }
    }
}

/// Returns the hash of a file, or of all files in a folder.
fn content_hash(path: &Path) -> io::Result<Hash> {
    let metadata = fs::metadata(path)?;
    let mut hasher = Hasher::new();
    if metadata.is_file() {
        hash_file(path, &mut hasher)?;
    } else if metadata.is_dir() {
        let entries: io::Result<Vec<_>> =
            fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect();
        let mut files = entries?;
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            hasher.update(file.as_os_str().as_encoded_bytes());
            hash_file(file, &mut hasher)?;
        }
    }
    Ok(hasher.finalize())
}

fn hash_file(file: &Path, hasher: &mut Hasher) -> io::Result<()> {
    let content = zeroize::Zeroizing::new(fs::read(file)?);
    hasher.update(&u64::try_from(content.len()).unwrap_or(u64::MAX).to_le_bytes());
    hasher.update(&content);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use super::{FILES, NEED_RESTART};
    use crate::config::{SETTINGS, SettingSources, reader::SettingReader};

    fn snapshot(values: &[(&str, &str)]) -> super::SettingsSnapshot {
        let environment = values.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let sources = SettingSources::new(BTreeMap::new(), environment.collect(), None);
        SettingReader::new(sources).snapshot()
    }

    #[test]
    fn listed_settings_exist() {
        for name in FILES.iter().chain(&NEED_RESTART) {
            assert!(SETTINGS.iter().any(|setting| setting.name == *name), "{name}");
        }
    }

    #[test]
    fn changes_name_settings_without_secrets() {
        let before = snapshot(&[("VALIDATOR_CACHE_TTL", "30s"), ("VAULT_TOKEN", "before")]);
        assert!(before.changes_in(&snapshot(&[("VAULT_TOKEN", "before")])).is_empty());
        let after = snapshot(&[("VALIDATOR_CACHE_TTL", "5s"), ("VAULT_TOKEN", "after")]);
        let changes = before.changes_in(&after);
        assert_eq!(changes.to_string(), "VALIDATOR_CACHE_TTL=5s VAULT_TOKEN=(set)");
        let back = after.changes_in(&snapshot(&[]));
        assert_eq!(back.to_string(), "VALIDATOR_CACHE_TTL=30s VAULT_TOKEN=(unset)");
        assert!(changes.include(&["cache_ttl"]) && !changes.include(&["listen"]));
    }

    #[test]
    fn changed_content_of_a_file_is_a_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        let path = file.display().to_string();
        let named = || snapshot(&[("VALIDATOR_ADMIN_TOKEN_FILE", path.as_str())]);
        fs::write(&file, "one").expect("a file");
        let before = named();
        assert!(before.changes_in(&named()).is_empty());
        fs::write(&file, "two").expect("a file");
        let changes = before.changes_in(&named());
        assert_eq!(changes.to_string(), "VALIDATOR_ADMIN_TOKEN_FILE=(new content)");
        let path = folder.path().display().to_string();
        let named = || snapshot(&[("VAULT_CAPATH", path.as_str())]);
        let before = named();
        fs::write(folder.path().join("another"), "x").expect("a file");
        assert_eq!(before.changes_in(&named()).to_string(), "VAULT_CAPATH=(new content)");
    }

    #[test]
    fn settings_that_need_a_restart_keep_their_values() {
        let before = snapshot(&[]);
        let after =
            snapshot(&[("VALIDATOR_LISTEN", "127.0.0.1:1"), ("VALIDATOR_ALLOW_ROOT", "true")]);
        let (applied, restart) = before.changes_in(&after).split();
        assert_eq!(applied.to_string(), "VALIDATOR_ALLOW_ROOT=true");
        assert_eq!(restart.to_string(), "VALIDATOR_LISTEN=127.0.0.1:1");
        let running = before.updated_to(after.clone());
        assert_eq!(running.changes_in(&after).to_string(), "VALIDATOR_LISTEN=127.0.0.1:1");
    }
}
