use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use super::TenantName;

/// A tenant in Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant's name.
    pub name: TenantName,
    /// The tenant's key; `None` if it was never created, or was shredded.
    pub key: Option<TenantKey>,
    /// The people and services that belong to the tenant.
    pub members: Vec<Member>,
}

/// A tenant's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantKey {
    /// The type of the key, such as `aes256-gcm96`.
    pub kind: String,
    /// True if a ciphertext is bound to its context.
    pub derived: bool,
    /// True if equal secrets have equal ciphertexts.
    pub convergent: bool,
    /// The latest version, which encrypts.
    pub latest: u64,
    /// The oldest version that may decrypt (`min_decryption_version`).
    pub min_decryption: u64,
    /// The last rotation, and the interval of Vault's own.
    pub rotation: KeyRotation,
}

/// The rotations of a key, as transit reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRotation {
    /// The time at which the latest version was created, by Vault's clock.
    pub created_at: Timestamp,
    /// The interval at which Vault itself adds a version to the key (`auto_rotate_period`). Vault
    /// does not rewrap the ciphertexts of older versions.
    pub auto_rotate: Option<Duration>,
}

/// An entity that belongs to a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name of the entity.
    pub entity: String,
    /// The id of the entity.
    pub id: String,
    /// True if the entity is disabled: Vault rejects its tokens.
    pub disabled: bool,
    /// The names with which it logs in, those of people first.
    pub logins: Vec<MemberLogin>,
    /// The known policies of its tokens, besides Vault's `default`: those of its AppRole or account,
    /// of its entity, and of the entity's groups.
    pub policies: BTreeSet<String>,
    /// The sources of policies that are not known, each with the reason.
    pub unknown_policies: Vec<String>,
}

/// A name with which a person or a service logs in: an alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberLogin {
    /// The kind of member that logs in with it.
    pub kind: LoginKind,
    /// The name of the alias; that of an AppRole is its role id.
    pub name: String,
    /// The path of the auth method, without slashes at its ends.
    pub mount: String,
    /// The type of the auth method.
    pub method: String,
}

/// The kind of member that logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoginKind {
    /// A person, with any auth method but AppRole.
    Person,
    /// A service, with AppRole.
    Service,
}

impl MemberLogin {
    /// Returns true if a person logs in with it.
    #[must_use]
    pub fn is_person(&self) -> bool {
        self.kind == LoginKind::Person
    }
}

impl Member {
    /// Returns the name to show to people: that of a person's login, or of a service's entity.
    #[must_use]
    pub fn display_name(&self) -> &str {
        match self.logins.first() {
            Some(MemberLogin { kind: LoginKind::Person, name, .. }) => name,
            _ => &self.entity,
        }
    }
}

impl TenantKey {
    /// Returns true if the key is safe to use: derived and not convergent.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.derived && !self.convergent
    }
}

impl Tenant {
    /// Creates a tenant without a key and members.
    pub(crate) fn new(name: TenantName) -> Self {
        Self { name, key: None, members: Vec::new() }
    }
}
