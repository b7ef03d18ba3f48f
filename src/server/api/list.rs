//! The list of a tenant's secrets, page by page.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
};
use http::{HeaderValue, Response, StatusCode, Uri, header::LINK};
use tokio::time::timeout;
use url::form_urlencoded;

use crate::{
    forwarded::Peer,
    secrets::{Current, ListPage, NameError, SecretError, SecretName, Version},
    server::api::{
        Api, answer, capacity::Read, document::ListDocument, error::ApiError, openapi::Refusals,
    },
    tenants::TenantName,
    token::{Cause, Unavailable},
    vault::MAX_PAGE,
};

/// The longest that either part of a list may take: the names, and what is to be known of each.
const PATIENCE: Duration = Duration::from_secs(10);

const PARAMETERS: &str = "the parameters are limit=N, from 1 to 1000, and after=NAME, each once";

/// The page that is asked for.
#[derive(Debug, PartialEq, Eq)]
struct ListQuery {
    limit: usize,
    after: Option<SecretName>,
}

/// List the secrets of a tenant
///
/// In alphabetical order, with the latest version of each. A deleted secret is left out, and
/// counts towards the limit. If there are more, `Link` says where the next page is.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/secrets", operation_id = "list_secrets", tag = "secrets",
    params(
        ("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000,
            description = "The largest number of names; 1000, if not given"),
        ("after" = Option<String>, Query,
            pattern = "^[a-z0-9][a-z0-9_-]{0,62}(/[a-z0-9][a-z0-9_-]{0,62}){0,3}$",
            description = "The name behind which the page begins, which need not exist"),
    ),
    responses(
        (status = 200, description = "The names", body = ListDocument<'_>,
            headers(("Link" = Option<String>,
                description = "The next page, if there is one: `<…>; rel=\"next\"`"))),
        Refusals,
    ),
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response<Body>, ApiError> {
    let (parts, _) = request.into_parts();
    let visitor = api.receive(&parts.headers, peer).await?;
    let tenant = tenant(&parts.uri)?;
    let query = ListQuery::parse(parts.uri.query())?;
    let caller = visitor.admit().await?;
    let (memory, turn) = caller.begin(Read::List).await?;
    let names = caller.secrets().names_page(&tenant, query.after.as_ref(), query.limit);
    let names = match in_time(names).await {
        Ok(names) => names,
        Err(error) => return Err(caller.explain(error).await),
    };
    drop(turn);
    let turn = caller.lookups(names.lookups()).await?;
    let ListPage { secrets, next } = match in_time(names.look_up()).await {
        Ok(page) => page,
        Err(error) => return Err(caller.explain(error).await),
    };
    drop(turn);
    let live: Vec<(SecretName, Version)> = secrets
        .into_iter()
        .filter_map(|listed| match listed.current {
            Current::Live(version) => Some((listed.name, version)),
            Current::Gone(_) | Current::Absent => None,
        })
        .collect();
    let mut response = answer::json(StatusCode::OK, &ListDocument::new(&tenant, &live));
    let link = next.and_then(|next| query.link(&tenant, &next));
    response.headers_mut().extend(link.map(|link| (LINK, link)));
    Ok(memory.send(response))
}

/// What comes of this, if it comes within [`PATIENCE`].
async fn in_time<T>(list: impl Future<Output = Result<T, SecretError>>) -> Result<T, SecretError> {
    timeout(PATIENCE, list).await.unwrap_or_else(|_| {
        Err(Unavailable::new(Cause::Vault, "vault: the list took too long").into())
    })
}

/// The tenant that the path names. It is read as it stands: what is encoded is no name.
fn tenant(uri: &Uri) -> Result<TenantName, NameError> {
    let rest = uri.path().strip_prefix("/v1/tenants/");
    let name = rest.and_then(|rest| rest.strip_suffix("/secrets"));
    name.and_then(TenantName::parse).ok_or(NameError::Tenant)
}

impl ListQuery {
    fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        Self::read(query.unwrap_or_default()).ok_or(ApiError::Query(PARAMETERS))
    }

    fn read(query: &str) -> Option<Self> {
        let [mut limit, mut after] = [None, None];
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let parameter = match &*name {
                "limit" => &mut limit,
                "after" => &mut after,
                _ => return None,
            };
            if parameter.replace(value).is_some() {
                return None;
            }
        }
        let limit = match limit {
            Some(limit) => page_size(&limit)?,
            None => MAX_PAGE,
        };
        let after = match after {
            Some(name) => Some(SecretName::parse(&name).ok()?),
            None => None,
        };
        Some(Self { limit, after })
    }

    /// The address of the page that begins behind this name (RFC 8288).
    fn link(&self, tenant: &TenantName, next: &SecretName) -> Option<HeaderValue> {
        let Self { limit, .. } = self;
        let link =
            format!("</v1/tenants/{tenant}/secrets?limit={limit}&after={next}>; rel=\"next\"");
        HeaderValue::try_from(link).ok()
    }
}

/// A number of names that a page may have, in its one spelling.
fn page_size(text: &str) -> Option<usize> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let size = text.parse().ok().filter(|_| plain)?;
    (1..=MAX_PAGE).contains(&size).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::ListQuery;
    use crate::secrets::SecretName;

    #[test]
    fn query_names_a_page() {
        let name = |name| SecretName::parse(name).expect("a name");
        for (query, limit, after) in [
            ("", 1000, None),
            ("limit=1", 1, None),
            ("limit=1000", 1000, None),
            ("after=crm", 1000, Some(name("crm"))),
            ("after=mcp%2Fa&limit=20", 20, Some(name("mcp/a"))),
            ("after=mcp/a", 1000, Some(name("mcp/a"))),
        ] {
            assert_eq!(ListQuery::read(query), Some(ListQuery { limit, after }), "{query}");
        }
    }

    #[test]
    fn query_that_names_no_page_is_refused() {
        for query in [
            "limit=",
            "limit=0",
            "limit=01",
            "limit=-1",
            "limit=+1",
            "limit=1001",
            "limit=99999999999999999999",
            "limit=x",
            "limit=1&limit=1",
            "after=",
            "after=A",
            "after=a/",
            "after=a&after=b",
            "Limit=1",
            "page=2",
            "x",
        ] {
            assert_eq!(ListQuery::read(query), None, "{query}");
        }
    }
}
