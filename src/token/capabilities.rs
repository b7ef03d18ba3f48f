/// What Vault grants a token on one path (`sys/capabilities`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities(u8);

impl Capabilities {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Making what is not there.
    pub const CREATE: Self = Self(1);
    /// Looking.
    pub const READ: Self = Self(1 << 1);
    /// Changing what is there.
    pub const UPDATE: Self = Self(1 << 2);
    /// Changing a part of it.
    pub const PATCH: Self = Self(1 << 3);
    /// Removing it.
    pub const DELETE: Self = Self(1 << 4);
    /// All of these, as a root token has.
    const ALL: Self = Self(0b1_1111);

    /// From Vault's words. `deny` forbids whatever stands beside it, `root` grants everything,
    /// and words that no request method implies, such as `list`, grant nothing here.
    pub fn from_words<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let mut granted = Self::NONE;
        for word in words {
            granted = match word {
                "deny" => return Self::NONE,
                "root" => Self::ALL,
                "create" => granted | Self::CREATE,
                "read" => granted | Self::READ,
                "update" => granted | Self::UPDATE,
                "patch" => granted | Self::PATCH,
                "delete" => granted | Self::DELETE,
                _ => granted,
            };
        }
        granted
    }

    /// Vault's words for them, in the order of the alphabet.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let all = [
            (Self::CREATE, "create"),
            (Self::DELETE, "delete"),
            (Self::PATCH, "patch"),
            (Self::READ, "read"),
            (Self::UPDATE, "update"),
        ];
        all.into_iter().filter(|(one, _)| self.has_any(*one)).map(|(_, word)| word).collect()
    }

    /// Whether at least one of these is among them.
    #[must_use]
    pub fn has_any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }
}

impl std::ops::BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Capabilities;

    #[test]
    fn deny_forbids_and_root_grants_everything() {
        let of = |words: &[&str]| Capabilities::from_words(words.iter().copied());
        assert_eq!(of(&["deny"]), Capabilities::NONE);
        assert_eq!(of(&["read", "deny", "update"]), Capabilities::NONE);
        assert_eq!(of(&["root", "deny"]), Capabilities::NONE);
        assert!(of(&["root"]).has_any(Capabilities::DELETE));
        assert_eq!(of(&["list", "sudo", "subscribe"]), Capabilities::NONE);
        assert_eq!(of(&["read", "create"]), Capabilities::READ | Capabilities::CREATE);
        assert!(!of(&["read"]).has_any(Capabilities::CREATE | Capabilities::UPDATE));
    }
}
