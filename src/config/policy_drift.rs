use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    config::{reader::SettingReader, values},
    policy::PolicySet,
};

/// The bounds of the interval. A comparison reads every policy.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(7 * 24));

/// The settings of the comparison of the policies in Vault with files.
#[derive(Clone, Debug)]
pub struct PolicyDriftSettings {
    /// The folder with the expected policies, `NAME.hcl`.
    pub folder: PathBuf,
    /// The mean time from one comparison to the next.
    pub interval: Duration,
}

impl SettingReader {
    /// Returns the settings of the comparison of policies; `None` if they are not set, or after an
    /// error. The policies in the folder must be readable.
    pub(super) fn policy_drift(&mut self) -> Option<PolicyDriftSettings> {
        let [dir, interval] = ["policy_drift_dir", "policy_drift_interval"];
        match (self.raw(dir).is_some(), self.raw(interval).is_some()) {
            (false, false) => return None,
            (true, false) => {
                let message = "not set, but VALIDATOR_POLICY_DRIFT_DIR needs it: for example 1h";
                return self.fail(interval, message);
            }
            (false, true) => {
                let message = "not set, but VALIDATOR_POLICY_DRIFT_INTERVAL needs it: the folder \
                               with the expected policies";
                return self.fail(dir, message);
            }
            (true, true) => {}
        }
        let (min, max) = INTERVALS;
        let interval = self.value(interval, |text| values::parse_duration(text, min, max));
        let folder = self.value(dir, |text| {
            let read = PolicySet::read_folder(Path::new(text));
            read.map(|_| PathBuf::from(text)).map_err(|error| error.to_string())
        });
        Some(PolicyDriftSettings { folder: folder?, interval: interval? })
    }
}
