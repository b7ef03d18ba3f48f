use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

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
    /// The age of the version that encrypts, and who replaces it.
    pub rotation: KeyRotation,
}

/// What transit says of the past and the future rotations of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRotation {
    /// When the version that encrypts was made, by Vault's clock.
    pub created_at: Timestamp,
    /// The interval at which Vault itself adds a version to the key (`auto_rotate_period`). It
    /// never rewraps what older versions have encrypted.
    pub auto_rotate: Option<Duration>,
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
