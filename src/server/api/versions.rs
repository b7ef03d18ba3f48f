use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
};
use http::{
    HeaderMap, HeaderName, Response, StatusCode, Uri,
    header::{CONTENT_TYPE, ORIGIN},
};
use tokio::time::timeout;

use crate::{
    forwarded::Peer,
    secrets::{Current, NameError, SecretError, SecretPath},
    server::{
        api::{
            Api, answer,
            body::{self, Media},
            capacity::Read,
            document::{UndeletedDocument, VersionsDocument},
            error::ApiError,
            openapi::{Refusals, Unfound},
            query::{no_query, version},
            secrets::secret_at,
        },
        problem,
    },
    token::{Cause, Unavailable},
    vault::Secrets,
};

/// How long the versions of a secret may take.
const LIST_PATIENCE: Duration = Duration::from_secs(10);

type Answer = Result<Response<Body>, ApiError>;

const RESERVED: &str = "after a secret's name, `versions` and `undelete` are no part of it: the one \
                        takes GET, the other POST; a secret of such a name is reached by the \
                        command `secrets`";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a path below a tenant's secrets is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// A secret itself.
    Secret,
    /// The versions of one.
    Versions,
    /// Bringing a version back.
    Undelete,
}

impl Operation {
    /// The operation that the last part of this path stands for, if a name is before it.
    pub(super) fn of(path: &str) -> Self {
        let behind_tenant = path.strip_prefix("/v1/tenants/").and_then(|rest| rest.split_once('/'));
        let name = behind_tenant.and_then(|(_, rest)| rest.strip_prefix("secrets/"));
        match name.and_then(|name| name.rsplit_once('/')) {
            Some((_, "versions")) => Self::Versions,
            Some((_, "undelete")) => Self::Undelete,
            _ => Self::Secret,
        }
    }
}

/// List the versions of a secret
///
/// All that Vault has, each with its state: live, deleted or destroyed. A secret whose own name ends in `versions` is
/// not reached by this API; while there is one in this place, the answer is 409 `name_ambiguous`.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/secrets/{name}/versions", operation_id = "list_versions",
    tag = "secrets",
    params(
        ("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("name" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
    ),
    responses(
        (status = 200, description = "The versions, the oldest first", body = VersionsDocument<'_>),
        Unfound, Refusals,
    ),
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visitor = api.receive(&parts.headers, peer).await?;
    let path = secret_before(&parts.uri, "/versions")?;
    no_query(parts.uri.query())?;
    let caller = visitor.admit().await?;
    let (memory, turn) = caller.begin(Read::Secret).await?;
    let secrets = caller.secrets();
    let found = async {
        if has_namesake(secrets, &parts.uri).await? {
            return Ok(Err(ApiError::NameAmbiguous));
        }
        secrets.history(&path).await.map(Ok)
    };
    let found = timeout(LIST_PATIENCE, found).await.unwrap_or_else(|_| {
        Err(Unavailable::new(Cause::Vault, "vault: the versions took too long").into())
    });
    let versions = match found {
        Ok(found) => found?,
        Err(error) => return Err(caller.explain(error).await),
    };
    drop(turn);
    Ok(memory.send(answer::json(StatusCode::OK, &VersionsDocument::new(&path, &versions))))
}

/// Bring a deleted version back
///
/// It is as it was before; which version is the latest does not change. One that is live stays so,
/// and the answer is the same, so that the call can be repeated. A destroyed version is gone: 404
/// `secret_destroyed`. There is no body; if there is one, it is `{}`.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/secrets/{name}/undelete", operation_id = "undelete_version",
    tag = "secrets",
    params(
        ("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("name" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("version" = u64, Query, minimum = 1),
    ),
    responses(
        (status = 200, description = "The version is live", body = UndeletedDocument<'_>),
        (status = 408, description = "The body did not come in time: `body_timeout`",
            body = super::openapi::Problem, content_type = "application/problem+json"),
        (status = 413, description = "It is too large: `body_too_large`",
            body = super::openapi::Problem, content_type = "application/problem+json"),
        (status = 415, description = "A body is not JSON, or a browser sent none: \
            `media_type_unsupported`",
            body = super::openapi::Problem, content_type = "application/problem+json"),
        (status = 422, description = "There is something in the body: `body_invalid`",
            body = super::openapi::Problem, content_type = "application/problem+json"),
        Unfound, Refusals,
    ),
)]
pub(super) async fn undelete(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Answer {
    let (parts, body) = request.into_parts();
    let visitor = api.receive(&parts.headers, peer).await?;
    let path = secret_before(&parts.uri, "/undelete")?;
    let version = version(parts.uri.query())?;
    if comes_with_a_type_or_from_a_browser(&parts.headers) {
        body::check_head(&parts.headers, Media::Json)?;
    }
    let caller = visitor.admit().await?;
    let memory = caller.reserve(Some(0)).await?;
    body::expect_nothing(body, &parts.headers).await?;
    let _turn = caller.turn().await?;
    match caller.secrets().undelete(&path, version).await {
        Ok(undeleted) => {
            let document = UndeletedDocument::new(&path, &undeleted);
            Ok(memory.send(answer::json(StatusCode::OK, &document)))
        }
        Err(error) => Err(caller.explain(error).await),
    }
}

/// Refuses the methods that these paths do not take, so that no secret is written here that could not
/// be read.
pub(super) async fn reserved(headers: HeaderMap) -> Response<Body> {
    problem::method_not_allowed(&headers, Some(RESERVED)).map(Body::from)
}

/// The secret that the path names before this end.
fn secret_before(uri: &Uri, end: &str) -> Result<SecretPath, NameError> {
    secret_at(uri.path().strip_suffix(end).ok_or(NameError::Secret)?)
}

/// Whether there is a secret whose name is the whole path, and the caller may read it: then the
/// caller may have meant that one.
async fn has_namesake(secrets: Secrets<'_>, uri: &Uri) -> Result<bool, SecretError> {
    // A name of five parts is none.
    let Ok(namesake) = secret_at(uri.path()) else { return Ok(false) };
    match secrets.current(&namesake).await {
        Ok(current) => Ok(matches!(current, Current::Live(_))),
        Err(SecretError::Denied) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the request has to say that it is JSON, which no form and no script of another site can
/// without being asked about first (Fetch, 4.8). What is no browser may leave it out, as there is no
/// body; a browser says where a POST comes from.
fn comes_with_a_type_or_from_a_browser(headers: &HeaderMap) -> bool {
    [CONTENT_TYPE, ORIGIN, SEC_FETCH_SITE].iter().any(|name| headers.contains_key(name))
}

#[cfg(test)]
mod tests {
    use super::Operation;

    #[test]
    fn last_part_behind_a_name_is_an_operation() {
        for (name, operation) in [
            ("crm", Operation::Secret),
            ("crm/versions", Operation::Versions),
            ("a/b/c/d/versions", Operation::Versions),
            ("mcp/x/undelete", Operation::Undelete),
            ("versions", Operation::Secret),
            ("undelete", Operation::Secret),
            ("versions/versions", Operation::Versions),
            ("versions/crm", Operation::Secret),
            ("crm/versions/", Operation::Secret),
            ("crm/Versions", Operation::Secret),
            ("crm%2fversions", Operation::Secret),
        ] {
            let path = format!("/v1/tenants/secrets/secrets/{name}");
            assert_eq!(Operation::of(&path), operation, "{name}");
        }
    }
}
