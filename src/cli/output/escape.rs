use super::color_mark::COLOR_MARK;

/// Returns the text with an escape, such as `\u{202e}`, for each control or invisible character.
/// Line breaks, tabs and color marks are kept.
pub(super) fn escape_text(text: &str) -> String {
    escape_unless(text, |c| !is_hidden(c) || matches!(c, '\n' | '\t'))
}

/// Returns the text as [`escape_text`] does, with line breaks and tabs escaped, too.
pub(in crate::cli) fn escape_line(text: &str) -> String {
    escape_unless(text, |c| !is_hidden(c))
}

fn escape_unless(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let escaped = |part: &str| {
        let mut all = String::with_capacity(part.len());
        for c in part.chars() {
            if is_kept(c) { all.push(c) } else { all.extend(c.escape_default()) }
        }
        all
    };
    text.split(&*COLOR_MARK).map(escaped).collect::<Vec<_>>().join(&COLOR_MARK)
}

/// Returns this JSON text with JSON escapes for the same characters. These occur only in its
/// strings, so that the value stays the same. The result is allocated once, since a string that
/// grows leaves copies in memory.
pub(in crate::cli) fn escape_json(json: &str) -> String {
    let mut all = String::with_capacity(6 * json.len());
    for c in json.chars() {
        if is_hidden(c) && c != '\n' {
            let mut units = [0; 2];
            all.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            all.push(c);
        }
    }
    all
}

/// Returns true for a control character (C0, DEL, C1), a bidirectional control, a line separator,
/// an invisible character (Unicode's `Default_Ignorable_Code_Point` except variation selectors,
/// which emoji use), or a noncharacter.
pub(in crate::cli) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{escape_json, escape_line, escape_text, is_hidden};

    #[test]
    fn control_characters_are_escaped() {
        for (text, expected) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\rb\u{7f}\u{9b}", "a\\rb\\u{7f}\\u{9b}"),
            ("lx.\u{202e}lch", "lx.\\u{202e}lch"),
            ("a\u{200b}b\u{2066}\u{feff}", "a\\u{200b}b\\u{2066}\\u{feff}"),
            ("a\nb\tc", "a\nb\tc"),
            ("Ñandú \u{1f600}\u{fe0f}", "Ñandú \u{1f600}\u{fe0f}"),
        ] {
            assert_eq!(escape_text(text), expected);
        }
        assert_eq!(escape_line("a\nb\u{2028}c"), "a\\nb\\u{2028}c");
    }

    proptest! {
        #[test]
        fn escaped_json_has_the_same_value(text in any::<String>()) {
            prop_assert!(!escape_line(&text).chars().any(is_hidden));
            let json = escape_json(&serde_json::json!([text]).to_string());
            prop_assert!(!json.chars().any(is_hidden));
            let read: Vec<String> = serde_json::from_str(&json).expect("JSON");
            prop_assert_eq!(&read, &[text]);
        }
    }
}
