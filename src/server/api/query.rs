use url::form_urlencoded;

use crate::{
    secrets::{Dialect, Key, Version},
    server::api::{capacity::Read, error::ApiError},
};

/// Which version of a secret is asked for, and how it is to be given out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReadQuery {
    pub(super) version: Option<Version>,
    pub(super) form: Option<Form>,
}

/// How a secret is given out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A document.
    Json,
    /// Lines for an environment, in the dialect of whoever reads them.
    Env(Dialect),
    /// One bare value.
    Field(Key),
}

impl Form {
    /// What this asks of the capacity.
    pub(super) fn read(&self) -> Read {
        match self {
            Self::Json | Self::Field(_) => Read::Secret,
            Self::Env(_) => Read::Lines,
        }
    }
}

const PARAMETERS: &str = "the parameters are version=N, format=json or format=env, with that \
                          dialect=compose, docker, systemd, python-dotenv or sh, and field=KEY, \
                          each once";

impl ReadQuery {
    /// The query of a request to read. `text_wanted` says whether its headers ask for text.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        Self::read(query.unwrap_or_default()).ok_or(ApiError::Query(PARAMETERS))
    }

    fn read(query: &str) -> Option<Self> {
        let [mut version, mut format, mut dialect, mut field] = [None, None, None, None];
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let parameter = match &*name {
                "version" => &mut version,
                "format" => &mut format,
                "dialect" => &mut dialect,
                "field" => &mut field,
                _ => return None,
            };
            if parameter.replace(value).is_some() {
                return None;
            }
        }
        let version =
            version.map(|version| version.parse().ok()).map_or(Some(None), |v| v.map(Some))?;
        let dialect = dialect.map(|dialect| dialect.parse().ok());
        let form = match (format.as_deref(), dialect, field) {
            (None, None, None) => None,
            (None | Some("env"), Some(dialect), None) => Some(Form::Env(dialect?)),
            (Some("env"), None, None) => Some(Form::Env(Dialect::Compose)),
            (Some("json"), None, None) => Some(Form::Json),
            (None, None, Some(field)) => Some(Form::Field(Key::parse(&field)?)),
            _ => return None,
        };
        Some(Self { version, form })
    }
}

/// The version in the query of a request that has to name one.
pub(super) fn version(query: Option<&str>) -> Result<Version, ApiError> {
    const NEEDED: ApiError = ApiError::Query("the parameter is version=N, once");
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    match (pairs.next(), pairs.next()) {
        (Some((name, version)), None) if name == "version" => version.parse().map_err(|_| NEEDED),
        _ => Err(NEEDED),
    }
}

/// The query of a request that has no use for one.
pub(super) fn no_query(query: Option<&str>) -> Result<(), ApiError> {
    match query {
        None | Some("") => Ok(()),
        Some(_) => Err(ApiError::Query("there are no parameters here")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, ReadQuery, version};
    use crate::secrets::{Dialect, Key, Version};

    #[test]
    fn a_query_says_which_version_and_how() {
        let version = Version::new(3);
        let key = Key::parse("A_B").expect("a key");
        for (query, version, form) in [
            ("", None, None),
            ("version=3", version, None),
            ("format=json", None, Some(Form::Json)),
            ("format=env", None, Some(Form::Env(Dialect::Compose))),
            ("format=env&dialect=sh", None, Some(Form::Env(Dialect::Sh))),
            ("dialect=docker&version=3", version, Some(Form::Env(Dialect::Docker))),
            ("field=A%5FB&version=3", version, Some(Form::Field(key))),
        ] {
            assert_eq!(ReadQuery::read(query), Some(ReadQuery { version, form }), "{query}");
        }
    }

    #[test]
    fn one_version_has_to_be_named() {
        assert_eq!(version(Some("version=3")).ok(), Version::new(3));
        for query in [
            None,
            Some(""),
            Some("version="),
            Some("version=0"),
            Some("version=03"),
            Some("Version=3"),
            Some("version=3&version=3"),
            Some("version=3&x=1"),
            Some("x=3"),
            Some("3"),
        ] {
            let outcome = version(query).map_err(|error| error.terms().code);
            assert_eq!(outcome, Err("query_invalid"), "{query:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for query in [
            "version=",
            "version=0",
            "version=03",
            "version=x",
            "version=1&version=1",
            "Version=1",
            "format=yaml",
            "format=",
            "format=json&format=json",
            "format=json&dialect=sh",
            "dialect=fish",
            "dialect=",
            "field=",
            "field=A-B",
            "field=A&format=json",
            "field=A&dialect=sh",
            "field=A&field=A",
            "x",
            "x=1",
            "version=1&token=s.x",
            "=",
            "&x",
        ] {
            assert_eq!(ReadQuery::read(query), None, "{query}");
        }
    }
}
