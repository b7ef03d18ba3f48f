//! What an audit device of Vault's tells of: revocations and the like, so that they are noticed
//! before the cache would. It is a help and no guarantee: of a token that ends with its parent,
//! its lease or its mount there is no line.

use serde::Deserialize;
use serde_json::Deserializer;

/// An entry of the audit log, as far as it is of use here.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    error: Option<String>,
    auth: Option<Auth>,
    request: Option<Request>,
}

#[derive(Deserialize)]
struct Auth {
    accessor: Option<String>,
}

#[derive(Deserialize)]
struct Request {
    operation: Option<String>,
    path: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    accessor: Option<String>,
}

/// What has to be forgotten because of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Consequence {
    /// Nothing.
    Nothing,
    /// The token with this accessor.
    Accessor(String),
    /// All tokens of this entity.
    Entity(String),
    /// Everything, since the entry does not say whom it is about.
    Everything,
}

/// The consequences of these entries, one JSON object after another.
pub(super) fn consequences(entries: &[u8]) -> Result<Vec<Consequence>, serde_json::Error> {
    Deserializer::from_slice(entries)
        .into_iter::<Line>()
        .map(|line| line.map(|line| consequence(&line)))
        .collect()
}

/// Of the two entries for each request it is the second, the response, that tells it was done.
fn consequence(line: &Line) -> Consequence {
    let Some(Request { operation, path: Some(path), data }) = &line.request else {
        return Consequence::Nothing;
    };
    let failed = line.error.as_deref().is_some_and(|error| !error.is_empty());
    let changes = matches!(operation.as_deref(), Some("create" | "update" | "patch" | "delete"));
    if line.kind != "response" || failed || !changes {
        return Consequence::Nothing;
    }
    let readable = |accessor: Option<&String>| match accessor {
        Some(accessor) if !accessor.starts_with("hmac-") => Consequence::Accessor(accessor.clone()),
        _ => Consequence::Everything,
    };
    match path.as_str() {
        "auth/token/revoke-accessor" => {
            readable(data.as_ref().and_then(|data| data.accessor.as_ref()))
        }
        "auth/token/revoke-self" => {
            readable(line.auth.as_ref().and_then(|auth| auth.accessor.as_ref()))
        }
        path => match path.strip_prefix("identity/entity/id/") {
            Some(entity) => Consequence::Entity(entity.to_owned()),
            None if concerns_everybody(path, operation.as_deref()) => Consequence::Everything,
            None => Consequence::Nothing,
        },
    }
}

/// Whether a change of this path may end tokens or change what they are granted.
fn concerns_everybody(path: &str, operation: Option<&str>) -> bool {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
    begins(&["auth/token/revoke", "sys/leases/revoke", "sys/policies/acl/", "sys/policy/"])
        || begins(&["identity/entity", "identity/group"])
        || (operation == Some("delete") && begins(&["sys/auth/"]))
}
