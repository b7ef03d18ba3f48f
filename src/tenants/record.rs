use std::collections::BTreeSet;

use super::TenantName;

/// A tenant, as it is found in Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// Its key; `None` if it was never made, or was shredded.
    pub key: Option<Key>,
    /// Everybody who belongs to it.
    pub members: Vec<Member>,
}

/// A tenant's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its type, in transit's words.
    pub kind: String,
    /// Whether it binds what it encrypts to a place.
    pub derived: bool,
    /// Whether equal secrets have equal ciphertexts.
    pub convergent: bool,
    /// The version that encrypts.
    pub latest: u64,
    /// The oldest version that may still decrypt.
    pub oldest: u64,
}

/// An entity that belongs to a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Whether it is kept out.
    pub disabled: bool,
    /// How it logs in: the types of the auth methods.
    pub logs_in_by: BTreeSet<String>,
    /// The policies that it has by itself.
    pub policies: BTreeSet<String>,
}

impl Key {
    /// Returns true if the program uses such a key.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.derived && !self.convergent
    }
}

impl Tenant {
    /// One of which nothing is known yet.
    pub(crate) fn new(name: TenantName) -> Self {
        Self { name, key: None, members: Vec::new() }
    }
}
