use std::{error::Error, fmt};

/// A policy as stored in Vault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredPolicy {
    /// The text.
    pub text: String,
    /// The version, if the server counts versions; the next write can require it.
    pub version: Option<u64>,
    /// True if every write must name the version.
    pub cas_required: bool,
    /// Settings that Vault keeps in addition to the text and would drop with the next write, such
    /// as an expiration. Human-readable.
    pub extra_settings: Vec<String>,
}

/// A store of policies.
pub trait PolicyStore {
    /// Returns all names, including Vault's built-in policies.
    fn names(&self) -> impl Future<Output = Result<Vec<String>, PolicyStoreError>>;

    /// Returns the policy of this name; `None` if there is none.
    fn read(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<StoredPolicy>, PolicyStoreError>>;

    /// Writes a policy if it still equals `before`, as far as the server can check that.
    fn write(
        &self,
        name: &str,
        text: &str,
        before: Option<&StoredPolicy>,
    ) -> impl Future<Output = Result<(), PolicyStoreError>>;

    /// Deletes a policy.
    fn delete(&self, name: &str) -> impl Future<Output = Result<(), PolicyStoreError>>;
}

/// A read or write error, with a remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyStoreError(pub String);

impl fmt::Display for PolicyStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for PolicyStoreError {}
