//! Parses points in time as Vault does.

use crate::policy::{
    Spanned,
    error::{ParseError, Quoted},
};

/// Parses seconds since 1970 UTC: a number, or a time such as `2030-01-31T23:59:00Z`.
pub(in crate::policy) fn read(text: &Spanned<String>) -> Result<i64, ParseError> {
    rfc3339(text.value.as_bytes()).or_else(|| text.value.parse().ok()).ok_or_else(|| {
        let expected = "a time such as \"2030-01-31T23:59:00Z\", or seconds since 1970";
        ParseError::expected(text.at, expected, Quoted(&text.value))
    })
}

/// Parses a time as Go does: RFC 3339, but the hour can have one digit, the fraction a comma, and
/// the offset can be up to 24:60.
fn rfc3339(text: &[u8]) -> Option<i64> {
    let (year, text) = digits(text, 4)?;
    let (month, text) = digits(expect(text, b"-")?, 2)?;
    let (day, text) = digits(expect(text, b"-")?, 2)?;
    let text = expect(text, b"T")?;
    let (hour, text) = match digits(text, 2) {
        Some(hour) => hour,
        None => digits(text, 1)?,
    };
    let (minute, text) = digits(expect(text, b":")?, 2)?;
    let (second, text) = digits(expect(text, b":")?, 2)?;
    let offset = offset(fraction(text)?)?;
    let valid = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let days = days_since_epoch(year, month, day);
    valid.then_some(days * 86_400 + hour * 3600 + minute * 60 + second - offset)
}

fn digits(text: &[u8], count: usize) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_at_checked(count)?;
    let value =
        |sum: i64, digit: &u8| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'));
    Some((digits.iter().try_fold(0, value)?, rest))
}

fn expect<'t>(text: &'t [u8], one: &[u8]) -> Option<&'t [u8]> {
    text.strip_prefix(one)
}

/// Skips an optional fraction of a second.
fn fraction(text: &[u8]) -> Option<&[u8]> {
    let Some(digits) = expect(text, b".").or_else(|| expect(text, b",")) else {
        return Some(text);
    };
    let end = digits.iter().position(|digit| !digit.is_ascii_digit()).unwrap_or(digits.len());
    if end == 0 { None } else { digits.get(end..) }
}

/// Parses the UTC offset in seconds, positive to the east.
fn offset(text: &[u8]) -> Option<i64> {
    let sign = match text {
        b"Z" => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let (hours, text) = digits(text.get(1..)?, 2)?;
    let (minutes, text) = digits(expect(text, b":")?, 2)?;
    let valid = text.is_empty() && hours <= 24 && minutes <= 60;
    valid.then_some(sign * (hours * 3600 + minutes * 60))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    // 366 for the year 0, which is a leap year.
    let before = |year: i64| match year {
        0 => 0,
        _ => 366 + (year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400,
    };
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    before(year) - before(1970) + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn times_are_seconds_since_1970() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2030-01-01T00:00:00+01:00", 1_893_452_400),
            ("2030-01-01T0:00:00Z", 1_893_456_000),
            ("2030-01-01T00:00:00.123456789012Z", 1_893_456_000),
            ("2030-01-01T00:00:00,5Z", 1_893_456_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
        ] {
            assert_eq!(rfc3339(text.as_bytes()), Some(seconds), "{text}");
        }
    }

    #[test]
    fn invalid_times_are_rejected() {
        for text in [
            "2030-01-01",
            "2030-02-30T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2030-01-01T24:00:00Z",
            "2030-01-01T00:00:60Z",
            "2030-01-01t00:00:00z",
            "2030-01-01T00:00:00.Z",
            "2030-01-01T00:00:00+25:00",
            "2030-01-01T00:00:00",
            "2030-01-01T00:00:00ZZ",
        ] {
            assert_eq!(rfc3339(text.as_bytes()), None, "{text}");
        }
    }
}
