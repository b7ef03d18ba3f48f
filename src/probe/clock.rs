use jiff::Timestamp;

/// This machine's clock, for what others say about time.
#[expect(clippy::disallowed_methods, reason = "two machines' clocks are compared")]
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}
