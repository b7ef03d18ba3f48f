use url::form_urlencoded;

use crate::{
    secrets::{EnvFormat, SecretKey, SecretVersion},
    server::api::{capacity::ReadKind, error::ApiError},
};

/// The query parameters for reading a secret.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReadQuery {
    pub(super) version: Option<SecretVersion>,
    pub(super) representation: Option<Representation>,
}

/// A representation of a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Representation {
    /// A JSON document.
    Json,
    /// Env lines, in the dialect of their reader.
    Env(EnvFormat),
    /// A bare value.
    Field(SecretKey),
}

impl Representation {
    /// Returns the kind of the read, for the capacity limits.
    pub(super) fn read_kind(&self) -> ReadKind {
        match self {
            Self::Json | Self::Field(_) => ReadKind::Secret,
            Self::Env(_) => ReadKind::EnvLines,
        }
    }
}

const VALID_PARAMETERS: &str = "valid parameters are version=N; format=json or format=env; with \
                                format=env dialect=compose, docker, systemd, python-dotenv or sh; \
                                and field=KEY; each once";

impl ReadQuery {
    /// Parses the query of a request to read a secret.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        Self::parse_parameters(query.unwrap_or_default()).ok_or(ApiError::Query(VALID_PARAMETERS))
    }

    fn parse_parameters(query: &str) -> Option<Self> {
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
        let representation = match (format.as_deref(), dialect, field) {
            (None, None, None) => None,
            (None | Some("env"), Some(dialect), None) => Some(Representation::Env(dialect?)),
            (Some("env"), None, None) => Some(Representation::Env(EnvFormat::Compose)),
            (Some("json"), None, None) => Some(Representation::Json),
            (None, None, Some(field)) => Some(Representation::Field(SecretKey::parse(&field)?)),
            _ => return None,
        };
        Some(Self { version, representation })
    }
}

/// Parses the query of a request for which `version` is required.
pub(super) fn parse_version(query: Option<&str>) -> Result<SecretVersion, ApiError> {
    const REQUIRED: ApiError =
        ApiError::Query("the parameter version=N is required, once and without others");
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    match (pairs.next(), pairs.next()) {
        (Some((name, version)), None) if name == "version" => version.parse().map_err(|_| REQUIRED),
        _ => Err(REQUIRED),
    }
}

/// Rejects a query with parameters.
pub(super) fn reject_query(query: Option<&str>) -> Result<(), ApiError> {
    match query {
        None | Some("") => Ok(()),
        Some(_) => Err(ApiError::Query("this request must not have query parameters")),
    }
}

#[cfg(test)]
mod tests {
    use super::{ReadQuery, Representation, parse_version};
    use crate::secrets::{EnvFormat, SecretKey, SecretVersion};

    #[test]
    fn valid_query_is_parsed() {
        let version = SecretVersion::new(3);
        let key = SecretKey::parse("A_B").expect("a key");
        for (query, version, representation) in [
            ("", None, None),
            ("version=3", version, None),
            ("format=json", None, Some(Representation::Json)),
            ("format=env", None, Some(Representation::Env(EnvFormat::Compose))),
            ("format=env&dialect=sh", None, Some(Representation::Env(EnvFormat::Sh))),
            ("dialect=docker&version=3", version, Some(Representation::Env(EnvFormat::Docker))),
            ("field=A%5FB&version=3", version, Some(Representation::Field(key))),
        ] {
            assert_eq!(
                ReadQuery::parse_parameters(query),
                Some(ReadQuery { version, representation }),
                "{query}"
            );
        }
    }

    #[test]
    fn exactly_one_version_is_required() {
        assert_eq!(parse_version(Some("version=3")).ok(), SecretVersion::new(3));
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
            let outcome = parse_version(query).map_err(|error| error.terms().code);
            assert_eq!(outcome, Err("query_invalid"), "{query:?}");
        }
    }

    #[test]
    fn invalid_query_is_rejected() {
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
            assert_eq!(ReadQuery::parse_parameters(query), None, "{query}");
        }
    }
}
