use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
};
use http::{Response, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    forwarded::Peer,
    server::api::{Api, answer, error::ApiError, openapi::Refusals, query::no_query},
    tenants::TenantName,
    token::{Expiry, Facts},
};

/// What is known of the caller.
#[derive(Serialize, ToSchema)]
#[schema(as = Caller)]
pub(super) struct CallerDocument<'f> {
    /// Who it is: the entity's alias if it has exactly one, else its name.
    #[schema(required)]
    subject: Option<&'f str>,
    /// The id of the entity.
    #[schema(required)]
    entity_id: Option<&'f str>,
    /// Whose it is.
    #[schema(required)]
    tenant: Option<&'f str>,
    /// Every policy that Vault applies, sorted.
    policies: Vec<&'f str>,
    /// `service` or `batch`.
    token_type: &'f str,
    /// When the token ends (RFC 3339); null if it never does.
    #[schema(required)]
    expires_at: Option<String>,
}

/// What the service knows of the caller
///
/// The very facts that `/validate` decides by. A token with a limited number of uses spends one.
#[utoipa::path(get, path = "/v1/whoami", operation_id = "whoami", responses(
    (status = 200, description = "The caller", body = CallerDocument<'_>),
    Refusals,
))]
pub(super) async fn whoami(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response<Body>, ApiError> {
    let (parts, _) = request.into_parts();
    no_query(parts.uri.query())?;
    let decision = api.validator.decide(&api.asked(&parts.headers, peer)).await;
    let entry = decision.outcome?;
    Ok(answer::json(StatusCode::OK, &CallerDocument::from(&entry.facts)))
}

impl<'f> From<&'f Facts> for CallerDocument<'f> {
    fn from(facts: &'f Facts) -> Self {
        Self {
            subject: facts.subject.as_deref(),
            entity_id: facts.entity_id.as_deref(),
            tenant: facts.tenant.as_ref().map(TenantName::as_str),
            policies: facts.policies.iter().map(|policy| &**policy).collect(),
            token_type: facts.token_type.as_str(),
            expires_at: match facts.expiry {
                Expiry::Never => None,
                Expiry::At { timestamp, .. } => Some(format!("{timestamp:.0}")),
            },
        }
    }
}
