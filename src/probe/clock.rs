use jiff::Timestamp;

/// Returns the time of this machine's clock, for comparison with times that servers state.
#[expect(clippy::disallowed_methods, reason = "the clocks of two machines are compared")]
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}
