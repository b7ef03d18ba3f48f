use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header::LOCATION};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::{
    forwarded::Peer,
    secrets::{
        DecryptedSecret, EnvFormat, NameError, SecretData, SecretPatch, SecretPath, WriteKind,
        WriteResult,
    },
    server::api::{
        accept,
        body::{self, MediaType},
        error::{ApiError, ApiResult},
        error_responses::{CommonErrors, NotFoundErrors, ReadErrors, WriteErrors},
        payload::{SecretResponse, WrittenVersionResponse},
        precondition::{if_none_match_hits, parse_precondition},
        query::{ReadQuery, Representation, reject_query},
        response::{self, TEXT},
        state::ApiState,
    },
    telemetry::SecretOperation,
};

/// Read a secret
///
/// Returns JSON by default, env lines with `format=env` or `Accept: text/plain`, and a bare value
/// with `field`.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/secrets/{name}", operation_id = "read_secret",
    tag = "secrets",
    params(
        ("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("name" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("version" = Option<u64>, Query, minimum = 1,
            description = "The version; the default is the latest"),
        ("format" = Option<String>, Query, pattern = "^(json|env)$"),
        ("dialect" = Option<String>, Query, pattern = "^(compose|docker|systemd|python-dotenv|sh)$",
            description = "The reader of the env lines, with format=env; the default is compose"),
        ("field" = Option<String>, Query, pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$",
            description = "The key of one value; can be combined with version only"),
        ("If-None-Match" = Option<String>, Header,
            description = "The ETag of a version that the client has"),
    ),
    responses(
        (status = 200, description = "The secret",
            content((SecretResponse<'_> = "application/json"), (String = "text/plain")),
            headers(("ETag" = String, description = "The version, in double quotes"))),
        (status = 304, description = "The client has this version"),
        ReadErrors, NotFoundErrors, CommonErrors,
    ),
)]
pub(super) async fn read(
    State(api): State<Arc<ApiState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> ApiResult {
    let (parts, _) = request.into_parts();
    let caller = api.begin_request(&parts.headers, peer).await?;
    let path = parse_path(&parts.uri)?;
    let ReadQuery { version, representation } = ReadQuery::parse(parts.uri.query())?;
    let representation = representation.unwrap_or_else(|| default_representation(&parts.headers));
    let caller = caller.authenticate(SecretOperation::Read).await?;
    let (memory, permit) = caller.acquire_read(representation.read_kind()).await?;
    let secret = match caller.secrets().read(&path, version).await {
        Ok(secret) => secret,
        Err(error) => return Err(caller.map_error(error).await),
    };
    drop(permit);
    let response = if if_none_match_hits(&parts.headers, secret.version) {
        response::empty(StatusCode::NOT_MODIFIED)
    } else {
        render_secret(&path, &secret, &representation)?
    };
    Ok(memory.attach_to(response::with_etag(response, secret.version)))
}

/// Write a secret
///
/// Replaces all data: keys that are not in the body are not in the new version. `If-None-Match: *`
/// requires that the secret does not exist, `If-Match` that this is still the latest version.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant}/secrets/{name}", operation_id = "write_secret",
    tag = "secrets",
    params(
        ("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("name" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("If-Match" = Option<String>, Header, pattern = r#"^(\*|"[1-9][0-9]{0,17}")$"#,
            example = "\"1\""),
        ("If-None-Match" = Option<String>, Header, pattern = r"^\*$", example = "*"),
    ),
    request_body = super::payload::WriteRequest,
    responses(
        (status = 200, description = "A new version was written", body = WrittenVersionResponse<'_>,
            headers(("ETag" = String, description = "The version, in double quotes"))),
        (status = 201, description = "The secret was created", body = WrittenVersionResponse<'_>,
            headers(
                ("ETag" = String, description = "The version, in double quotes"),
                ("Location" = String, description = "The path of the secret"),
            )),
        WriteErrors, NotFoundErrors, CommonErrors,
    ),
)]
pub(super) async fn write(
    State(api): State<Arc<ApiState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> ApiResult {
    let (parts, body) = request.into_parts();
    let caller = api.begin_request(&parts.headers, peer).await?;
    let path = parse_path(&parts.uri)?;
    let precondition = parse_precondition(&parts.headers)?;
    reject_query(parts.uri.query())?;
    body::check_content_headers(&parts.headers, MediaType::Json)?;
    let caller = caller.authenticate(SecretOperation::Write).await?;
    let memory = caller.acquire_body(body::content_length(&parts.headers)).await?;
    let data = SecretData::from_body(&body::read(body, &parts.headers).await?)?;
    let _permit = caller.acquire_write().await?;
    match caller.secrets().write(&path, &data, precondition).await {
        Ok(written) => Ok(memory.attach_to(written_response(&path, &written))),
        Err(error) => Err(caller.map_error(error).await),
    }
}

/// Change some values of a secret
///
/// Applies a JSON merge patch (RFC 7396) to `data`: a string sets a value, null removes it.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}/secrets/{name}", operation_id = "patch_secret",
    tag = "secrets",
    params(
        ("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("name" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("If-Match" = Option<String>, Header, pattern = r#"^(\*|"[1-9][0-9]{0,17}")$"#,
            example = "\"1\""),
    ),
    request_body(content(
        (super::payload::PatchRequest = "application/json"),
        (super::payload::PatchRequest = "application/merge-patch+json"),
    )),
    responses(
        (status = 200, description = "A new version was written", body = WrittenVersionResponse<'_>,
            headers(("ETag" = String, description = "The version, in double quotes"))),
        WriteErrors, NotFoundErrors, CommonErrors,
    ),
)]
pub(super) async fn patch(
    State(api): State<Arc<ApiState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> ApiResult {
    let (parts, body) = request.into_parts();
    let caller = api.begin_request(&parts.headers, peer).await?;
    let path = parse_path(&parts.uri)?;
    let precondition = parse_precondition(&parts.headers)?;
    reject_query(parts.uri.query())?;
    body::check_content_headers(&parts.headers, MediaType::MergePatch)?;
    let caller = caller.authenticate(SecretOperation::Patch).await?;
    let memory = caller.acquire_body(body::content_length(&parts.headers)).await?;
    let change = SecretPatch::from_body(&body::read(body, &parts.headers).await?)?;
    let _permit = caller.acquire_write().await?;
    match caller.secrets().patch(&path, change, precondition).await {
        Ok(written) => Ok(memory.attach_to(written_response(&path, &written))),
        Err(error) => Err(caller.map_error(error).await),
    }
}

/// Delete a secret
///
/// Deletes the latest version, which `undelete` restores.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/secrets/{name}", operation_id = "delete_secret",
    tag = "secrets",
    params(
        ("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("name" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("If-Match" = Option<String>, Header, pattern = r#"^(\*|"[1-9][0-9]{0,17}")$"#,
            example = "\"1\""),
    ),
    responses(
        (status = 204, description = "The latest version was deleted"),
        (status = 412, description = "The latest version is another: `version_conflict`",
            body = super::error_responses::Problem, content_type = "application/problem+json"),
        NotFoundErrors, CommonErrors,
    ),
)]
pub(super) async fn delete(
    State(api): State<Arc<ApiState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> ApiResult {
    let (parts, _) = request.into_parts();
    let caller = api.begin_request(&parts.headers, peer).await?;
    let path = parse_path(&parts.uri)?;
    let precondition = parse_precondition(&parts.headers)?;
    reject_query(parts.uri.query())?;
    let caller = caller.authenticate(SecretOperation::Delete).await?;
    let memory = caller.acquire_body(Some(0)).await?;
    let _permit = caller.acquire_write().await?;
    match caller.secrets().delete(&path, precondition).await {
        Ok(_) => Ok(memory.attach_to(response::empty(StatusCode::NO_CONTENT))),
        Err(error) => Err(caller.map_error(error).await),
    }
}

/// Parses the secret in the path of a request.
fn parse_path(uri: &Uri) -> Result<SecretPath, NameError> {
    parse_secret_path(uri.path())
}

/// Parses the secret in a path of the API. Percent-encoded characters are not decoded, and never
/// valid.
pub(super) fn parse_secret_path(path: &str) -> Result<SecretPath, NameError> {
    let rest = path.strip_prefix("/v1/tenants/");
    let (tenant, rest) = rest.and_then(|rest| rest.split_once('/')).ok_or(NameError::Tenant)?;
    SecretPath::parse(tenant, rest.strip_prefix("secrets/").ok_or(NameError::Secret)?)
}

/// Returns the representation for a request without one in the query.
fn default_representation(headers: &HeaderMap) -> Representation {
    if accept::prefers_text(headers) {
        Representation::Env(EnvFormat::Compose)
    } else {
        Representation::Json
    }
}

fn render_secret(
    path: &SecretPath,
    secret: &DecryptedSecret,
    representation: &Representation,
) -> Result<Response<Bytes>, ApiError> {
    match representation {
        Representation::Json => {
            Ok(response::json(StatusCode::OK, &SecretResponse::new(path, secret)))
        }
        Representation::Env(dialect) => {
            Ok(response::zeroizing_response(TEXT, secret.data.to_env(*dialect)?))
        }
        Representation::Field(key) => {
            let value = secret.data.get(key).ok_or(ApiError::FieldNotFound)?;
            Ok(response::zeroizing_response(TEXT, Zeroizing::new(value.expose_secret().to_owned())))
        }
    }
}

fn written_response(path: &SecretPath, written: &WriteResult) -> Response<Bytes> {
    let status = match written.kind {
        WriteKind::Created => StatusCode::CREATED,
        WriteKind::Replaced => StatusCode::OK,
    };
    let mut response = response::json(status, &WrittenVersionResponse::new(path, written));
    if written.kind == WriteKind::Created {
        let SecretPath { tenant, name } = path;
        let location = HeaderValue::try_from(format!("/v1/tenants/{tenant}/secrets/{name}"));
        response.headers_mut().extend(location.ok().map(|location| (LOCATION, location)));
    }
    response::with_etag(response, written.version)
}
