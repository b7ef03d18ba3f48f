//! Shortens the durations of a configuration, so that a test need not wait for minutes.

/// The durations of the shipped files are divided by this.
const FACTOR: u64 = 60;

/// The units of durations, in milliseconds.
const UNITS: &[(&str, u64)] =
    &[("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 24 * 3_600_000)];

/// Returns the text with every duration, such as `15s`, `5m` or `1d`, divided by 60. A number and unit
/// within a longer word is none.
pub fn shortened(text: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    text.split_inclusive(|c| !is_word(c))
        .map(|piece| {
            let word = piece.trim_end_matches(|c| !is_word(c));
            let duration = milliseconds(word).map(|length| format!("{}ms", length / FACTOR));
            duration.map_or_else(|| piece.to_owned(), |short| short + &piece[word.len()..])
        })
        .collect()
}

/// Returns the length of a duration with one unit; `None` if the word is none.
fn milliseconds(word: &str) -> Option<u64> {
    let (unit, length) = UNITS.iter().find(|(unit, _)| word.ends_with(unit))?;
    let number: u64 = word.strip_suffix(unit)?.parse().ok()?;
    Some(number * length)
}

#[test]
fn durations_are_shortened() {
    for (text, short) in [
        ("for: 5m", "for: 5000ms"),
        ("rate(x[15s]) offset 1h\n", "rate(x[250ms]) offset 60000ms\n"),
        ("x:ratio_rate5m > 0.05 * 3", "x:ratio_rate5m > 0.05 * 3"),
        ("a minute, 30d, 0.5s and p99", "a minute, 43200000ms, 0.5s and p99"),
    ] {
        assert_eq!(shortened(text), short);
    }
}
