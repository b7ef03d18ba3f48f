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
    secrets::{NameError, SecretError, SecretPath, SecretState},
    server::{
        api::{
            body::{self, MediaType},
            capacity::ReadKind,
            error::{ApiError, ApiResult},
            error_responses::{CommonErrors, NotFoundErrors},
            payload::{SecretVersionsResponse, UndeletedVersionResponse},
            query::{parse_version, reject_query},
            response,
            secrets::parse_secret_path,
            state::ApiState,
        },
        problem,
    },
    telemetry::SecretOperation,
    token::{Unavailable, UnavailableReason},
    vault::SecretsClient,
};

/// The maximum time for listing the versions of a secret.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

const RESERVED_NAME: &str = "after a secret's name, `versions` and `undelete` are endpoints: the \
                             first takes GET, the second POST; use the command `secrets` for a \
                             secret with such a name";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// An endpoint below the path of a tenant's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretEndpoint {
    /// The secret itself.
    Secret,
    /// The versions of the secret.
    Versions,
    /// The restoration of a deleted version.
    Undelete,
}

impl SecretEndpoint {
    /// Returns the endpoint by the last segment of the path, if a name precedes it.
    pub(super) fn from_path(path: &str) -> Self {
        let after_tenant = path.strip_prefix("/v1/tenants/").and_then(|rest| rest.split_once('/'));
        let name = after_tenant.and_then(|(_, rest)| rest.strip_prefix("secrets/"));
        match name.and_then(|name| name.rsplit_once('/')) {
            Some((_, "versions")) => Self::Versions,
            Some((_, "undelete")) => Self::Undelete,
            _ => Self::Secret,
        }
    }
}

/// List the versions of a secret
///
/// Returns all versions that Vault has, each with its state: live, deleted or destroyed. A secret
/// whose own name ends in `versions` is not accessible through this API; while one exists at this
/// path, the response is 409 `name_ambiguous`.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/secrets/{name}/versions", operation_id = "list_versions",
    tag = "secrets",
    params(
        ("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("name" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
    ),
    responses(
        (status = 200, description = "The versions in ascending order",
            body = SecretVersionsResponse<'_>),
        NotFoundErrors, CommonErrors,
    ),
)]
pub(super) async fn list(
    State(api): State<Arc<ApiState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> ApiResult {
    let (parts, _) = request.into_parts();
    let caller = api.begin_request(&parts.headers, peer).await?;
    let path = parse_path_before(&parts.uri, "/versions")?;
    reject_query(parts.uri.query())?;
    let caller = caller.authenticate(SecretOperation::Versions).await?;
    let (memory, permit) = caller.acquire_read(ReadKind::Secret).await?;
    let secrets = caller.secrets();
    let found = async {
        if has_secret_with_path_as_name(secrets, &parts.uri).await? {
            return Ok(Err(ApiError::NameAmbiguous));
        }
        secrets.version_history(&path).await.map(Ok)
    };
    let found = timeout(LIST_TIMEOUT, found).await.unwrap_or_else(|_| {
        Err(Unavailable::new(
            UnavailableReason::NoValidResponse,
            "vault: timed out listing the versions",
        )
        .into())
    });
    let versions = match found {
        Ok(found) => found?,
        Err(error) => return Err(caller.map_error(error).await),
    };
    drop(permit);
    Ok(memory
        .attach_to(response::json(StatusCode::OK, &SecretVersionsResponse::new(&path, &versions))))
}

/// Undelete a version
///
/// Restores a deleted version unchanged; the latest version stays the same. A live version stays
/// live with the same response, so that the request can be repeated. A destroyed version cannot be
/// restored: 404 `secret_destroyed`. The body has to be empty or `{}`.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/secrets/{name}/undelete", operation_id = "undelete_version",
    tag = "secrets",
    params(
        ("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("name" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("version" = u64, Query, minimum = 1),
    ),
    responses(
        (status = 200, description = "The version is live", body = UndeletedVersionResponse<'_>),
        (status = 408, description = "The body did not arrive in time: `body_timeout`",
            body = super::error_responses::Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large: `body_too_large`",
            body = super::error_responses::Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON, or a browser sent none: \
            `media_type_unsupported`",
            body = super::error_responses::Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is not empty: `body_invalid`",
            body = super::error_responses::Problem, content_type = "application/problem+json"),
        NotFoundErrors, CommonErrors,
    ),
)]
pub(super) async fn undelete(
    State(api): State<Arc<ApiState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> ApiResult {
    let (parts, body) = request.into_parts();
    let caller = api.begin_request(&parts.headers, peer).await?;
    let path = parse_path_before(&parts.uri, "/undelete")?;
    let version = parse_version(parts.uri.query())?;
    if needs_content_type(&parts.headers) {
        body::check_content_headers(&parts.headers, MediaType::Json)?;
    }
    let caller = caller.authenticate(SecretOperation::Undelete).await?;
    let memory = caller.acquire_body(Some(0)).await?;
    body::expect_empty(body, &parts.headers).await?;
    let _permit = caller.acquire_write().await?;
    match caller.secrets().undelete(&path, version).await {
        Ok(undeleted) => {
            let payload = UndeletedVersionResponse::new(&path, &undeleted);
            Ok(memory.attach_to(response::json(StatusCode::OK, &payload)))
        }
        Err(error) => Err(caller.map_error(error).await),
    }
}

/// Rejects the methods that these endpoints do not support, so that no secret is written at a path
/// where it could not be read.
pub(super) async fn reject_method(headers: HeaderMap) -> Response<Body> {
    problem::method_not_allowed(&headers, Some(RESERVED_NAME)).map(Body::from)
}

/// Parses the secret in the path before this suffix.
fn parse_path_before(uri: &Uri, suffix: &str) -> Result<SecretPath, NameError> {
    parse_secret_path(uri.path().strip_suffix(suffix).ok_or(NameError::Secret)?)
}

/// Returns true if a secret exists whose name is the whole path, and the caller may read it. The
/// request is ambiguous then.
async fn has_secret_with_path_as_name(
    secrets: SecretsClient<'_>,
    uri: &Uri,
) -> Result<bool, SecretError> {
    // A name of five segments is not valid.
    let Ok(path) = parse_secret_path(uri.path()) else { return Ok(false) };
    match secrets.state(&path).await {
        Ok(current) => Ok(matches!(current, SecretState::Live(_))),
        Err(SecretError::PermissionDenied) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns true if the request needs the content type of JSON, which a form or script of another
/// site cannot send without a preflight request (Fetch, 4.8). Clients that are not browsers may
/// omit it, since the body is empty; a browser sends `Origin` or `Sec-Fetch-Site` with a POST.
fn needs_content_type(headers: &HeaderMap) -> bool {
    [CONTENT_TYPE, ORIGIN, SEC_FETCH_SITE].iter().any(|name| headers.contains_key(name))
}

#[cfg(test)]
mod tests {
    use super::SecretEndpoint;

    #[test]
    fn last_segment_selects_endpoint() {
        for (name, endpoint) in [
            ("crm", SecretEndpoint::Secret),
            ("crm/versions", SecretEndpoint::Versions),
            ("a/b/c/d/versions", SecretEndpoint::Versions),
            ("mcp/x/undelete", SecretEndpoint::Undelete),
            ("versions", SecretEndpoint::Secret),
            ("undelete", SecretEndpoint::Secret),
            ("versions/versions", SecretEndpoint::Versions),
            ("versions/crm", SecretEndpoint::Secret),
            ("crm/versions/", SecretEndpoint::Secret),
            ("crm/Versions", SecretEndpoint::Secret),
            ("crm%2fversions", SecretEndpoint::Secret),
        ] {
            let path = format!("/v1/tenants/secrets/secrets/{name}");
            assert_eq!(SecretEndpoint::from_path(&path), endpoint, "{name}");
        }
    }
}
