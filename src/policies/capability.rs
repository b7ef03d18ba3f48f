use std::fmt;

/// What a policy can allow on a path, and `deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Create what is not there yet.
    Create,
    /// Delete.
    Delete,
    /// Nothing, whatever else is granted.
    Deny,
    /// List the keys.
    List,
    /// Change a part.
    Patch,
    /// Read.
    Read,
    /// Read a past state of what is there. HashiCorp Vault only.
    Recover,
    /// List with all that is below. OpenBao only.
    Scan,
    /// Receive events. HashiCorp Vault only.
    Subscribe,
    /// Reach what needs root.
    Sudo,
    /// Change, and most actions.
    Update,
}

impl Capability {
    /// All of them, in the order of their names, as `sys/capabilities` has them.
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

    /// As it is written in a policy.
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

    /// The one that is written so. Case matters.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == text)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of capabilities. With `deny` in it, it holds nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u16);

impl Capabilities {
    /// Whether this one is in it.
    pub fn contains(self, capability: Capability) -> bool {
        self.0 & bit(capability) != 0
    }

    /// Whether it allows nothing: it is empty, or `deny`.
    pub fn denies(self) -> bool {
        self.0 == 0 || self.contains(Capability::Deny)
    }

    /// Both together; `deny` on either side leaves only that.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let deny = bit(Capability::Deny);
        let both = self.0 | other.0;
        Self(if both & deny == 0 { both } else { deny })
    }

    /// Each of them, in the order of their names.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |capability| self.contains(*capability))
    }

    /// What `sys/capabilities` answers: the names, and `deny` for an empty set.
    pub fn names(self) -> Vec<&'static str> {
        if self.denies() {
            return vec![Capability::Deny.as_str()];
        }
        self.iter().map(Capability::as_str).collect()
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        capabilities.into_iter().fold(Self::default(), |set, one| set.union(Self(bit(one))))
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

fn bit(capability: Capability) -> u16 {
    1 << capability as u16
}

#[cfg(test)]
mod tests {
    use super::{
        Capabilities,
        Capability::{Deny, List, Read, Update},
    };

    #[test]
    fn deny_leaves_nothing_else() {
        let set: Capabilities = [Read, Deny, Update].into_iter().collect();
        assert_eq!(set.names(), ["deny"]);
        let read: Capabilities = [Read].into_iter().collect();
        assert_eq!(read.union(set), set);
    }

    #[test]
    fn an_empty_set_denies() {
        assert!(Capabilities::default().denies());
        assert_eq!(Capabilities::default().to_string(), "deny");
    }

    #[test]
    fn names_are_in_the_order_of_vault() {
        let set: Capabilities = [Update, List, Read].into_iter().collect();
        assert_eq!(set.to_string(), "list, read, update");
    }
}
