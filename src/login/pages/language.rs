use std::cmp::Reverse;

use http::HeaderValue;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English, also for those who prefer neither.
    English,
    /// Spanish.
    Spanish,
}

impl Language {
    /// Returns the language that the values of `Accept-Language` prefer (RFC 9110, 12.5.4). Of two
    /// with the same quality it is the one listed first. Malformed ranges are ignored.
    #[must_use]
    pub fn from_accept_language<'v>(values: impl Iterator<Item = &'v [u8]>) -> Self {
        let items = values.flat_map(|value| value.split(|byte| *byte == b','));
        let ranges: Vec<LanguageRange<'_>> = items.filter_map(LanguageRange::parse).collect();
        let (english, spanish) = (preference(&ranges, "en"), preference(&ranges, "es"));
        // Of equal qualities, the smaller position is the greater key.
        let key = |found: &LanguagePreference| (found.quality, Reverse(found.position));
        if spanish.quality > 0 && key(&spanish) > key(&english) {
            return Self::Spanish;
        }
        Self::English
    }

    /// Returns the language tag (RFC 5646).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }

    /// Returns the value of `Content-Language`.
    pub(super) fn header_value(self) -> HeaderValue {
        HeaderValue::from_static(self.tag())
    }
}

/// A language range: `es-CL;q=0.9` (RFC 4647, 2.1).
struct LanguageRange<'r> {
    /// The first subtag: `es`, or `*` for any language.
    primary: &'r str,
    /// The quality in thousandths.
    quality: u16,
}

impl<'r> LanguageRange<'r> {
    fn parse(item: &'r [u8]) -> Option<Self> {
        let item = str::from_utf8(item).ok()?;
        let (range, quality) = match item.split_once(';') {
            Some((range, weight)) => (range, parse_weight(weight.trim_matches([' ', '\t']))?),
            None => (item, 1000),
        };
        let mut subtags = range.trim_matches([' ', '\t']).split('-');
        let primary = subtags.next()?;
        let is_subtag = |tag: &str| {
            (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        let is_language = is_subtag(primary) && primary.bytes().all(|b| b.is_ascii_alphabetic());
        let mut rest = subtags.peekable();
        let is_valid = if primary == "*" { rest.peek().is_none() } else { is_language };
        (is_valid && rest.all(is_subtag)).then_some(Self { primary, quality })
    }
}

/// The place of a language among the ranges.
struct LanguagePreference {
    /// The quality in thousandths; 0 if it is not acceptable.
    quality: u16,
    /// The position of the range in the list.
    position: usize,
}

/// Returns the best quality of the ranges of a language or, without any, that of `*`.
fn preference(ranges: &[LanguageRange<'_>], language: &str) -> LanguagePreference {
    let best = |primary: &str| {
        let indexed = ranges.iter().enumerate();
        let matching = indexed.filter(|(_, range)| range.primary.eq_ignore_ascii_case(primary));
        // Of equal ones `max_by_key` returns the last.
        matching.rev().max_by_key(|(_, range)| range.quality)
    };
    match best(language).or_else(|| best("*")) {
        Some((position, range)) => LanguagePreference { quality: range.quality, position },
        None => LanguagePreference { quality: 0, position: usize::MAX },
    }
}

/// Parses `q=0.9`, in thousandths; `None` if it is malformed.
fn parse_weight(text: &str) -> Option<u16> {
    let value = text.strip_prefix("q=").or(text.strip_prefix("Q="))?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", _) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Language::{self, English, Spanish};

    #[test]
    fn preferred_language_is_chosen() {
        for (values, expected) in [
            (&[][..], English),
            (&[""], English),
            (&["*"], English),
            (&["fr, de;q=0.5"], English),
            (&["en-US,en;q=0.9"], English),
            (&["es"], Spanish),
            (&["ES-cl"], Spanish),
            (&["es-CL,es;q=0.9,en;q=0.8"], Spanish),
            (&["es-419, en;q=0.999"], Spanish),
            (&["en,es;q=0.9"], English),
            (&["en;q=0.8,es;q=0.9"], Spanish),
            (&["en;q=0.80\t,  es ; q=0.801"], Spanish),
            (&["es,en"], Spanish),
            (&["en,es"], English),
            (&["fr, es;q=0.1"], Spanish),
            (&["fr", "es;q=0.2", "en;q=0.1"], Spanish),
            (&["en;q=0, *"], Spanish),
            (&["en;q=0.3, *;q=0.2"], English),
            (&["es;q=0.5, *"], English),
            (&["es;q=0"], English),
            (&["es;q=0.000, en;q=0"], English),
            (&["es;q=0, es-CL, en;q=0.9"], Spanish),
            (&["est, eso, e"], English),
        ] {
            let values = values.iter().map(|value: &&str| value.as_bytes());
            let values: Vec<&[u8]> = values.collect();
            let language = Language::from_accept_language(values.iter().copied());
            assert_eq!(language, expected, "{values:?}");
        }
    }

    #[test]
    fn malformed_ranges_are_ignored() {
        for item in [
            "es;q=1.1",
            "es;q=2",
            "es;q=1.0001",
            "es;q=0.9999",
            "es;q=-1",
            "es;q=+1",
            "es;q=",
            "es;q=x",
            "es;q=0.5;q=1",
            "es;level=1",
            "es;",
            "es CL",
            "es_CL",
            "es-",
            "es-toolongsubtag",
            "e\u{301}s",
            "*-es",
            ";q=1",
        ] {
            let list = format!("{item}, en;q=0.001");
            let language = Language::from_accept_language([list.as_bytes()].into_iter());
            assert_eq!(language, English, "{item}");
            let list = format!("{item}, es-CL;q=0.7, en;q=0.6");
            let language = Language::from_accept_language([list.as_bytes()].into_iter());
            assert_eq!(language, Spanish, "{item}");
        }
        let not_utf8 = [b"\xff, es".as_slice()];
        assert_eq!(Language::from_accept_language(not_utf8.into_iter()), Spanish);
    }

    proptest! {
        /// Any bytes are read, and a language of higher quality in front wins.
        #[test]
        fn any_bytes_are_read(bytes in any::<Vec<u8>>(), quality in 1..1000_u16) {
            let _ = Language::from_accept_language([bytes.as_slice()].into_iter());
            let list = format!("en;q=0.{quality:03},es");
            let language = Language::from_accept_language([list.as_bytes()].into_iter());
            prop_assert_eq!(language, Spanish);
        }
    }
}
