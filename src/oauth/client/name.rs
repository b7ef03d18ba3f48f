/// The maximum length of a name, in characters.
const MAX_LENGTH: usize = 64;

/// Returns the name of a client for display; `None` if nothing of it is visible. Strangers choose
/// these names: invisible characters and those that change the direction of the text are removed,
/// white space becomes single spaces, and the rest is cut to 64 characters.
pub(super) fn client_name(text: &str) -> Option<String> {
    let visible: String = text.chars().filter(|c| c.is_whitespace() || !is_invisible(*c)).collect();
    let words: Vec<_> = visible.split_whitespace().collect();
    let name: String = words.join(" ").chars().take(MAX_LENGTH).collect();
    let name = name.trim_end();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Returns true for control characters and for those that are formatting only (Unicode's category
/// Cf), in particular the controls of bidirectional text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::client_name;

    #[test]
    fn names_are_cleaned() {
        for (text, expected) in [
            ("Claude", Some("Claude")),
            (" Visual  Studio\n\tCode ", Some("Visual Studio Code")),
            ("B\u{fc}cher \u{65e5}\u{672c}", Some("B\u{fc}cher \u{65e5}\u{672c}")),
            ("a\u{202e}b\u{2066}c\u{200f}d\u{61c}", Some("abcd")),
            ("a\u{0}\u{7}\u{7f}\u{9b}b", Some("ab")),
            ("\u{200b}\u{feff}\u{2060}", None),
            ("a\u{2028}b\u{85}c", Some("a b c")),
            ("<b>\"a\"</b>", Some("<b>\"a\"</b>")),
            ("", None),
            (" \r\n ", None),
        ] {
            assert_eq!(client_name(text).as_deref(), expected, "{text:?}");
        }
        let long = client_name(&"\u{e9}".repeat(100)).expect("a name");
        assert_eq!(long.chars().count(), 64);
        let cut_at_space = client_name(&format!("{} b", "a".repeat(63))).expect("a name");
        assert_eq!(cut_at_space, "a".repeat(63));
    }

    proptest! {
        #[test]
        fn clean_names_stay_the_same(text in any::<String>()) {
            if let Some(name) = client_name(&text) {
                prop_assert!((1..=64).contains(&name.chars().count()));
                prop_assert!(!name.chars().any(char::is_control));
                prop_assert_eq!(client_name(&name), Some(name));
            }
        }
    }
}
