use crate::secrets::Version;

/// The condition under which a write is made (RFC 9110, 13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The write is unconditional.
    None,
    /// The secret does not exist: `If-None-Match: *`.
    Absent,
    /// The secret exists: `If-Match: *`.
    Present,
    /// The secret's latest version is this one: `If-Match: "3"`.
    Latest(Version),
}

/// The state of a secret: its latest version, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// The secret has never had a version.
    Absent,
    /// The latest version can be read.
    Live(Version),
    /// The latest version was deleted or destroyed.
    Gone(Version),
}

/// The kind of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// There was no live version before.
    Created,
    /// There was a live version before.
    Replaced,
}

/// The error of a write whose precondition does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

impl Precondition {
    /// Checks the precondition for a secret in this state.
    ///
    /// # Errors
    /// [`Conflict`] if it does not hold.
    pub fn check(self, current: Current) -> Result<(), Conflict> {
        let holds = match self {
            Self::None => true,
            Self::Absent => !matches!(current, Current::Live(_)),
            Self::Present => matches!(current, Current::Live(_)),
            Self::Latest(version) => current == Current::Live(version),
        };
        if holds { Ok(()) } else { Err(Conflict) }
    }
}

impl Current {
    /// Returns the value of Vault's `cas` option for a write to a secret in this state: the number
    /// of the latest version, live or not, and 0 if there is none.
    #[must_use]
    pub fn check_and_set(self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Live(version) | Self::Gone(version) => version.number(),
        }
    }

    /// Returns the kind of a write to a secret in this state.
    #[must_use]
    pub fn change(self) -> Change {
        match self {
            Self::Absent | Self::Gone(_) => Change::Created,
            Self::Live(_) => Change::Replaced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Conflict, Current, Precondition};
    use crate::secrets::Version;

    #[test]
    fn preconditions_match_states() {
        let version = |number| Version::new(number).expect("a version");
        let states = [Current::Absent, Current::Live(version(3)), Current::Gone(version(3))];
        for (precondition, expected) in [
            (Precondition::None, [true, true, true]),
            (Precondition::Absent, [true, false, true]),
            (Precondition::Present, [false, true, false]),
            (Precondition::Latest(version(3)), [false, true, false]),
            (Precondition::Latest(version(2)), [false, false, false]),
        ] {
            let outcome = states.map(|state| precondition.check(state) != Err(Conflict));
            assert_eq!(outcome, expected, "{precondition:?}");
        }
        assert_eq!(states.map(Current::check_and_set), [0, 3, 3]);
    }
}
