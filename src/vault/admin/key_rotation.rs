//! The dates of a transit key's versions.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use serde::Deserialize;

use crate::{tenants::KeyRotation, vault::error::VaultError};

/// The part of the `data` of `GET transit/keys/NAME` that is about rotations.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RotationData {
    keys: HashMap<String, VersionData>,
    /// In seconds; 0 is none. Servers before Vault 1.10 do not have it.
    auto_rotate_period: Option<u64>,
}

/// A version of a key. A symmetric one is its time of creation alone, in seconds since 1970.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum VersionData {
    Symmetric(i64),
    Asymmetric { creation_time: String },
}

impl RotationData {
    /// Reads it strictly: without a date since 1970 it is malformed.
    pub(super) fn read(&self, latest_version: u64) -> Result<KeyRotation, VaultError> {
        let created_at = match self.keys.get(&latest_version.to_string()) {
            Some(VersionData::Symmetric(seconds)) => Timestamp::from_second(*seconds).ok(),
            Some(VersionData::Asymmetric { creation_time }) => creation_time.parse().ok(),
            None => None,
        };
        let created_at = created_at.filter(|created_at| created_at.as_second() > 0);
        let auto_rotate = self.auto_rotate_period.filter(|seconds| *seconds > 0);
        let auto_rotate = auto_rotate.map(Duration::from_secs);
        created_at
            .map(|created_at| KeyRotation { created_at, auto_rotate })
            .ok_or_else(|| VaultError::malformed("the latest version of the key has no date"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::RotationData;

    fn read(data: Value) -> Option<(String, Option<Duration>)> {
        let latest = data["latest_version"].as_u64()?;
        let data: RotationData = serde_json::from_value(data).ok()?;
        let read = data.read(latest).ok()?;
        Some((read.created_at.to_string(), read.auto_rotate))
    }

    #[test]
    fn the_date_of_the_latest_version_is_read_in_both_shapes() {
        let created = "2026-11-27T21:54:39Z".to_owned();
        let keys = json!({"9": 1, "10": 1_795_816_479, "2": 5});
        let key = json!({"latest_version": 10, "keys": keys, "auto_rotate_period": 7200});
        let period = Some(Duration::from_hours(2));
        assert_eq!(read(key), Some((created.clone(), period)));
        let keys = json!({"1": {"creation_time": created, "name": "rsa-2048", "public_key": "…"}});
        let key = json!({"latest_version": 1, "keys": keys, "auto_rotate_period": 0});
        assert_eq!(read(key), Some((created.clone(), None)));
        let key = json!({"latest_version": 1, "keys": {"1": 1_795_816_479}, "type": "any"});
        assert_eq!(read(key), Some((created, None)));
    }

    #[test]
    fn what_is_no_date_is_never_taken_for_one() {
        for (latest, keys) in [
            (json!(2), json!({"1": 1_795_816_479})),
            (json!(1), json!({})),
            (json!(1), json!(null)),
            (json!(1), json!({"1": 0})),
            (json!(1), json!({"1": -5})),
            (json!(1), json!({"1": "1795816479"})),
            (json!(1), json!({"1": {"creation_time": ""}})),
            (json!(1), json!({"1": i64::MAX})),
            (json!(0), json!({"1": 1_795_816_479})),
        ] {
            assert_eq!(read(json!({"latest_version": latest, "keys": keys})), None, "{keys}");
        }
        let data =
            |period| json!({"latest_version": 1, "keys": {"1": 1}, "auto_rotate_period": period});
        assert!(read(data(json!(0))).is_some());
        for period in [json!(-1), json!("2h"), json!(1.5)] {
            assert_eq!(read(data(period.clone())), None, "{period}");
        }
    }
}
