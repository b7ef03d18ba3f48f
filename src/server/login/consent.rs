//! The question for consent to an OAuth client, after a login.

use super::{
    AuthorizationLogin, LoginDestination, PageResponse, failure,
    request::{LoginRequest, Session},
};
use crate::{
    login::pages::{ConsentClient, ConsentPage, RedirectPlace},
    oauth::{AuthorizationRequest, CONSENT_TIME, ClientKind, PendingConsent},
};

/// Asks the person who has logged in whether the client may have access. Without an answer, the token
/// expires unused.
pub(super) async fn ask(
    request: &LoginRequest,
    session: &Session,
    login: &AuthorizationLogin,
) -> PageResponse {
    let wrapped = request.state.backend.wrap(&session.token, CONSENT_TIME.unsigned_abs()).await;
    let wrapping_token = match wrapped {
        Ok(wrapping_token) => wrapping_token,
        Err(error) => {
            let destination = LoginDestination::Authorization(Box::new(login.clone()));
            return failure::wrapping_failed(request, &destination, &error);
        }
    };
    let token = session.token.clone();
    let pending = PendingConsent { request: login.request.clone(), token, wrapping_token };
    let Ok(consent) = pending.seal(&request.state.keys, &request.origin) else {
        return request.authorization_expired();
    };
    let identity = &session.entry.identity;
    let policies: Vec<_> = identity.policies().collect();
    let policies: Vec<&str> = policies.iter().map(AsRef::as_ref).collect();
    let (subject, tenant) = (identity.subject().unwrap_or_default(), identity.tenant());
    let asked = &login.request;
    // The page at the address may redirect the browser again.
    let own = asked.redirect_uri.form_action();
    let (place, form_actions) = if asked.redirect_uri.is_local() {
        (RedirectPlace::ThisComputer, vec![own, "https:", "http:"])
    } else {
        (RedirectPlace::Website, vec![own])
    };
    let page = ConsentPage {
        client_name: asked.client_name.as_deref(),
        client: client(asked),
        redirect: asked.redirect_uri.host_or_scheme(),
        place,
        resource_name: &login.resource,
        resource: asked.resource.as_str(),
        subject: &subject,
        tenant: tenant.as_deref(),
        policies: &policies,
        consent: &consent,
    };
    PageResponse::page(page.render(request.language), &form_actions)
}

fn client(request: &AuthorizationRequest) -> ConsentClient<'_> {
    match request.client_kind {
        ClientKind::Configured => ConsentClient::Configured { id: &request.client_id },
        ClientKind::Document => ConsentClient::Document { host: request.document_host() },
        ClientKind::Registered => ConsentClient::Registered,
    }
}
