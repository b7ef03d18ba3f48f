use http::{
    HeaderMap, HeaderName,
    header::{IF_MATCH, IF_NONE_MATCH},
};

use crate::{
    secrets::{SecretError, SecretVersion, WriteCondition},
    server::api::error::ApiError,
};

const VALID_FORMS: &str = "valid preconditions are If-None-Match: *, If-Match: * and \
                           If-Match: \"3\", with the version in quotes as in ETag";

/// Parses the precondition for a write (RFC 9110, 13.1).
pub(super) fn parse_precondition(headers: &HeaderMap) -> Result<WriteCondition, ApiError> {
    let invalid = || ApiError::Precondition(VALID_FORMS);
    let present = match single_header(headers, &IF_MATCH)? {
        None => None,
        Some("*") => Some(WriteCondition::Present),
        Some(tag) => Some(WriteCondition::Latest(parse_etag(tag).ok_or_else(invalid)?)),
    };
    match (present, single_header(headers, &IF_NONE_MATCH)?) {
        (None, None) => Ok(WriteCondition::None),
        (None, Some("*")) => Ok(WriteCondition::Absent),
        (Some(precondition), None) => Ok(precondition),
        // A secret cannot both exist and not exist.
        (Some(_), Some("*")) => Err(ApiError::Secret(SecretError::Conflict)),
        (_, Some(_)) => Err(invalid()),
    }
}

/// Returns true if `If-None-Match` matches the current version. It may be a list; a tag that is not
/// a version matches none.
pub(super) fn if_none_match_hits(headers: &HeaderMap, current: SecretVersion) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || parse_etag(tag) == Some(current)
    })
}

/// Returns the value of a header that may occur once.
fn single_header<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h str>, ApiError> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value
            .to_str()
            .map(|text| Some(text.trim()))
            .map_err(|_| ApiError::Precondition(VALID_FORMS)),
        (Some(_), Some(_)) => Err(ApiError::Precondition(VALID_FORMS)),
    }
}

/// Parses an entity tag as a version.
fn parse_etag(tag: &str) -> Option<SecretVersion> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{if_none_match_hits, parse_precondition};
    use crate::secrets::{SecretVersion, WriteCondition};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn valid_preconditions_are_parsed() {
        let three = WriteCondition::Latest(SecretVersion::new(3).expect("a version"));
        for (pairs, expected) in [
            ([].as_slice(), WriteCondition::None),
            (&[("if-match", "\"3\"")], three),
            (&[("if-match", " \"3\" ")], three),
            (&[("if-match", "*")], WriteCondition::Present),
            (&[("if-none-match", "*")], WriteCondition::Absent),
        ] {
            let read = parse_precondition(&headers(pairs)).map_err(|error| error.terms().code);
            assert_eq!(read, Ok(expected), "{pairs:?}");
        }
    }

    #[test]
    fn invalid_precondition_is_rejected() {
        for pairs in [
            [("if-match", "3")].as_slice(),
            &[("if-match", "")],
            &[("if-match", "\"x\"")],
            &[("if-match", "\"0\"")],
            &[("if-match", "W/\"3\"")],
            &[("if-match", "\"3\", \"4\"")],
            &[("if-none-match", "\"3\"")],
            &[("if-match", "\"3\""), ("if-none-match", "\"3\"")],
        ] {
            let read = parse_precondition(&headers(pairs)).map_err(|error| error.terms().code);
            assert_eq!(read, Err("precondition_invalid"), "{pairs:?}");
        }
        for tag in ["*", "\"3\""] {
            let both = parse_precondition(&headers(&[("if-match", tag), ("if-none-match", "*")]));
            assert_eq!(both.map_err(|error| error.terms().code), Err("version_conflict"));
        }
        let mut twice = headers(&[("if-match", "\"3\"")]);
        twice.append("if-match", HeaderValue::from_static("\"3\""));
        assert!(parse_precondition(&twice).is_err());
    }

    #[test]
    fn if_none_match_hits_version() {
        let three = SecretVersion::new(3).expect("a version");
        for (tags, expected) in [
            ("\"3\"", true),
            ("W/\"3\"", true),
            ("*", true),
            ("\"1\", \"3\"", true),
            ("\"2\"", false),
            ("3", false),
            ("\"33\"", false),
        ] {
            assert_eq!(
                if_none_match_hits(&headers(&[("if-none-match", tags)]), three),
                expected,
                "{tags}"
            );
        }
        assert!(!if_none_match_hits(&HeaderMap::new(), three));
    }
}
