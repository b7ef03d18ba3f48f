//! The wall clock, for times that are displayed, compared with other machines' or stated in sealed
//! credentials. Expiry within the process is by the monotonic clock.

use jiff::Timestamp;

/// Returns the time of this machine's clock.
#[expect(clippy::disallowed_methods, reason = "the clocks of two machines are compared")]
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}
