use std::{pin::pin, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
};
use futures_util::TryStreamExt;
use http::{HeaderMap, Response, StatusCode, Uri, request::Parts};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::{
    forwarded::Peer,
    secrets::{
        Change, Current, Dialect, NameError, Patch, Secret, SecretData, SecretPath, Written,
    },
    server::api::{
        Api, accept,
        answer::{self, TEXT},
        body::{self, Media},
        document::{ListDocument, SecretDocument, WrittenDocument},
        error::ApiError,
        openapi::{Refusals, Unfound, Unread, Unwritten},
        precondition::{is_known, precondition},
        query::{Form, ReadQuery, no_query},
    },
    tenants::TenantName,
};

type Answer = Result<Response<Body>, ApiError>;

/// The names of a tenant's secrets
///
/// With the latest version of each. A deleted secret is left out.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/secrets", operation_id = "list_secrets", tag = "secrets",
    params(("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$")),
    responses((status = 200, description = "The names", body = ListDocument<'_>), Refusals),
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let visitor = api.receive(&parts.headers, peer).await?;
    let tenant = tenant(&parts.uri)?;
    no_query(parts.uri.query())?;
    let caller = visitor.admit().await?;
    let mut secrets = Vec::new();
    let mut list = pin!(caller.secrets().list(&tenant));
    loop {
        match list.try_next().await {
            Ok(Some(listed)) => {
                if let Current::Live(version) = listed.current {
                    secrets.push((listed.name, version));
                }
            }
            Ok(None) => break,
            Err(error) => return Err(caller.explain(error).await),
        }
    }
    Ok(answer::json(StatusCode::OK, &ListDocument::new(&tenant, &secrets)))
}

/// A secret
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
        ("dialect" = Option<String>, Query, pattern = "^(compose|docker|systemd|sh)$",
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
    let query = ReadQuery::parse(parts.uri.query())?;
    let caller = visitor.admit().await?;
    let secret = match caller.secrets().read(&path, query.version).await {
        Ok(secret) => secret,
        Err(error) => return Err(caller.explain(error).await),
    };
    if is_known(&parts.headers, secret.version) {
        return Ok(answer::of_version(answer::empty(StatusCode::NOT_MODIFIED), secret.version));
    }
    let form = query.form.unwrap_or_else(|| default_form(&parts.headers));
    Ok(answer::of_version(give_out(&path, &secret, &form)?, secret.version))
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
            headers(("ETag" = String, description = "The version, in double quotes"))),
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
    let data = SecretData::from_body(&read_body(&parts, body, Media::Json).await?)?;
    let caller = visitor.admit().await?;
    match caller.secrets().write(&path, &data, precondition).await {
        Ok(written) => Ok(tell(&path, &written)),
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
    let change = Patch::from_body(&read_body(&parts, body, Media::MergePatch).await?)?;
    let caller = visitor.admit().await?;
    match caller.secrets().patch(&path, change, precondition).await {
        Ok(written) => Ok(tell(&path, &written)),
        Err(error) => Err(caller.explain(error).await),
    }
}

/// Delete a secret
///
/// The latest version, so that an operator can bring it back.
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
        (status = 412, description = "It is another version", body = super::openapi::Problem,
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
    match caller.secrets().delete(&path, precondition).await {
        Ok(_) => Ok(answer::empty(StatusCode::NO_CONTENT)),
        Err(error) => Err(caller.explain(error).await),
    }
}

/// The tenant that the path names. It is read as it stands: what is encoded is no name.
fn tenant(uri: &Uri) -> Result<TenantName, NameError> {
    let rest = uri.path().strip_prefix("/v1/tenants/");
    let name = rest.and_then(|rest| rest.strip_suffix("/secrets"));
    name.and_then(TenantName::parse).ok_or(NameError::Tenant)
}

/// The secret that the path names, likewise.
fn path(uri: &Uri) -> Result<SecretPath, NameError> {
    let rest = uri.path().strip_prefix("/v1/tenants/");
    let (tenant, rest) = rest.and_then(|rest| rest.split_once('/')).ok_or(NameError::Tenant)?;
    SecretPath::parse(tenant, rest.strip_prefix("secrets/").ok_or(NameError::Secret)?)
}

async fn read_body(
    parts: &Parts,
    body: Body,
    media: Media,
) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    no_query(parts.uri.query())?;
    body::check_head(&parts.headers, media)?;
    body::read(body, &parts.headers).await
}

/// What a client gets that does not say in the query what it wants.
fn default_form(headers: &HeaderMap) -> Form {
    if accept::prefers_text(headers) { Form::Env(Dialect::Compose) } else { Form::Json }
}

fn give_out(path: &SecretPath, secret: &Secret, form: &Form) -> Answer {
    match form {
        Form::Json => Ok(answer::json(StatusCode::OK, &SecretDocument::new(path, secret))),
        Form::Env(dialect) => Ok(answer::wiped(TEXT, secret.data.to_env(*dialect)?)),
        Form::Field(key) => {
            let value = secret.data.get(key).ok_or(ApiError::NoSuchField)?;
            Ok(answer::wiped(TEXT, Zeroizing::new(value.expose_secret().to_owned())))
        }
    }
}

fn tell(path: &SecretPath, written: &Written) -> Response<Body> {
    let status = match written.change {
        Change::Created => StatusCode::CREATED,
        Change::Replaced => StatusCode::OK,
    };
    let document = WrittenDocument::new(path, written);
    answer::of_version(answer::json(status, &document), written.version)
}
