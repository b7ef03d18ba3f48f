use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header::LOCATION};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::{
    forwarded::Peer,
    secrets::{Change, Dialect, NameError, Patch, Secret, SecretData, SecretPath, Written},
    server::api::{
        Api, accept,
        answer::{self, TEXT},
        body::{self, Media},
        document::{SecretDocument, WrittenDocument},
        error::ApiError,
        openapi::{Refusals, Unfound, Unread, Unwritten},
        precondition::{is_known, precondition},
        query::{Form, ReadQuery, no_query},
    },
};

type Answer = Result<Response<Body>, ApiError>;

/// Read a secret
///
/// As a document; as lines for an environment with `format=env` or `Accept: text/plain`; or one
/// bare value with `field`.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/secrets/{name}", operation_id = "read_secret",
    tag = "secrets",
    params(
        ("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("name" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("version" = Option<u64>, Query, minimum = 1, description = "The latest, if not given"),
        ("format" = Option<String>, Query, pattern = "^(json|env)$"),
        ("dialect" = Option<String>, Query, pattern = "^(compose|docker|systemd|python-dotenv|sh)$",
            description = "Who reads the lines; goes with format=env, and is compose if not given"),
        ("field" = Option<String>, Query, pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$",
            description = "Goes with version alone"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of a version one has"),
    ),
    responses(
        (status = 200, description = "The secret",
            content((SecretDocument<'_> = "application/json"), (String = "text/plain")),
            headers(("ETag" = String, description = "The version, in double quotes"))),
        (status = 304, description = "The client has this version"),
        Unread, Unfound, Refusals,
    ),
)]
pub(super) async fn read(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visitor = api.receive(&parts.headers, peer).await?;
    let path = path(&parts.uri)?;
    let ReadQuery { version, form } = ReadQuery::parse(parts.uri.query())?;
    let form = form.unwrap_or_else(|| default_form(&parts.headers));
    let caller = visitor.admit().await?;
    let (memory, turn) = caller.begin(form.read()).await?;
    let secret = match caller.secrets().read(&path, version).await {
        Ok(secret) => secret,
        Err(error) => return Err(caller.explain(error).await),
    };
    drop(turn);
    let response = if is_known(&parts.headers, secret.version) {
        answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        give_out(&path, &secret, &form)?
    };
    Ok(memory.send(answer::of_version(response, secret.version)))
}

/// Write a secret
///
/// All of it: what the body does not have is not in the new version. With `If-None-Match: *` only
/// if there is none, with `If-Match` only if the latest version is still this one.
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
    request_body = super::document::WriteBody,
    responses(
        (status = 200, description = "A new version is written", body = WrittenDocument<'_>,
            headers(("ETag" = String, description = "The version, in double quotes"))),
        (status = 201, description = "The secret is created", body = WrittenDocument<'_>,
            headers(
                ("ETag" = String, description = "The version, in double quotes"),
                ("Location" = String, description = "The path of the secret"),
            )),
        Unwritten, Unfound, Refusals,
    ),
)]
pub(super) async fn write(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Answer {
    let (parts, body) = request.into_parts();
    let visitor = api.receive(&parts.headers, peer).await?;
    let (path, precondition) = (path(&parts.uri)?, precondition(&parts.headers)?);
    no_query(parts.uri.query())?;
    body::check_head(&parts.headers, Media::Json)?;
    let caller = visitor.admit().await?;
    let memory = caller.reserve(body::announced(&parts.headers)).await?;
    let data = SecretData::from_body(&body::read(body, &parts.headers).await?)?;
    let _turn = caller.turn().await?;
    match caller.secrets().write(&path, &data, precondition).await {
        Ok(written) => Ok(memory.send(tell(&path, &written))),
        Err(error) => Err(caller.explain(error).await),
    }
}

/// Change some values of a secret
///
/// A JSON merge patch (RFC 7396) of `data`: a string is put, and null takes the value out.
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
        (super::document::PatchBody = "application/json"),
        (super::document::PatchBody = "application/merge-patch+json"),
    )),
    responses(
        (status = 200, description = "A new version is written", body = WrittenDocument<'_>,
            headers(("ETag" = String, description = "The version, in double quotes"))),
        Unwritten, Unfound, Refusals,
    ),
)]
pub(super) async fn patch(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Answer {
    let (parts, body) = request.into_parts();
    let visitor = api.receive(&parts.headers, peer).await?;
    let (path, precondition) = (path(&parts.uri)?, precondition(&parts.headers)?);
    no_query(parts.uri.query())?;
    body::check_head(&parts.headers, Media::MergePatch)?;
    let caller = visitor.admit().await?;
    let memory = caller.reserve(body::announced(&parts.headers)).await?;
    let change = Patch::from_body(&body::read(body, &parts.headers).await?)?;
    let _turn = caller.turn().await?;
    match caller.secrets().patch(&path, change, precondition).await {
        Ok(written) => Ok(memory.send(tell(&path, &written))),
        Err(error) => Err(caller.explain(error).await),
    }
}

/// Delete a secret
///
/// Hides the latest version, which `undelete` brings back.
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
        (status = 204, description = "The latest version is deleted"),
        (status = 412, description = "It is another version: `version_conflict`", body = super::openapi::Problem,
            content_type = "application/problem+json"),
        Unfound, Refusals,
    ),
)]
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visitor = api.receive(&parts.headers, peer).await?;
    let (path, precondition) = (path(&parts.uri)?, precondition(&parts.headers)?);
    no_query(parts.uri.query())?;
    let caller = visitor.admit().await?;
    let memory = caller.reserve(Some(0)).await?;
    let _turn = caller.turn().await?;
    match caller.secrets().delete(&path, precondition).await {
        Ok(_) => Ok(memory.send(answer::empty(StatusCode::NO_CONTENT))),
        Err(error) => Err(caller.explain(error).await),
    }
}

/// The secret that the path names. It is read as it stands: what is encoded is no name.
fn path(uri: &Uri) -> Result<SecretPath, NameError> {
    secret_at(uri.path())
}

/// The secret that this path of the API names.
pub(super) fn secret_at(path: &str) -> Result<SecretPath, NameError> {
    let rest = path.strip_prefix("/v1/tenants/");
    let (tenant, rest) = rest.and_then(|rest| rest.split_once('/')).ok_or(NameError::Tenant)?;
    SecretPath::parse(tenant, rest.strip_prefix("secrets/").ok_or(NameError::Secret)?)
}

/// What a client gets that does not say in the query what it wants.
fn default_form(headers: &HeaderMap) -> Form {
    if accept::prefers_text(headers) { Form::Env(Dialect::Compose) } else { Form::Json }
}

fn give_out(path: &SecretPath, secret: &Secret, form: &Form) -> Result<Response<Bytes>, ApiError> {
    match form {
        Form::Json => Ok(answer::json(StatusCode::OK, &SecretDocument::new(path, secret))),
        Form::Env(dialect) => Ok(answer::wiped(TEXT, secret.data.to_env(*dialect)?)),
        Form::Field(key) => {
            let value = secret.data.get(key).ok_or(ApiError::NoSuchField)?;
            Ok(answer::wiped(TEXT, Zeroizing::new(value.expose_secret().to_owned())))
        }
    }
}

fn tell(path: &SecretPath, written: &Written) -> Response<Bytes> {
    let status = match written.change {
        Change::Created => StatusCode::CREATED,
        Change::Replaced => StatusCode::OK,
    };
    let mut response = answer::json(status, &WrittenDocument::new(path, written));
    if written.change == Change::Created {
        let SecretPath { tenant, name } = path;
        let location = HeaderValue::try_from(format!("/v1/tenants/{tenant}/secrets/{name}"));
        response.headers_mut().extend(location.ok().map(|location| (LOCATION, location)));
    }
    answer::of_version(response, written.version)
}
