//! The paginated list of a tenant's secrets.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Request, State},
};
use http::{HeaderValue, StatusCode, Uri, header::LINK};
use tokio::time::timeout;
use url::form_urlencoded;

use crate::{
    forwarded::Peer,
    secrets::{ListPage, NameError, SecretError, SecretName, SecretState, SecretVersion},
    server::api::{
        capacity::ReadKind,
        error::{ApiError, ApiResult},
        error_responses::CommonErrors,
        payload::SecretListResponse,
        response,
        state::ApiState,
    },
    telemetry::SecretOperation,
    tenants::TenantName,
    token::{Unavailable, UnavailableReason},
    vault::MAX_PAGE_SIZE,
};

/// The maximum time for each of the two steps of a list: its names, and the lookups of each secret.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

const VALID_PARAMETERS: &str =
    "valid parameters are limit=N, from 1 to 1000, and after=NAME, each once";

/// The query parameters of a list.
#[derive(Debug, PartialEq, Eq)]
struct ListQuery {
    limit: usize,
    after: Option<SecretName>,
}

/// List the secrets of a tenant
///
/// Returns the names in alphabetical order, with the latest version of each. A deleted secret is
/// omitted, but counts towards the limit. The header `Link` has the next page, if there is one.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/secrets", operation_id = "list_secrets", tag = "secrets",
    params(
        ("tenant" = String, Path, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000,
            description = "The maximum number of names; the default is 1000"),
        ("after" = Option<String>, Query,
            pattern = "^[a-z0-9][a-z0-9_-]{0,62}(/[a-z0-9][a-z0-9_-]{0,62}){0,3}$",
            description = "The name after which the page starts; it need not exist"),
    ),
    responses(
        (status = 200, description = "The names", body = SecretListResponse<'_>,
            headers(("Link" = Option<String>,
                description = "The next page, if there is one: `<…>; rel=\"next\"`"))),
        CommonErrors,
    ),
)]
pub(super) async fn list(
    State(api): State<Arc<ApiState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> ApiResult {
    let (parts, _) = request.into_parts();
    let caller = api.begin_request(&parts.headers, peer).await?;
    let tenant = parse_tenant(&parts.uri)?;
    let query = ListQuery::parse(parts.uri.query())?;
    let caller = caller.authenticate(SecretOperation::List).await?;
    let (memory, permit) = caller.acquire_read(ReadKind::List).await?;
    let names = caller.secrets().names_page(&tenant, query.after.as_ref(), query.limit);
    let names = match within_step_timeout(names).await {
        Ok(names) => names,
        Err(error) => return Err(caller.map_error(error).await),
    };
    drop(permit);
    let permit = caller.acquire_lookups(names.pending_lookups()).await?;
    let ListPage { secrets, next } = match within_step_timeout(names.fetch_versions()).await {
        Ok(page) => page,
        Err(error) => return Err(caller.map_error(error).await),
    };
    drop(permit);
    let live: Vec<(SecretName, SecretVersion)> = secrets
        .into_iter()
        .filter_map(|listed| match listed.state {
            SecretState::Live(version) => Some((listed.name, version)),
            SecretState::Deleted(_) | SecretState::Absent => None,
        })
        .collect();
    let mut response = response::json(StatusCode::OK, &SecretListResponse::new(&tenant, &live));
    let link = next.and_then(|next| query.next_link(&tenant, &next));
    response.headers_mut().extend(link.map(|link| (LINK, link)));
    Ok(memory.attach_to(response))
}

/// Returns the result of a step, or an error after [`STEP_TIMEOUT`].
async fn within_step_timeout<T>(
    step: impl Future<Output = Result<T, SecretError>>,
) -> Result<T, SecretError> {
    timeout(STEP_TIMEOUT, step).await.unwrap_or_else(|_| {
        Err(Unavailable::new(
            UnavailableReason::NoValidResponse,
            "vault: timed out listing the secrets",
        )
        .into())
    })
}

/// Parses the tenant in the path. Percent-encoded characters are not decoded, and never valid.
fn parse_tenant(uri: &Uri) -> Result<TenantName, NameError> {
    let rest = uri.path().strip_prefix("/v1/tenants/");
    let name = rest.and_then(|rest| rest.strip_suffix("/secrets"));
    name.and_then(TenantName::parse).ok_or(NameError::Tenant)
}

impl ListQuery {
    fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        Self::parse_parameters(query.unwrap_or_default()).ok_or(ApiError::Query(VALID_PARAMETERS))
    }

    fn parse_parameters(query: &str) -> Option<Self> {
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
            Some(limit) => parse_page_size(&limit)?,
            None => MAX_PAGE_SIZE,
        };
        let after = match after {
            Some(name) => Some(SecretName::parse(&name).ok()?),
            None => None,
        };
        Some(Self { limit, after })
    }

    /// Returns the `Link` header with the page that starts after this name (RFC 8288).
    fn next_link(&self, tenant: &TenantName, next: &SecretName) -> Option<HeaderValue> {
        let Self { limit, .. } = self;
        let link =
            format!("</v1/tenants/{tenant}/secrets?limit={limit}&after={next}>; rel=\"next\"");
        HeaderValue::try_from(link).ok()
    }
}

/// Parses the size of a page, without a sign or leading zeros.
fn parse_page_size(text: &str) -> Option<usize> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let size = text.parse().ok().filter(|_| is_canonical)?;
    (1..=MAX_PAGE_SIZE).contains(&size).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::ListQuery;
    use crate::secrets::SecretName;

    #[test]
    fn valid_query_is_parsed() {
        let name = |name| SecretName::parse(name).expect("a name");
        for (query, limit, after) in [
            ("", 1000, None),
            ("limit=1", 1, None),
            ("limit=1000", 1000, None),
            ("after=crm", 1000, Some(name("crm"))),
            ("after=mcp%2Fa&limit=20", 20, Some(name("mcp/a"))),
            ("after=mcp/a", 1000, Some(name("mcp/a"))),
        ] {
            assert_eq!(
                ListQuery::parse_parameters(query),
                Some(ListQuery { limit, after }),
                "{query}"
            );
        }
    }

    #[test]
    fn invalid_query_is_rejected() {
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
            assert_eq!(ListQuery::parse_parameters(query), None, "{query}");
        }
    }
}
