use std::{borrow::Cow, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    forwarded::Peer,
    server::api::{
        error::ApiResult, error_responses::CommonErrors, query::reject_query, response,
        state::ApiState,
    },
    token::CallerIdentity,
};

/// The caller's identity.
#[derive(Serialize, ToSchema)]
#[schema(as = Caller)]
pub(super) struct WhoamiResponse<'i> {
    /// The caller's name, which is unique in Vault.
    #[schema(required)]
    subject: Option<Cow<'i, str>>,
    /// The id of the caller's entity.
    #[schema(required)]
    entity_id: Option<Cow<'i, str>>,
    /// The caller's tenant.
    #[schema(required)]
    tenant: Option<Cow<'i, str>>,
    /// The policies that Vault applies, sorted.
    policies: Vec<Cow<'i, str>>,
    /// `service` or `batch`.
    token_type: &'i str,
    /// The time when the token expires (RFC 3339); null if it never does.
    #[schema(required)]
    expires_at: Option<Cow<'i, str>>,
}

/// Describe the caller
///
/// Returns the token information that `/validate` uses. A token with a limited number of uses loses
/// one.
#[utoipa::path(get, path = "/v1/whoami", operation_id = "whoami", responses(
    (status = 200, description = "The caller", body = WhoamiResponse<'_>),
    CommonErrors,
))]
pub(super) async fn whoami(
    State(api): State<Arc<ApiState>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> ApiResult {
    let (parts, _) = request.into_parts();
    reject_query(parts.uri.query())?;
    let decision = api.validator.authorize(&api.auth_request(&parts.headers, peer)).await;
    let entry = decision.outcome?;
    Ok(response::json(StatusCode::OK, &WhoamiResponse::from(&entry.identity)).map(Body::from))
}

impl<'i> From<&'i CallerIdentity> for WhoamiResponse<'i> {
    fn from(identity: &'i CallerIdentity) -> Self {
        Self {
            subject: identity.subject(),
            entity_id: identity.entity_id(),
            tenant: identity.tenant(),
            policies: identity.policies().collect(),
            token_type: identity.token_type().as_str(),
            expires_at: identity.expires(),
        }
    }
}
