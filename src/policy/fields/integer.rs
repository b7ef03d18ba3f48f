use super::{
    super::{
        HclItem, HclValue, Spanned,
        error::{ParseError, Quoted},
    },
    items_with_key, unlabelled_value,
};

/// Returns the integer value of a key; in quotes, it can also be binary, and have underscores
/// between its digits. The last of several counts.
pub(in crate::policy) fn integer(items: &[HclItem], key: &str) -> Result<Option<i64>, ParseError> {
    let mut last = None;
    for item in items_with_key(items, key) {
        last = Some(read(unlabelled_value(item)?)?);
    }
    Ok(last)
}

/// Parses an integer value.
pub(in crate::policy) fn read(value: &Spanned<HclValue>) -> Result<i64, ParseError> {
    match &value.value {
        HclValue::Integer(text) | HclValue::Text(text) => parse(text).ok_or_else(|| {
            let found = Quoted(text);
            ParseError::expected(value.at, "an integer of at most 64 bits", found)
        }),
        found => Err(ParseError::expected(value.at, "an integer", found)),
    }
}

/// Parses an integer in Go syntax: 10, -10, 0b10, 010, 0o10, `0x1F`, `1_000`.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let (radix, digits) = radix(digits);
    // An underscore may follow a prefix or any digit.
    let separated = match (radix, digits.strip_prefix('_')) {
        (10, _) | (_, None) => digits,
        (_, Some(rest)) => rest,
    };
    if separated.split('_').any(|group| !group.chars().all(|c| c.is_digit(radix))) {
        return None;
    }
    if separated.split('_').any(str::is_empty) {
        return None;
    }
    let digits: String = separated.chars().filter(|c| *c != '_').collect();
    let magnitude = i128::from_str_radix(&digits, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

fn radix(digits: &str) -> (u32, &str) {
    let Some(rest) = digits.strip_prefix('0').filter(|rest| !rest.is_empty()) else {
        return (10, digits);
    };
    match rest.as_bytes().first() {
        Some(b'x' | b'X') => (16, rest.get(1..).unwrap_or_default()),
        Some(b'o' | b'O') => (8, rest.get(1..).unwrap_or_default()),
        Some(b'b' | b'B') => (2, rest.get(1..).unwrap_or_default()),
        _ => (8, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn integers_match_go() {
        for (text, value) in [
            ("0", 0),
            ("-0", 0),
            ("+5", 5),
            ("010", 8),
            ("0o17", 15),
            ("0x1F", 31),
            ("0x_1", 1),
            ("0b11", 3),
            ("1_000", 1000),
            ("0_1", 1),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(parse(text), Some(value), "{text}");
        }
        for text in ["", "-", "x", " 5", "1.5", "08", "0x", "_1", "1_", "1__0", "--1", "+-1"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("9223372036854775808"), None);
        assert_eq!(parse(&"9".repeat(1000)), None);
    }
}
