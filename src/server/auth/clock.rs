use std::time::{SystemTime, UNIX_EPOCH};

use httpdate::fmt_http_date;

/// The time of day as an answer tells it (RFC 9110, 6.6.1), written anew once a second.
#[derive(Default)]
pub(super) struct Clock {
    /// Since 1970; of which the text tells.
    second: u64,
    text: String,
}

impl Clock {
    /// What stands in `Date`.
    #[expect(clippy::disallowed_methods, reason = "nothing is decided by it: it is told")]
    pub(super) fn date(&mut self) -> &str {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if self.text.is_empty() || second != self.second {
            (self.second, self.text) = (second, fmt_http_date(now));
        }
        &self.text
    }
}
