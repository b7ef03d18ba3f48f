use std::{error::Error, fmt};

/// A policy as Vault keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredPolicy {
    /// Its text.
    pub text: String,
    /// Which version it is, where Vault counts them; the next write may insist on it.
    pub version: Option<u64>,
    /// Whether every write has to name the version.
    pub cas_required: bool,
    /// What Vault keeps extra_settings the text and would forget with the next write, in words: that it
    /// expires, say.
    pub extra_settings: Vec<String>,
}

/// Where policies are kept.
pub trait PolicyStore {
    /// The names of all, Vault's own among them.
    fn names(&self) -> impl Future<Output = Result<Vec<String>, PolicyStoreError>>;

    /// The policy of this name; `None` if there is none.
    fn read(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<StoredPolicy>, PolicyStoreError>>;

    /// Writes a policy, in the place of `before` and of nothing else, as far as the server can
    /// tell.
    fn write(
        &self,
        name: &str,
        text: &str,
        before: Option<&StoredPolicy>,
    ) -> impl Future<Output = Result<(), PolicyStoreError>>;

    /// Deletes a policy.
    fn delete(&self, name: &str) -> impl Future<Output = Result<(), PolicyStoreError>>;
}

/// Why something could not be read or written, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyStoreError(pub String);

impl fmt::Display for PolicyStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for PolicyStoreError {}
