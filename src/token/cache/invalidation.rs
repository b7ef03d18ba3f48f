use std::{collections::HashSet, num::NonZeroU32};

use crate::token::cache::TokenEntry;

/// The cached tokens that changes in Vault concern. They have to be looked up again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invalidation {
    all: bool,
    with_entity: bool,
    with_parent: bool,
    accessors: HashSet<String>,
    accessor_hashes: HashSet<AuditHash>,
    token_hashes: HashSet<AuditHash>,
    entity_ids: HashSet<String>,
    entity_names: HashSet<NameHash>,
    policies: HashSet<String>,
}

/// A change in Vault, by the tokens that it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The token with this accessor.
    Accessor(String),
    /// The token whose accessor has this hash in Vault's audit log.
    AccessorHash(AuditHash),
    /// The token that has this hash in Vault's audit log.
    TokenHash(AuditHash),
    /// The tokens of the entity with this id.
    Entity(String),
    /// The tokens of the entity with this name.
    EntityName(String),
    /// The tokens of all entities.
    AllEntities,
    /// The tokens that end with another token, their parent.
    TokensWithParent,
    /// The capabilities of the tokens with this policy.
    Policy(String),
    /// All tokens.
    AllTokens,
}

/// The first 32 bits of the HMAC by which a token or an accessor is written to Vault's audit log.
///
/// Vault computes it with a key of the audit device (<https://openbao.org/docs/audit/>). Two tokens with the
/// same first bits are only invalidated together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuditHash(pub(super) NonZeroU32);

impl AuditHash {
    /// Parses `hmac-sha256:` and hexadecimal digits; `None` if it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("hmac-sha256:")?;
        let is_hmac = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let first = u32::from_str_radix(digits.get(..8)?, 16).ok().filter(|_| is_hmac)?;
        // The greatest value has another meaning where hashes are stored.
        NonZeroU32::new(first.clamp(1, u32::MAX - 1)).map(Self)
    }
}

/// A hash of an entity's name, regardless of its case, as Vault compares names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NameHash(u32);

impl NameHash {
    pub(super) fn of(name: &str) -> Self {
        let hash = blake3::hash(name.to_lowercase().as_bytes());
        Self(hash.as_bytes().first_chunk().map_or(0, |first| u32::from_le_bytes(*first)))
    }
}

impl Invalidation {
    /// Returns the invalidation of all tokens.
    #[must_use]
    pub fn all() -> Self {
        Self::from_iter([Change::AllTokens])
    }

    /// Adds the tokens that a change concerns.
    pub fn add(&mut self, change: Change) {
        match change {
            Change::Accessor(accessor) => _ = self.accessors.insert(accessor),
            Change::AccessorHash(hash) => _ = self.accessor_hashes.insert(hash),
            Change::TokenHash(hash) => _ = self.token_hashes.insert(hash),
            Change::Entity(id) => _ = self.entity_ids.insert(id),
            Change::EntityName(name) => _ = self.entity_names.insert(NameHash::of(&name)),
            Change::Policy(name) => _ = self.policies.insert(name.to_lowercase()),
            Change::AllEntities => self.with_entity = true,
            Change::TokensWithParent => self.with_parent = true,
            Change::AllTokens => self.all = true,
        }
    }

    /// Adds all tokens of another invalidation.
    pub fn merge(&mut self, other: Self) {
        self.all |= other.all;
        self.with_entity |= other.with_entity;
        self.with_parent |= other.with_parent;
        self.accessors.extend(other.accessors);
        self.accessor_hashes.extend(other.accessor_hashes);
        self.token_hashes.extend(other.token_hashes);
        self.entity_ids.extend(other.entity_ids);
        self.entity_names.extend(other.entity_names);
        self.policies.extend(other.policies);
    }

    /// Returns true if it concerns no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.concerns_tokens() && self.policies.is_empty()
    }

    /// Returns true if it concerns all tokens.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// Splits it into the tokens that it names, and those that it does not name.
    #[must_use]
    pub fn split(self) -> (Self, Self) {
        let Self { all, with_entity, with_parent, policies, .. } = self;
        let unnamed = Self { all, with_entity, with_parent, policies, ..Self::default() };
        let named = Self {
            all: false,
            with_entity: false,
            with_parent: false,
            policies: HashSet::new(),
            accessors: self.accessors,
            accessor_hashes: self.accessor_hashes,
            token_hashes: self.token_hashes,
            entity_ids: self.entity_ids,
            entity_names: self.entity_names,
        };
        (named, unnamed)
    }

    /// Returns true if it concerns capabilities alone.
    pub(super) fn is_about_policies_only(&self) -> bool {
        !self.concerns_tokens() && !self.policies.is_empty()
    }

    fn concerns_tokens(&self) -> bool {
        self.all
            || self.with_entity
            || self.with_parent
            || !self.accessors.is_empty()
            || !self.accessor_hashes.is_empty()
            || !self.token_hashes.is_empty()
            || !self.entity_ids.is_empty()
            || !self.entity_names.is_empty()
    }

    /// Returns true if it concerns, or may concern, this token or its capabilities.
    pub(super) fn concerns(&self, entry: &TokenEntry) -> bool {
        self.all
            || (self.with_parent && entry.has_parent)
            || self.accessors.contains(&*entry.accessor)
            || entry.hashes.may_be_among(&self.token_hashes, &self.accessor_hashes)
            || self.concerns_entity(entry)
            || self.policies.iter().any(|policy| entry.identity.has_policy(policy))
    }

    /// Returns true if the token belongs, or may belong, to one of the entities. An entity that was merged
    /// into another has neither a name nor an alias, so its tokens have no subject and may belong to any
    /// entity.
    fn concerns_entity(&self, entry: &TokenEntry) -> bool {
        if !self.with_entity && self.entity_ids.is_empty() && self.entity_names.is_empty() {
            return false;
        }
        let Some(id) = entry.identity.entity_id() else { return false };
        self.with_entity
            || entry.identity.subject().is_none()
            || self.entity_ids.contains(&*id)
            || entry.entity_name.is_none_or(|name| self.entity_names.contains(&name))
    }
}

impl FromIterator<Change> for Invalidation {
    fn from_iter<I: IntoIterator<Item = Change>>(changes: I) -> Self {
        let mut invalidation = Self::default();
        changes.into_iter().for_each(|change| invalidation.add(change));
        invalidation
    }
}
