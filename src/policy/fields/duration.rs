//! Parses durations as Vault does.

const SECOND: i128 = 1_000_000_000;

/// Parses a duration and returns nanoseconds. A number is seconds, `d` is days, and all else is a
/// Go duration such as `1h30m` or `1.5s`. Returns `None` if it is invalid or does not fit 64 bits.
pub(super) fn parse(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return scaled(seconds, SECOND);
    }
    match text.strip_suffix('d') {
        Some(days) => scaled(days.parse().ok()?, 24 * 3600 * SECOND),
        None => composed(text),
    }
}

/// Returns `count` units, if that fits 64 bits.
pub(super) fn scaled(count: i64, unit: i128) -> Option<i64> {
    i64::try_from(i128::from(count) * unit).ok()
}

/// Converts seconds to nanoseconds; the fraction is truncated.
pub(super) fn seconds(number: f64) -> Option<i64> {
    let whole = number.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
    let count = (whole.abs() < 9.3e9).then_some(whole as i64)?;
    scaled(count, SECOND)
}

fn composed(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i128 = 0;
    loop {
        let (nanoseconds, after) = part(rest)?;
        total = total.checked_add(nanoseconds)?;
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// Parses one number and its unit.
fn part(text: &str) -> Option<(i128, &str)> {
    let end = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at_checked(end(text))?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at_checked(end(rest))?,
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let unit_end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(unit_end)?;
    let unit = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        _ => return None,
    };
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // 13 digits are more precise than a nanosecond of an hour.
    let digits = fraction.get(..13).unwrap_or(fraction);
    let scale = 10_i128.checked_pow(u32::try_from(digits.len()).ok()?)?;
    let fraction: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    Some((whole.checked_mul(unit)?.checked_add(fraction * unit / scale)?, rest))
}

#[cfg(test)]
mod tests {
    use super::{parse, seconds};

    #[test]
    fn durations_match_vault() {
        for (text, nanoseconds) in [
            ("", 0),
            ("5", 5_000_000_000),
            ("-5", -5_000_000_000),
            ("+5m", 300_000_000_000),
            ("1d", 86_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1m1h", 3_660_000_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("1.99999999999999999999999s", 1_999_999_999),
            ("1µs", 1_000),
            ("-2562047h47m16.854775808s", i64::MIN),
        ] {
            assert_eq!(parse(text), Some(nanoseconds), "{text}");
        }
    }

    #[test]
    fn invalid_durations_are_rejected() {
        for text in ["x", "1w", "1M", "5 m", ".s", "s", "d", "1.5d", "0x10", "0.0", "+", "1_0"] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["9223372036854775807", "9999999999h", "2562047h47m16.854775808s"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"9".repeat(10_000)), None);
        assert_eq!(seconds(1e10), None);
        assert_eq!(seconds(-1.9), Some(-1_000_000_000));
    }
}
