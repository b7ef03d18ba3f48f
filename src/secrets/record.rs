use serde::{Deserialize, Serialize};

use crate::{
    secrets::RecordError,
    tenants::{TenantName, key_name},
};

/// The version of this format.
const VERSION: u64 = 1;

/// The stored form of a secret: `{"v":1,"key":"tenant-acme","ct":"vault:v1:…"}`.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredRecord {
    v: u64,
    key: String,
    ct: String,
}

/// A ciphertext by transit: `vault:v1:…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphertext(String);

impl StoredRecord {
    /// Returns the record of a ciphertext by the tenant's key.
    #[must_use]
    pub fn new(tenant: &TenantName, ciphertext: Ciphertext) -> Self {
        Self { v: VERSION, key: key_name(tenant), ct: ciphertext.0 }
    }

    /// Returns the ciphertext of a record that was read from this tenant's secrets.
    ///
    /// # Errors
    /// [`RecordError`] if the record has another format, or names another key: the tenant determines
    /// the key that decrypts, not the record.
    pub fn into_ciphertext(self, tenant: &TenantName) -> Result<Ciphertext, RecordError> {
        if self.v != VERSION {
            return Err(RecordError::Format);
        }
        if self.key != key_name(tenant) {
            return Err(RecordError::WrongContext);
        }
        Ciphertext::parse(self.ct).ok_or(RecordError::Format)
    }
}

impl Ciphertext {
    /// Parses a ciphertext; `None` if it has another format.
    #[must_use]
    pub fn parse(text: String) -> Option<Self> {
        key_version(&text).map(|_| Self(text))
    }

    /// Returns the version of the key that it was encrypted with.
    #[must_use]
    pub fn key_version(&self) -> u64 {
        key_version(&self.0).unwrap_or_default()
    }

    /// Returns the ciphertext as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn key_version(text: &str) -> Option<u64> {
    let (version, _) = text.strip_prefix("vault:v")?.split_once(':')?;
    let digits = version.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| version.parse().ok())?.filter(|version| *version > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Ciphertext, StoredRecord};
    use crate::{secrets::RecordError, tenants::TenantName};

    fn read(record: Value) -> Result<u64, RecordError> {
        let acme = TenantName::parse("acme").expect("a name");
        let record: StoredRecord =
            serde_json::from_value(record).map_err(|_| RecordError::Format)?;
        record.into_ciphertext(&acme).map(|ciphertext| ciphertext.key_version())
    }

    #[test]
    fn record_round_trips() {
        let acme = TenantName::parse("acme").expect("a name");
        let ciphertext = Ciphertext::parse("vault:v12:AA==".to_owned()).expect("a ciphertext");
        let written = serde_json::to_value(StoredRecord::new(&acme, ciphertext)).expect("JSON");
        assert_eq!(written, json!({"v": 1, "key": "tenant-acme", "ct": "vault:v12:AA=="}));
        assert_eq!(read(written), Ok(12));
    }

    #[test]
    fn foreign_records_are_rejected() {
        let record = |v: Value, key: &str, ct: &str| json!({"v": v, "key": key, "ct": ct});
        let ct = "vault:v1:AA==";
        for (record, expected) in [
            (record(json!(2), "tenant-acme", ct), RecordError::Format),
            (record(json!("1"), "tenant-acme", ct), RecordError::Format),
            (record(json!(1), "tenant-globex", ct), RecordError::WrongContext),
            (record(json!(1), "tenant-acme", "AA=="), RecordError::Format),
            (record(json!(1), "tenant-acme", "vault:vx:AA=="), RecordError::Format),
            (record(json!(1), "tenant-acme", "vault:v0:AA=="), RecordError::Format),
            (record(json!(1), "tenant-acme", "vault:v-1:AA=="), RecordError::Format),
            (record(json!(1), "tenant-acme", "vault:v:AA=="), RecordError::Format),
            (json!({"GREETING": "hello"}), RecordError::Format),
        ] {
            assert_eq!(read(record.clone()), Err(expected), "{record}");
        }
    }
}
