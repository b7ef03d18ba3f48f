use std::{borrow::Cow, sync::Arc};

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
    token::Identity,
};

/// What is known of the caller.
#[derive(Serialize, ToSchema)]
#[schema(as = Caller)]
pub(super) struct CallerDocument<'i> {
    /// Who it is: a readable name that nobody else in Vault has.
    #[schema(required)]
    subject: Option<Cow<'i, str>>,
    /// The id of the entity.
    #[schema(required)]
    entity_id: Option<Cow<'i, str>>,
    /// Whose it is.
    #[schema(required)]
    tenant: Option<Cow<'i, str>>,
    /// Every policy that Vault applies, sorted.
    policies: Vec<Cow<'i, str>>,
    /// `service` or `batch`.
    token_type: &'i str,
    /// When the token ends (RFC 3339); null if it never does.
    #[schema(required)]
    expires_at: Option<Cow<'i, str>>,
}

/// Describe the caller
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
    Ok(answer::json(StatusCode::OK, &CallerDocument::from(&entry.identity)).map(Body::from))
}

impl<'i> From<&'i Identity> for CallerDocument<'i> {
    fn from(identity: &'i Identity) -> Self {
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
