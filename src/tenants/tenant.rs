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
    /// The name of its entity.
    pub entity: String,
    /// The id of its entity.
    pub id: String,
    /// Whether it is kept out.
    pub disabled: bool,
    /// The names that it logs in by, those of people first.
    pub logins: Vec<Login>,
    /// The policies of its tokens, as far as they are known, besides Vault's `default`: those of its
    /// AppRole or account, of its entity, and of the entity's groups.
    pub policies: BTreeSet<String>,
    /// Where further policies may come from, each with the reason why they are not known.
    pub unknown: Vec<String>,
}

/// A name by which somebody logs in: an alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Login {
    /// Whether a service or a person logs in by it.
    pub kind: LoginKind,
    /// The name of the alias; that of an AppRole is its role id.
    pub name: String,
    /// The path of the auth method, without slashes at its ends.
    pub mount: String,
    /// The type of the auth method.
    pub method: String,
}

/// Who logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoginKind {
    /// A person, by any method but AppRole.
    Person,
    /// A service, by AppRole.
    Service,
}

impl Login {
    /// Whether a person logs in by it.
    #[must_use]
    pub fn is_persons(&self) -> bool {
        self.kind == LoginKind::Person
    }
}

impl Member {
    /// The name that people know it by: that of its login, of a service that of its entity.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.logins.first() {
            Some(Login { kind: LoginKind::Person, name, .. }) => name,
            _ => &self.entity,
        }
    }
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
