//! The console of the admin listener. All of its requests are `GET` and change nothing. A token whose decision
//! is to be explained is in `X-Vault-Token`: a page of another site cannot send that header, and no address,
//! history or log contains it.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri,
        header::{
            ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY,
            CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::from_fn_with_state,
    routing::get,
};
use url::form_urlencoded;

use super::access::{ConsoleAccess, check_console_access, token_missing};
use crate::{
    auth::Refusal,
    config::AdminAccess,
    console::{
        ConsoleData, ConsolePage, ExplainProblem, ExplanationPage, ReadinessState,
        ServiceTokenState, content_security_policy,
    },
    diagnostics::{CredentialToExplain, ExplainedDecision, RequestToExplain, explain},
    login::pages::Language,
    requirements::Requirements,
    server::{metrics_source::MetricsSource, replaceable::Replaceable},
    telemetry::{MetricsHistory, MetricsSample, RecentDenials},
    token::{ACCESS_TOKEN_PREFIX, AUTHORIZATION_CODE_PREFIX, REFRESH_TOKEN_PREFIX, Unavailable},
    vault::Requester,
    wall_clock,
};

/// The maximum number of explained decisions per minute: enough for people, and too few to guess tokens or to
/// load Vault.
const EXPLANATIONS_PER_MINUTE: u32 = 30;

/// The state of the console's handlers.
pub(in crate::server) struct ConsoleState {
    pub(in crate::server) records: Arc<ConsoleRecords>,
    pub(in crate::server) source: MetricsSource,
    pub(in crate::server) subject_mount: String,
}

/// The records that the console shows, and a count of what it was asked for.
pub(in crate::server) struct ConsoleRecords {
    /// The last denied requests.
    pub(in crate::server) denials: Arc<RecentDenials>,
    history: Arc<MetricsHistory>,
    /// The start of a minute, and the decisions that were explained in it.
    explanations: Mutex<(Instant, u32)>,
}

impl Default for ConsoleRecords {
    fn default() -> Self {
        Self {
            denials: Arc::default(),
            history: Arc::default(),
            explanations: Mutex::new((Instant::now(), 0)),
        }
    }
}

impl ConsoleRecords {
    /// Returns the task that records the metrics of each minute, without end. It reads the counters, so that
    /// no request does more work for it.
    pub(in crate::server) fn record_history(
        &self,
        source: Arc<Replaceable<MetricsSource>>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let history = Arc::clone(&self.history);
        async move {
            loop {
                history.record(sample(&source.current()).await);
                history.wait_for_minute().await;
            }
        }
    }

    /// Counts an explanation.
    fn count_explanation(&self) -> Result<(), ExplainProblem> {
        let mut counted = self.explanations.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.0.elapsed() >= Duration::from_mins(1) {
            *counted = (Instant::now(), 0);
        }
        counted.1 = counted.1.saturating_add(1);
        if counted.1 > EXPLANATIONS_PER_MINUTE { Err(ExplainProblem::TooMany) } else { Ok(()) }
    }
}

impl ConsoleState {
    async fn page(&self, language: Language) -> String {
        let MetricsSource { readiness, validator, .. } = &self.source;
        let reason = readiness.check().err();
        let detail = reason.and_then(|reason| readiness.detail(reason));
        let ready = match reason {
            None => ReadinessState::Ready,
            Some(reason) => ReadinessState::NotReady { reason, detail: detail.as_deref() },
        };
        let session = &readiness.session;
        let service_token = match session.token_remaining() {
            Some(remaining) => ServiceTokenState::Remaining(remaining),
            None if session.is_logged_in() => ServiceTokenState::Unlimited,
            None => ServiceTokenState::Missing,
        };
        let cached_tokens = validator.cache.entry_counts().await;
        let vault = readiness.health.borrow().as_str();
        let recent = self.records.history.until(&sample(&self.source).await);
        let data = ConsoleData {
            now: wall_clock::now(),
            readiness: ready,
            vault,
            service_token,
            cached_tokens,
            recent: &recent,
            denials: &self.records.denials.list(),
        };
        ConsolePage { data: Some(data) }.render(language)
    }

    async fn explain(
        &self,
        asked: &AskedDecision,
        token: &str,
    ) -> Result<ExplainedDecision, Unavailable> {
        let request = RequestToExplain {
            credential: CredentialToExplain::Token(token),
            requirements: &asked.requirements,
            method: &asked.method,
            uri: &asked.path,
            mcp: None,
            client: asked.client,
            root_tokens: self.source.validator.root_tokens,
        };
        let mount = self.subject_mount.clone();
        explain(&self.source.readiness.session, Requester::Service, mount, &request).await
    }
}

async fn sample(source: &MetricsSource) -> MetricsSample {
    MetricsSample::read(&source.metrics.read(&source.snapshot().await))
}

/// Returns the routes of the console, with their access control.
pub(super) fn routes(console: ConsoleState, access: &Arc<AdminAccess>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/console/explain", get(explain_decision))
        .route_layer(from_fn_with_state(Arc::clone(access), check_console_access))
        .with_state(Arc::new(console))
}

/// Serves the page; without its data as long as the admin token is missing.
async fn page(
    State(console): State<Arc<ConsoleState>>,
    Extension(access): Extension<ConsoleAccess>,
    headers: HeaderMap,
) -> Response<Body> {
    let language = language(&headers);
    let body = match access {
        ConsoleAccess::Granted => console.page(language).await,
        ConsoleAccess::Locked => ConsolePage { data: None }.render(language),
    };
    html(StatusCode::OK, language, body)
}

/// Explains the decision on a request that the query describes, with the token in `X-Vault-Token`.
async fn explain_decision(
    State(console): State<Arc<ConsoleState>>,
    Extension(access): Extension<ConsoleAccess>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    if access == ConsoleAccess::Locked {
        return token_missing(&headers);
    }
    let language = language(&headers);
    let token = headers.get("x-vault-token").and_then(|token| token.to_str().ok());
    let token = token.unwrap_or_default();
    let asked =
        console.records.count_explanation().and_then(|()| AskedDecision::parse(&uri, token));
    let (status, page) = match asked {
        Err(problem) => (problem.status(), ExplanationPage::Problem(problem).render(language)),
        Ok(asked) => {
            let explained = console.explain(&asked, token).await;
            let page = match explained {
                Ok(ExplainedDecision { explanation, .. }) => {
                    ExplanationPage::Decision(&explanation).render(language)
                }
                Err(unavailable) => {
                    ExplanationPage::Unknown(&Refusal::Unavailable(unavailable)).render(language)
                }
            };
            (StatusCode::OK, page)
        }
    };
    html(status, language, page)
}

/// A request whose decision is to be explained.
struct AskedDecision {
    requirements: Requirements,
    method: HeaderValue,
    path: HeaderValue,
    client: Option<IpAddr>,
}

impl AskedDecision {
    fn parse(uri: &Uri, token: &str) -> Result<Self, ExplainProblem> {
        let prefixes = [ACCESS_TOKEN_PREFIX, AUTHORIZATION_CODE_PREFIX, REFRESH_TOKEN_PREFIX];
        if prefixes.iter().any(|prefix| token.starts_with(prefix)) {
            return Err(ExplainProblem::OAuthCredential);
        }
        let query = uri.query().unwrap_or_default().as_bytes();
        let field = |name: &str| {
            let mut pairs = form_urlencoded::parse(query);
            pairs.find(|(field, _)| field == name).map(|(_, value)| value.trim().to_owned())
        };
        let header = |name: &str, default: &str| {
            let value = field(name).unwrap_or_else(|| default.to_owned());
            let value = HeaderValue::try_from(value).ok();
            value.filter(|value| value.to_str().is_ok()).ok_or(ExplainProblem::Request)
        };
        let require = field("require").unwrap_or_default();
        let requirements = Requirements::parse(&require);
        let client = field("client").filter(|client| !client.is_empty());
        let client = client.map(|client| client.parse()).transpose();
        Ok(Self {
            requirements: requirements
                .map_err(|error| ExplainProblem::Requirements(error.to_string()))?,
            method: header("method", "GET")?,
            path: header("path", "/")?,
            client: client.map_err(|_| ExplainProblem::Client)?,
        })
    }
}

fn language(headers: &HeaderMap) -> Language {
    let values = headers.get_all(ACCEPT_LANGUAGE).iter();
    Language::from_accept_language(values.map(HeaderValue::as_bytes))
}

fn html(status: StatusCode, language: Language, body: String) -> Response<Body> {
    let fixed = HeaderValue::from_static;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().extend([
        (CONTENT_TYPE, fixed("text/html; charset=utf-8")),
        (CONTENT_LANGUAGE, fixed(language.tag())),
        (CONTENT_SECURITY_POLICY, content_security_policy()),
        (CACHE_CONTROL, fixed("no-store")),
        (X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        (REFERRER_POLICY, fixed("no-referrer")),
        (X_FRAME_OPTIONS, fixed("DENY")),
        (HeaderName::from_static("cross-origin-resource-policy"), fixed("same-origin")),
        (HeaderName::from_static("cross-origin-opener-policy"), fixed("same-origin")),
    ]);
    response
}
