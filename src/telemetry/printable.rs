use std::borrow::Cow;

/// The mark at the end of a text that was cut.
const CUT: &str = "…";

/// Returns a text that is safe to log: characters that cannot be printed are escaped, so that they
/// neither begin a line nor control a terminal, and after `max` bytes the text is cut, with `…` at
/// its end.
#[must_use]
pub fn printable(text: &str, max: usize) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if text.len() <= max && text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len().min(max) + CUT.len());
    for char in text.chars() {
        let before = printable.len();
        if char.is_ascii_graphic() || char == ' ' {
            printable.push(char);
        } else {
            printable.extend(char.escape_debug());
        }
        if printable.len() > max {
            printable.truncate(before);
            printable.push_str(CUT);
            break;
        }
    }
    Cow::Owned(printable)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::printable;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("/a b\"c\\d", 64), "/a b\"c\\d");
        assert_eq!(printable("a\r\nb\t\u{1b}[31m", 64), r"a\r\nb\t\u{1b}[31m");
        assert_eq!(printable("\u{9b}\u{7f}\u{202e}\u{2028}", 64), r"\u{9b}\u{7f}\u{202e}\u{2028}");
        assert_eq!(printable("/münchen", 64), "/münchen");
    }

    #[test]
    fn long_text_is_cut_with_a_mark() {
        assert_eq!(printable("12345678", 8), "12345678");
        assert_eq!(printable("123456789", 8), "12345678…");
        assert_eq!(printable("1234567\n", 8), "1234567…");
    }

    proptest! {
        #[test]
        fn printable_text_is_short_and_on_one_line(text in any::<String>(), max in 0_usize..64) {
            let printable = printable(&text, max);
            prop_assert!(printable.len() <= max + "…".len());
            prop_assert!(!printable.chars().any(char::is_control));
        }
    }
}
