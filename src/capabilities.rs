//! The capabilities of Vault's policies: what a policy writes, and what `sys/capabilities` returns.

use std::{fmt, ops::BitOr};

/// An operation that a policy allows on a path, or `deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Create a value that does not exist yet.
    Create,
    /// Delete.
    Delete,
    /// Deny access, whatever else is granted.
    Deny,
    /// List the keys.
    List,
    /// Change a part of a value.
    Patch,
    /// Read.
    Read,
    /// Read a past state of a value. HashiCorp Vault only.
    Recover,
    /// List keys recursively. OpenBao only.
    Scan,
    /// Receive events. HashiCorp Vault only.
    Subscribe,
    /// Access root-protected paths.
    Sudo,
    /// Change a value; most actions need it.
    Update,
}

impl Capability {
    /// All capabilities, sorted by name as in the response of `sys/capabilities`.
    pub const ALL: [Self; 11] = [
        Self::Create,
        Self::Delete,
        Self::Deny,
        Self::List,
        Self::Patch,
        Self::Read,
        Self::Recover,
        Self::Scan,
        Self::Subscribe,
        Self::Sudo,
        Self::Update,
    ];

    /// Returns the name that policies use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Deny => "deny",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Read => "read",
            Self::Recover => "recover",
            Self::Scan => "scan",
            Self::Subscribe => "subscribe",
            Self::Sudo => "sudo",
            Self::Update => "update",
        }
    }

    /// Returns the capability with this name. Names are case-sensitive.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == text)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of capabilities. A set that contains `deny` contains nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u16);

impl Capabilities {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// `create` alone.
    pub const CREATE: Self = Self(bit(Capability::Create));
    /// `read` alone.
    pub const READ: Self = Self(bit(Capability::Read));
    /// `update` alone.
    pub const UPDATE: Self = Self(bit(Capability::Update));
    /// `patch` alone.
    pub const PATCH: Self = Self(bit(Capability::Patch));
    /// `delete` alone.
    pub const DELETE: Self = Self(bit(Capability::Delete));
    /// Every capability but `deny`, as a root token has.
    const ROOT: Self = Self((1 << Capability::ALL.len()) - 1 - bit(Capability::Deny));

    /// Returns what a response of `sys/capabilities` grants on a path. `deny` overrides every other
    /// name and gives [`Self::NONE`], `root` grants everything, and unknown names grant nothing.
    pub fn from_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut granted = Self::NONE;
        for name in names {
            match Capability::parse(name) {
                Some(Capability::Deny) => return Self::NONE,
                Some(capability) => granted.0 |= bit(capability),
                None if name == "root" => granted = Self::ROOT,
                None => {}
            }
        }
        granted
    }

    /// Returns true if the set contains this capability.
    #[must_use]
    pub fn contains(self, capability: Capability) -> bool {
        self.0 & bit(capability) != 0
    }

    /// Returns true if the set contains at least one of these capabilities.
    #[must_use]
    pub fn has_any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    /// Returns true if the set allows nothing: it is empty, or `deny`.
    #[must_use]
    pub fn denies(self) -> bool {
        self.0 == 0 || self.contains(Capability::Deny)
    }

    /// Returns the capabilities, sorted by name.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |capability| self.contains(*capability))
    }

    /// Returns the names as `sys/capabilities` lists them: sorted, and `deny` for an empty set.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        if self.denies() {
            return vec![Capability::Deny.as_str()];
        }
        self.iter().map(Capability::as_str).collect()
    }
}

/// The union of two sets; `deny` in either of them removes everything else.
impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        let deny = bit(Capability::Deny);
        let both = self.0 | other.0;
        Self(if both & deny == 0 { both } else { deny })
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        capabilities.into_iter().fold(Self::NONE, |set, one| set | Self(bit(one)))
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

const fn bit(capability: Capability) -> u16 {
    1 << capability as u16
}

#[cfg(test)]
mod tests {
    use super::{
        Capabilities, Capability,
        Capability::{Deny, List, Read, Update},
    };

    #[test]
    fn deny_removes_everything_else() {
        let set: Capabilities = [Read, Deny, Update].into_iter().collect();
        assert_eq!(set.names(), ["deny"]);
        let read: Capabilities = [Read].into_iter().collect();
        assert_eq!(read | set, set);
    }

    #[test]
    fn empty_set_denies() {
        assert!(Capabilities::NONE.denies());
        assert_eq!(Capabilities::NONE.to_string(), "deny");
    }

    #[test]
    fn names_are_sorted() {
        let set: Capabilities = [Update, List, Read].into_iter().collect();
        assert_eq!(set.to_string(), "list, read, update");
    }

    #[test]
    fn deny_overrides_and_root_grants_all() {
        let of = |names: &[&str]| Capabilities::from_names(names.iter().copied());
        assert_eq!(of(&["deny"]), Capabilities::NONE);
        assert_eq!(of(&["read", "deny", "update"]), Capabilities::NONE);
        assert_eq!(of(&["root", "deny"]), Capabilities::NONE);
        let others = Capability::ALL.into_iter().filter(|capability| *capability != Deny);
        assert_eq!(of(&["root"]), others.collect());
        assert_eq!(of(&["unknown", "Read", ""]), Capabilities::NONE);
        assert_eq!(of(&["read", "create"]), Capabilities::READ | Capabilities::CREATE);
        let write = Capabilities::CREATE | Capabilities::UPDATE;
        assert!(!of(&["read", "list", "sudo", "subscribe"]).has_any(write));
    }
}
