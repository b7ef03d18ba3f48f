use std::{borrow::Cow, sync::Arc};

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use url::form_urlencoded;

use super::{LoginState, PageResponse};
use crate::{
    auth::{AuthRequest, Recency, Refusal},
    forwarded::{FetchMetadata, ForwardedRequest, Peer, RequestOrigin, is_loopback, without_port},
    headers::RequestHeaders,
    login::{
        BrowserId, BrowserIdDigest, LOGIN_COOKIE, LoginError, LoginSite, PendingLogins,
        pages::{AuthorizationProblem, Language, Notice, NoticePage, RefusalPage},
    },
    requirements::Requirements,
    server::request_id::RequestId,
    telemetry::record_unavailable,
    token::{CallerToken, Credential, CredentialError, RequestAudience, TokenEntry},
};

/// A request for one of the pages, on a host that has them.
pub(in crate::server) struct LoginRequest {
    pub(in crate::server) state: Arc<LoginState>,
    pub(in crate::server) parts: Parts,
    peer: Peer,
    /// The host, with a port on this machine only.
    pub(in crate::server) authority: String,
    /// The origin of the host.
    pub(in crate::server) origin: String,
    pub(in crate::server) host: HostRole,
    pub(in crate::server) language: Language,
    pub(in crate::server) id: RequestId,
}

/// The role of the host that a request is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum HostRole {
    /// A login host.
    Login,
    /// The host of an application.
    Application,
}

impl FromRequestParts<Arc<LoginState>> for LoginRequest {
    /// The response to a request for a host without these pages, without TLS, or from a proxy that does
    /// not say for which host it is.
    type Rejection = PageResponse;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<LoginState>,
    ) -> Result<Self, PageResponse> {
        let parts = parts.clone();
        let headers = RequestHeaders::from(&parts.headers);
        let language = Language::from_accept_language(headers.get_all("accept-language"));
        let id = RequestId::of(&parts.headers);
        // Set by the listener for every request.
        let Some(peer) = parts.extensions.get::<Peer>().copied() else {
            return Err(refusal_page(&Refusal::Internal, language, &id));
        };
        let forwarded = ForwardedRequest::new(headers, peer, &state.trust);
        let (authority, origin) = forwarded
            .authority()
            .and_then(|authority| Ok((authority.into_owned(), forwarded.origin()?)))
            .map_err(|error| refusal_page(&Refusal::from(error), language, &id))?;
        let host = host_role(&state.site, &authority, &origin).map_err(|(status, notice)| {
            let page = NoticePage { status, notice, request_id: Some(id.as_str()) };
            PageResponse::page(page.render(language), &[])
        })?;
        let state = Arc::clone(state);
        Ok(Self { state, parts, peer, authority, origin, host, language, id })
    }
}

impl LoginRequest {
    /// Returns the request as the proxy describes it.
    pub(in crate::server) fn forwarded(&self) -> ForwardedRequest<'_> {
        ForwardedRequest::new(self.headers(), self.peer, &self.state.trust)
    }

    /// Returns the client's address for a log line; empty if it is unknown.
    pub(in crate::server) fn client(&self) -> String {
        self.forwarded()
            .client_address()
            .map_or_else(|_| String::new(), |address| address.to_string())
    }

    pub(in crate::server) fn headers(&self) -> RequestHeaders<'_> {
        RequestHeaders::from(&self.parts.headers)
    }

    pub(in crate::server) fn metadata(&self) -> FetchMetadata<'_> {
        FetchMetadata::new(self.parts.method.as_str(), self.headers())
    }

    /// Returns true if a person opens this page: it may change something then.
    pub(in crate::server) fn is_opened_by_person(&self) -> bool {
        self.metadata().is_page_navigation() && !self.metadata().is_prefetch()
    }

    /// Returns true if a page of this host made the request.
    pub(in crate::server) fn is_same_origin(&self) -> bool {
        self.metadata().origin(&self.origin) == RequestOrigin::Same
    }

    /// Returns the only query parameter with this name.
    pub(super) fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let query = self.parts.uri.query().unwrap_or_default();
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// Returns the digest of the id of the browser at this host.
    pub(super) fn browser(&self) -> Option<BrowserIdDigest> {
        self.headers().cookies(LOGIN_COOKIE).find_map(BrowserId::parse).map(|id| id.digest())
    }

    /// Returns the logins of this browser that are not complete.
    pub(super) fn pending_logins(&self) -> PendingLogins {
        let keys = &self.state.keys;
        let value = self.headers().cookies(LOGIN_COOKIE).next().unwrap_or_default();
        PendingLogins::unseal(keys, &self.authority, value)
    }

    /// Returns the session cookie of this host.
    pub(super) fn credential(&self) -> Result<Credential<'_>, CredentialError> {
        let authority = || Some(self.authority.as_str().into());
        self.state.sessions.find(self.headers(), RequestAudience { authority, resource: None })
    }

    /// Looks the session of this host up.
    pub(super) async fn session(&self) -> Result<Session, Refusal> {
        let credential = self.credential();
        let token = credential.as_ref().ok().and_then(Credential::token);
        let entry = self.authorize(credential).await?;
        let token = token.ok_or(Refusal::TokenInvalid)?;
        Ok(Session { token, entry })
    }

    /// Looks up a token that Vault has issued, as `/validate` does.
    pub(in crate::server) async fn look_up(
        &self,
        token: &CallerToken,
    ) -> Result<Arc<TokenEntry>, Refusal> {
        self.authorize(Ok(Credential::issued(token))).await
    }

    async fn authorize(
        &self,
        credential: Result<Credential<'_>, CredentialError>,
    ) -> Result<Arc<TokenEntry>, Refusal> {
        // The handlers check the origin of requests that change something.
        static REQUIREMENTS: Requirements = Requirements::ANY_ORIGIN;
        let request = AuthRequest {
            credential,
            requirements: &REQUIREMENTS,
            forwarded: self.forwarded(),
            recency: Recency::Cached,
        };
        self.state.validator.authorize(&request).await.outcome
    }

    /// Revokes the token of a session at Vault, and evicts it from the cache if its entry is known.
    pub(in crate::server) async fn end_session(
        &self,
        token: &CallerToken,
        entry: Option<&TokenEntry>,
    ) -> Result<(), LoginError> {
        self.state.end_token(token, entry.map_or("", |entry| &entry.accessor)).await
    }

    /// Returns the page about a login for an OAuth client that took too long.
    pub(in crate::server) fn authorization_expired(&self) -> PageResponse {
        let notice = Notice::AuthorizationRefused { reason: AuthorizationProblem::Expired };
        self.notice(StatusCode::BAD_REQUEST, notice)
    }

    /// Returns a page that says one thing.
    pub(in crate::server) fn notice(&self, status: StatusCode, notice: Notice<'_>) -> PageResponse {
        let page = NoticePage { status, notice, request_id: Some(self.id.as_str()) };
        PageResponse::page(page.render(self.language), &[])
    }

    /// Returns the page about a refusal.
    pub(in crate::server) fn refusal(&self, refusal: &Refusal) -> PageResponse {
        if let Refusal::Unavailable(unavailable) = refusal {
            record_unavailable(unavailable);
        }
        refusal_page(refusal, self.language, &self.id)
    }
}

/// A valid session of the host.
pub(in crate::server) struct Session {
    pub(in crate::server) token: CallerToken,
    pub(in crate::server) entry: Arc<TokenEntry>,
}

fn refusal_page(refusal: &Refusal, language: Language, id: &RequestId) -> PageResponse {
    let spec = refusal.problem_spec();
    let page = RefusalPage {
        status: spec.status,
        code: spec.code,
        request_id: id.as_str(),
        log_in: None,
        account: None,
    };
    PageResponse::page(page.render(language), &[]).with_spec_headers(&spec)
}

/// Returns the role of a host, or why it has no login pages.
fn host_role<'h>(
    site: &LoginSite,
    authority: &'h str,
    origin: &str,
) -> Result<HostRole, (StatusCode, Notice<'h>)> {
    let host = without_port(authority);
    if !origin.starts_with("https://") && !is_loopback(host) {
        return Err((StatusCode::FORBIDDEN, Notice::InsecureConnection { host }));
    }
    if site.login_origin(authority).is_some() {
        return Ok(HostRole::Login);
    }
    if site.hosts.contains(host) {
        return Ok(HostRole::Application);
    }
    Err((StatusCode::MISDIRECTED_REQUEST, Notice::ReturnRefused { host: Some(authority) }))
}
