//! Numbers and times, in the notation of a language.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

use super::text::ConsoleText;

/// A space at which no line is broken.
const NO_BREAK: char = '\u{a0}';

/// Returns a whole number with its digits in groups of three.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            // A narrow space, which is right in all languages.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Returns a time of the day in UTC, such as `15:04:05`.
pub(super) fn time_of_day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string()
}

/// Returns a minute of the day in UTC, such as `15:04`.
pub(super) fn minute(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%H:%M").to_string()
}

impl ConsoleText {
    /// Returns the share of a part in percent; a dash for a part of nothing. It is rounded down, so that 100 %
    /// means all.
    pub(super) fn percentage(&self, part: u64, whole: u64) -> String {
        match u128::from(part) * 1000 / u128::from(whole).max(1) {
            _ if whole == 0 => "–".to_owned(),
            1000 => format!("100{NO_BREAK}%"),
            0 if part > 0 => format!("<{NO_BREAK}0{}1{NO_BREAK}%", self.decimal),
            permille => format!("{}{}{}{NO_BREAK}%", permille / 10, self.decimal, permille % 10),
        }
    }

    /// Returns a duration in seconds with three digits and its unit, such as `38.2 µs`.
    pub(super) fn duration(&self, seconds: f64) -> String {
        let (value, unit) = match seconds {
            seconds if seconds < 0.001 => (seconds * 1e6, "µs"),
            seconds if seconds < 1.0 => (seconds * 1e3, "ms"),
            seconds => (seconds, "s"),
        };
        let digits = match value {
            value if value < 10.0 => format!("{value:.2}"),
            value if value < 100.0 => format!("{value:.1}"),
            value => format!("{value:.0}"),
        };
        let digits = if digits.contains('.') {
            digits.trim_end_matches('0').trim_end_matches('.').replace('.', self.decimal)
        } else {
            digits
        };
        format!("{digits}{NO_BREAK}{unit}")
    }

    /// Returns a duration in the two largest of days, hours, minutes and seconds, such as `23 h 5 min`.
    pub(super) fn lifetime(&self, lifetime: Duration) -> String {
        let seconds = lifetime.as_secs();
        let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
        let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
        let parts = [(days, self.days), (hours, "h"), (minutes, "min"), (seconds, "s")];
        let first = parts.iter().position(|(value, _)| *value > 0).unwrap_or(3).min(2);
        let shown = parts[first..].iter().take(2);
        let shown: Vec<_> = shown.map(|(value, unit)| format!("{value}{NO_BREAK}{unit}")).collect();
        shown.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::text::ConsoleText, number};
    use crate::login::pages::Language;

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in
            [(0, "0"), (999, "999"), (1000, "1 000"), (12_345, "12 345"), (1_234_567, "1 234 567")]
        {
            assert_eq!(number(value).replace('\u{202f}', " "), text);
        }
    }

    #[test]
    fn values_follow_the_language() {
        let (english, spanish) = (Language::English, Language::Spanish);
        let (english, spanish) = (ConsoleText::of(english), ConsoleText::of(spanish));
        let plain = |text: String| text.replace('\u{a0}', " ");
        assert_eq!(plain(english.percentage(999, 1000)), "99.9 %");
        assert_eq!(plain(spanish.percentage(99_999, 100_000)), "99,9 %");
        assert_eq!(plain(english.percentage(3, 3)), "100 %");
        assert_eq!(plain(english.percentage(1, 100_000)), "< 0.1 %");
        assert_eq!(plain(english.percentage(0, 0)), "–");
        for (seconds, text) in [
            (0.000_003_8, "3.8 µs"),
            (0.000_038_25, "38.2 µs"),
            (0.01, "10 ms"),
            (0.25, "250 ms"),
            (2.5, "2.5 s"),
            (120.0, "120 s"),
        ] {
            assert_eq!(plain(english.duration(seconds)), text);
        }
        assert_eq!(plain(spanish.duration(0.002_5)), "2,5 ms");
        for (seconds, text) in [
            (0, "0 min 0 s"),
            (59, "0 min 59 s"),
            (3599, "59 min 59 s"),
            (3600, "1 h 0 min"),
            (90_061, "1 d 1 h"),
        ] {
            assert_eq!(plain(english.lifetime(Duration::from_secs(seconds))), text);
        }
    }
}
