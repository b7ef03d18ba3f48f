use std::time::{SystemTime, UNIX_EPOCH};

use httpdate::fmt_http_date;

/// The `Date` header (RFC 9110, 6.6.1), formatted once per second.
#[derive(Default)]
pub(super) struct CachedDate {
    /// Seconds since the Unix epoch that `text` was formatted for.
    second: u64,
    text: String,
}

impl CachedDate {
    /// Returns the header line with the current date, and the empty line that ends a head.
    #[expect(
        clippy::disallowed_methods,
        reason = "the date is sent, and no decision depends on it"
    )]
    pub(super) fn last_lines(&mut self) -> &str {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if self.text.is_empty() || second != self.second {
            (self.second, self.text) = (second, format!("date: {}\r\n\r\n", fmt_http_date(now)));
        }
        &self.text
    }
}
