use crate::secrets::{Change, Version};

/// What has to be so for a write to be done (RFC 9110, 13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// There is no such secret: `If-None-Match: *`.
    Absent,
    /// There is one: `If-Match: *`.
    Present,
    /// This is its latest version: `If-Match: "3"`.
    Latest(Version),
}

/// What there is of a secret at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// Nothing, and there never was.
    Absent,
    /// This version, to be had.
    Live(Version),
    /// This version, which was deleted or destroyed.
    Gone(Version),
}

/// The secret is not in the state that a write was meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

impl Precondition {
    /// Whether a secret in this state may be written to.
    ///
    /// # Errors
    /// [`Conflict`] if not.
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
    /// What Vault compares with before it writes: the number of the latest version, be it gone,
    /// and 0 if there is none.
    #[must_use]
    pub fn check_and_set(self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Live(version) | Self::Gone(version) => version.number(),
        }
    }

    /// What a write to a secret in this state is.
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
    fn a_write_is_done_only_in_the_state_that_it_is_meant_for() {
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
