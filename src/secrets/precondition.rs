use crate::secrets::SecretVersion;

/// The condition under which a write is made (RFC 9110, 13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteCondition {
    /// The write is unconditional.
    None,
    /// The secret does not exist: `If-None-Match: *`.
    Absent,
    /// The secret exists: `If-Match: *`.
    Present,
    /// The secret's latest version is this one: `If-Match: "3"`.
    Latest(SecretVersion),
}

/// The state of a secret: its latest version, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretState {
    /// The secret has never had a version.
    Absent,
    /// The latest version can be read.
    Live(SecretVersion),
    /// The latest version was deleted or destroyed.
    Deleted(SecretVersion),
}

/// The kind of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// There was no live version before.
    Created,
    /// There was a live version before.
    Replaced,
}

/// The error of a write whose precondition does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteConflict;

impl WriteCondition {
    /// Checks the precondition for a secret in this state.
    ///
    /// # Errors
    /// [`WriteConflict`] if it does not hold.
    pub fn check(self, current: SecretState) -> Result<(), WriteConflict> {
        let holds = match self {
            Self::None => true,
            Self::Absent => !matches!(current, SecretState::Live(_)),
            Self::Present => matches!(current, SecretState::Live(_)),
            Self::Latest(version) => current == SecretState::Live(version),
        };
        if holds { Ok(()) } else { Err(WriteConflict) }
    }
}

impl SecretState {
    /// Returns the value of Vault's `cas` option for a write to a secret in this state: the number
    /// of the latest version, live or not, and 0 if there is none.
    #[must_use]
    pub fn cas_version(self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Live(version) | Self::Deleted(version) => version.number(),
        }
    }

    /// Returns the kind of a write to a secret in this state.
    #[must_use]
    pub fn write_kind(self) -> WriteKind {
        match self {
            Self::Absent | Self::Deleted(_) => WriteKind::Created,
            Self::Live(_) => WriteKind::Replaced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SecretState, WriteCondition, WriteConflict};
    use crate::secrets::SecretVersion;

    #[test]
    fn preconditions_match_states() {
        let version = |number| SecretVersion::new(number).expect("a version");
        let states =
            [SecretState::Absent, SecretState::Live(version(3)), SecretState::Deleted(version(3))];
        for (precondition, expected) in [
            (WriteCondition::None, [true, true, true]),
            (WriteCondition::Absent, [true, false, true]),
            (WriteCondition::Present, [false, true, false]),
            (WriteCondition::Latest(version(3)), [false, true, false]),
            (WriteCondition::Latest(version(2)), [false, false, false]),
        ] {
            let outcome = states.map(|state| precondition.check(state) != Err(WriteConflict));
            assert_eq!(outcome, expected, "{precondition:?}");
        }
        assert_eq!(states.map(SecretState::cas_version), [0, 3, 3]);
    }
}
