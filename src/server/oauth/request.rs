use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{
    HeaderMap,
    header::{AUTHORIZATION, CONTENT_TYPE},
    request::Parts,
};
use tokio::time::timeout;

use super::{OAuthState, response::error_response};
use crate::{
    auth::{AuthRequest, Decision, Recency},
    forwarded::{ForwardedRequest, Peer},
    login::{LoginOrigin, TooManyLogins},
    oauth::{OAuthError, OAuthErrorCode},
    requirements::Requirements,
    server::{
        login::{LoginRequest, PageResponse},
        problem,
        request_id::RequestId,
    },
    telemetry::Limiter,
    token::{CallerToken, Credential},
};

/// The maximum size of a body, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// The maximum time for a body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A request of a client to the authorization server, on a host that is an issuer.
pub(super) struct ClientRequest {
    pub(super) state: Arc<OAuthState>,
    pub(super) headers: HeaderMap,
    peer: Peer,
    pub(super) issuer: LoginOrigin,
    pub(super) id: RequestId,
}

/// The same with its body.
pub(super) struct ClientCall {
    pub(super) request: ClientRequest,
    pub(super) body: Bytes,
}

impl FromRequestParts<Arc<OAuthState>> for LoginRequest {
    type Rejection = PageResponse;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<OAuthState>,
    ) -> Result<Self, PageResponse> {
        Self::from_request_parts(parts, &state.login).await
    }
}

impl FromRequestParts<Arc<OAuthState>> for ClientRequest {
    /// 404 on a host that is no issuer, and 400 if the proxy does not say which host it is.
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<OAuthState>,
    ) -> Result<Self, Response> {
        let headers = parts.headers.clone();
        let not_found = || problem::not_found(&headers).map(Body::from);
        // Set by the listener for every request.
        let peer = parts.extensions.get::<Peer>().copied().ok_or_else(not_found)?;
        let forwarded = ForwardedRequest::new((&headers).into(), peer, &state.login.trust);
        let origin = forwarded.origin().map_err(|error| {
            problem::request_invalid(&error.to_string(), &headers).map(Body::from)
        })?;
        let authority = forwarded.authority().unwrap_or_default();
        let issuer = state.login.site.login_origin(&authority);
        let issuer = issuer.filter(|issuer| issuer.to_string() == origin).ok_or_else(not_found)?;
        let (issuer, id) = (issuer.clone(), RequestId::of(&headers));
        Ok(Self { state: Arc::clone(state), headers, peer, issuer, id })
    }
}

impl FromRequest<Arc<OAuthState>> for ClientCall {
    type Rejection = Response;

    async fn from_request(request: Request, state: &Arc<OAuthState>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let request = ClientRequest::from_request_parts(&mut parts, state).await?;
        let body = timeout(BODY_TIMEOUT, axum::body::to_bytes(body, MAX_BODY)).await;
        let Ok(Ok(body)) = body else {
            let error = OAuthError::invalid_request("the body is incomplete or too large");
            return Err(error_response(&error, &request.id, &request.client()).into_response());
        };
        Ok(Self { request, body })
    }
}

impl ClientRequest {
    /// Returns the request as the proxy describes it.
    pub(super) fn forwarded(&self) -> ForwardedRequest<'_> {
        ForwardedRequest::new((&self.headers).into(), self.peer, &self.state.login.trust)
    }

    /// Returns the client's address for a log line; empty if it is unknown.
    pub(super) fn client(&self) -> String {
        self.forwarded()
            .client_address()
            .map_or_else(|_| String::new(), |address| address.to_string())
    }

    /// Checks that the body has this media type, and that the client does not authenticate: all clients are
    /// public.
    pub(super) fn check_headers(&self, media_type: &'static str) -> Result<(), OAuthError> {
        let content_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.and_then(|value| value.split(';').next()).map(str::trim);
        if !content_type.is_some_and(|found| found.eq_ignore_ascii_case(media_type)) {
            return Err(OAuthError::invalid_request("the Content-Type is not the expected one"));
        }
        if self.headers.contains_key(AUTHORIZATION) {
            return Err(authentication_error());
        }
        Ok(())
    }

    /// Counts a request with a valid code or token against the client's address.
    pub(super) async fn count(&self) -> Result<(), OAuthError> {
        let address = self.forwarded().rate_limit_address();
        self.state
            .login
            .limiter
            .count_token_request(address)
            .await
            .map_err(|limit| self.too_many(Limiter::Token, limit))
    }

    /// Counts a registration against the client's address.
    pub(super) async fn count_registration(&self) -> Result<(), OAuthError> {
        let address = self.forwarded().rate_limit_address();
        self.state
            .login
            .limiter
            .count_registration(address)
            .await
            .map_err(|limit| self.too_many(Limiter::Registration, limit))
    }

    fn too_many(&self, limiter: Limiter, limit: TooManyLogins) -> OAuthError {
        self.state.login.metrics.record_limited(limiter);
        OAuthError::try_again("too many requests from this address", limit.retry_after)
    }

    /// Looks a person's token up at Vault, ignoring the cache: what is issued for it depends on its
    /// remaining lifetime.
    pub(super) async fn look_up(&self, token: &CallerToken) -> Decision {
        static REQUIREMENTS: Requirements = Requirements::ANY_ORIGIN;
        let credential = Ok(Credential::issued(token));
        let request = AuthRequest {
            credential,
            requirements: &REQUIREMENTS,
            forwarded: self.forwarded(),
            recency: Recency::Cached,
        };
        self.state.login.validator.authorize_anew(&request).await
    }
}

/// Returns the error of a client that authenticates.
pub(super) fn authentication_error() -> OAuthError {
    let description = "clients are public here: leave the client secret empty";
    OAuthError::new(OAuthErrorCode::InvalidClient, description)
}
