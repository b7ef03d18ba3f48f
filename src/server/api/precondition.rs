use http::{
    HeaderMap, HeaderName,
    header::{IF_MATCH, IF_NONE_MATCH},
};

use crate::{
    secrets::{Precondition, SecretError, Version},
    server::api::error::ApiError,
};

const FORMS: &str = "a precondition is If-None-Match: *, or If-Match: *, or If-Match: \"3\" with the \
                     version in quotes, as ETag has it";

/// What these headers want to be so before a secret is written to (RFC 9110, 13.1).
pub(super) fn precondition(headers: &HeaderMap) -> Result<Precondition, ApiError> {
    let misunderstood = || ApiError::Precondition(FORMS);
    let present = match only(headers, &IF_MATCH)? {
        None => None,
        Some("*") => Some(Precondition::Present),
        Some(tag) => Some(Precondition::Latest(version(tag).ok_or_else(misunderstood)?)),
    };
    match (present, only(headers, &IF_NONE_MATCH)?) {
        (None, None) => Ok(Precondition::None),
        (None, Some("*")) => Ok(Precondition::Absent),
        (Some(precondition), None) => Ok(precondition),
        // There is one, and there is none.
        (Some(_), Some("*")) => Err(ApiError::Secret(SecretError::Conflict)),
        (_, Some(_)) => Err(misunderstood()),
    }
}

/// Whether the client says that it has this version already. A list of versions is understood, and
/// what is no version of ours is not what the client would get.
pub(super) fn is_known(headers: &HeaderMap, present: Version) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || version(tag) == Some(present)
    })
}

/// The value of a header that may be there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ApiError> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            value.to_str().map(|text| Some(text.trim())).map_err(|_| ApiError::Precondition(FORMS))
        }
        (Some(_), Some(_)) => Err(ApiError::Precondition(FORMS)),
    }
}

/// The version that this entity tag stands for.
fn version(tag: &str) -> Option<Version> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{is_known, precondition};
    use crate::secrets::{Precondition, Version};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_precondition_is_a_version_or_a_star() {
        let three = Precondition::Latest(Version::new(3).expect("a version"));
        for (pairs, expected) in [
            ([].as_slice(), Precondition::None),
            (&[("if-match", "\"3\"")], three),
            (&[("if-match", " \"3\" ")], three),
            (&[("if-match", "*")], Precondition::Present),
            (&[("if-none-match", "*")], Precondition::Absent),
        ] {
            let read = precondition(&headers(pairs)).map_err(|error| error.terms().code);
            assert_eq!(read, Ok(expected), "{pairs:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_passed_over() {
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
            let read = precondition(&headers(pairs)).map_err(|error| error.terms().code);
            assert_eq!(read, Err("precondition_invalid"), "{pairs:?}");
        }
        for tag in ["*", "\"3\""] {
            let both = precondition(&headers(&[("if-match", tag), ("if-none-match", "*")]));
            assert_eq!(both.map_err(|error| error.terms().code), Err("version_conflict"));
        }
        let mut twice = headers(&[("if-match", "\"3\"")]);
        twice.append("if-match", HeaderValue::from_static("\"3\""));
        assert!(precondition(&twice).is_err());
    }

    #[test]
    fn a_client_may_say_what_it_has() {
        let three = Version::new(3).expect("a version");
        for (tags, expected) in [
            ("\"3\"", true),
            ("W/\"3\"", true),
            ("*", true),
            ("\"1\", \"3\"", true),
            ("\"2\"", false),
            ("3", false),
            ("\"33\"", false),
        ] {
            assert_eq!(is_known(&headers(&[("if-none-match", tags)]), three), expected, "{tags}");
        }
        assert!(!is_known(&HeaderMap::new(), three));
    }
}
