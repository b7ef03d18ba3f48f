use http::{HeaderMap, header::ACCEPT};

/// Returns true if the client prefers text to JSON (RFC 9110, 12.5.1). Without a preference, JSON
/// is the default.
pub(super) fn prefers_text(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT).into_iter().filter_map(|list| list.to_str().ok());
    let ranges: Vec<MediaRange<'_>> =
        lists.flat_map(|list| list.split(',')).map(MediaRange::parse).collect();
    let preference = |kind: &str, subtype: &str| {
        let matching = ranges.iter().filter_map(|range| range.matches(kind, subtype));
        // The quality of the most specific range applies.
        matching.max_by_key(|(specificity, _)| *specificity).filter(|(_, quality)| *quality > 0)
    };
    match (preference("text", "plain"), preference("application", "json")) {
        (Some(text), Some(json)) => (text.1, text.0) > (json.1, json.0),
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// A media range: `text/*;q=0.5`.
struct MediaRange<'r> {
    kind: &'r str,
    subtype: &'r str,
    /// The quality in thousandths.
    quality: u16,
}

impl<'r> MediaRange<'r> {
    fn parse(text: &'r str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default();
        let (kind, subtype) = range.split_once('/').unwrap_or((range, ""));
        let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        Self { kind, subtype, quality: quality.map_or(1000, parse_qvalue) }
    }

    /// Returns the specificity, from 1 to 3, and the quality if this range matches a media type.
    fn matches(&self, kind: &str, subtype: &str) -> Option<(u8, u16)> {
        let same = |range: &str, name: &str| range.eq_ignore_ascii_case(name);
        let specificity = match (self.kind, self.subtype) {
            ("*", "*") => 1,
            (own, "*") if same(own, kind) => 2,
            (own, sub) if same(own, kind) && same(sub, subtype) => 3,
            _ => return None,
        };
        Some((specificity, self.quality))
    }
}

/// Parses a quality value, 0 to 1 with up to three decimals, in thousandths. Returns 0 if it is
/// invalid.
fn parse_qvalue(text: &str) -> u16 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_valid = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" => 1000,
        "0" if is_valid => format!("{decimals:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::ACCEPT};

    use super::prefers_text;

    #[test]
    fn accept_header_selects_text() {
        for (accept, expected) in [
            ("text/plain", true),
            ("TEXT/PLAIN; charset=utf-8", true),
            ("text/*", true),
            ("text/plain, */*", true),
            ("text/plain, */*;q=0.1", true),
            ("application/json;q=0.5, text/plain;q=0.6", true),
            ("application/json", false),
            ("application/json, text/plain", false),
            ("application/json, text/*", false),
            ("text/plain;q=0", false),
            ("text/plain;q=0.5, application/json", false),
            ("text/plain;q=0.5, */*", false),
            ("*/*", false),
            ("", false),
            ("text/html", false),
            ("text/plain;q=x", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(prefers_text(&headers), expected, "{accept}");
        }
        assert!(!prefers_text(&HeaderMap::new()));
    }
}
