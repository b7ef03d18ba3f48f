//! The start of an authorization: the client's request is checked, and the person logs in.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::OAuthState;
use crate::{
    login::pages::{AuthorizationProblem, Notice},
    oauth::{
        AuthorizationRequest, ClientError, ClientKind, OAuthClient, OAuthError, OAuthParameters,
        ResponseTarget,
    },
    server::login::{
        AuthorizationLogin, HostRole, LoginDestination, LoginRequest, PageResponse, form,
    },
    telemetry::{LimitedLog, Limiter, line_size, printable},
};

/// The maximum length of a detail or of a client's id in a log line, in bytes.
const MAX_LOGGED: usize = 256;

/// Checks the request of a client, and shows the login form.
///
/// Until the client and its address are known, the person gets a page. An error is then sent to the address
/// of a client that the administrator has set up; that of any other would make this an open redirector
/// (RFC 9700, 4.11.2).
pub(super) async fn start(
    State(state): State<Arc<OAuthState>>,
    request: LoginRequest,
) -> PageResponse {
    let HostRole::Login = request.host else {
        let host = Some(&*request.authority);
        return request.notice(StatusCode::MISDIRECTED_REQUEST, Notice::ReturnRefused { host });
    };
    // A page of another site must not cause requests in the name of a person's address.
    if request.metadata().is_subresource() || request.metadata().is_prefetch() {
        return request.notice(StatusCode::FORBIDDEN, Notice::CrossSite { again: None });
    }
    let query = request.parts.uri.query().unwrap_or_default();
    let parameters = match OAuthParameters::parse(query.as_bytes()) {
        Ok(parameters) => parameters,
        Err(error) => return invalid(&request, &error, ""),
    };
    let client = match find_client(&state, &request, &parameters).await {
        Ok(client) => client,
        Err(response) => return response,
    };
    let Some(target) = ResponseTarget::of(&client, &parameters) else {
        let detail = "redirect_uri is not one of the client's";
        return refused(&request, AuthorizationProblem::RedirectRefused, detail, &client.id);
    };
    let on_error = target.clone();
    let asked = AuthorizationRequest::check(&client, target, &parameters, &state.resources);
    let login = asked.and_then(|asked| login(&state, &request, asked));
    match login {
        Ok(login) => {
            let destination = LoginDestination::Authorization(Box::new(login));
            form(&request, StatusCode::OK, &destination, None)
        }
        Err(error) if client.kind == ClientKind::Configured => {
            log(&request, &error.to_string(), &client.id);
            PageResponse::redirect(&on_error.with_error(&request.origin, &error))
        }
        Err(error) => invalid(&request, &error, &client.id),
    }
}

async fn find_client(
    state: &OAuthState,
    request: &LoginRequest,
    parameters: &OAuthParameters<'_>,
) -> Result<Arc<OAuthClient>, PageResponse> {
    let id = parameters.require("client_id", "client_id is missing");
    let id = id.map_err(|error| invalid(request, &error, ""))?;
    let address = request.forwarded().rate_limit_address();
    if let Err(limit) = state.login.limiter.count_authorization(address).await {
        state.login.metrics.record_limited(Limiter::Authorize);
        let detail = "too many authorizations were started from this address";
        let response = refused(request, AuthorizationProblem::TooManyRequests, detail, id);
        return Err(response.with_retry_after(limit.retry_after));
    }
    let keys = &state.login.keys;
    state.clients.find(keys, &request.origin, id).await.map_err(|error| {
        let problem = match &error {
            ClientError::DocumentUnavailable(_) => AuthorizationProblem::ClientUnavailable,
            ClientError::Unknown | ClientError::DocumentInvalid(_) => {
                AuthorizationProblem::UnknownClient
            }
        };
        refused(request, problem, &error.to_string(), id)
    })
}

fn login(
    state: &OAuthState,
    request: &LoginRequest,
    asked: AuthorizationRequest,
) -> Result<AuthorizationLogin, OAuthError> {
    let too_long = |_| OAuthError::invalid_request("the request is too long");
    let sealed = asked.seal(&state.login.keys, &request.origin).map_err(too_long)?;
    let resource = state.resources.get(&asked.resource);
    let resource = resource.map(|resource| resource.name().to_owned()).unwrap_or_default();
    Ok(AuthorizationLogin { sealed, request: asked, resource })
}

fn invalid(request: &LoginRequest, error: &OAuthError, client: &str) -> PageResponse {
    refused(request, AuthorizationProblem::InvalidRequest, error.description, client)
}

fn refused(
    request: &LoginRequest,
    reason: AuthorizationProblem,
    detail: &str,
    client: &str,
) -> PageResponse {
    log(request, detail, client);
    request.notice(status(reason), Notice::AuthorizationRefused { reason })
}

fn status(problem: AuthorizationProblem) -> StatusCode {
    match problem {
        AuthorizationProblem::ClientUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        AuthorizationProblem::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn log(request: &LoginRequest, detail: &str, client_id: &str) {
    let (client_id, client) = (printable(client_id, MAX_LOGGED), request.client());
    let (request_id, detail) = (request.id.as_str(), printable(detail, MAX_LOGGED));
    LimitedLog::OAuth.log(line_size([request_id, &detail, &client_id, &client]), || {
        tracing::info!(
            request_id,
            detail = &*detail,
            client_id = &*client_id,
            client,
            "authorization refused"
        );
    });
}
