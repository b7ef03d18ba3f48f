//! A request of the API as its log line describes it.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Instant,
};

use axum::extract::Request;
use http::header::HOST;
use tokio::task_local;

use crate::{
    auth::{Refusal, RefusalSeverity},
    forwarded::{ForwardedRequest, Peer, TrustedProxies},
    secrets::SecretError,
    server::{api::error::ApiError, denial_log::DenialLine, request_id::RequestId},
    telemetry::{DecisionRecord, LimitedLog, RequestTrace, record_unavailable},
    token::{CallerIdentity, TokenEntry},
};

task_local! {
    /// The caller of the request that the task handles, once it is known.
    static CALLER: Arc<OnceLock<Arc<TokenEntry>>>;
}

/// Sets the caller of the present request for its log line.
pub(super) fn set_caller(caller: Option<Arc<TokenEntry>>) {
    if let Some(caller) = caller {
        // Outside of a request there is no line. A second authentication finds the same caller.
        let _ = CALLER.try_with(|slot| slot.set(caller));
    }
}

/// A request of the API.
pub(super) struct LoggedRequest {
    started: Instant,
    host: Option<String>,
    method: String,
    path: String,
    /// The template of the path; `None` if the path is unknown.
    route: Option<String>,
    client: Option<IpAddr>,
    caller: Arc<OnceLock<Arc<TokenEntry>>>,
}

impl LoggedRequest {
    pub(super) fn new(request: &Request, route: Option<&str>, trust: &TrustedProxies) -> Self {
        let headers = request.headers();
        let peer = request.extensions().get::<Peer>();
        let forwarded = peer.map(|peer| ForwardedRequest::new(headers.into(), *peer, trust));
        let host = forwarded.and_then(|forwarded| forwarded.authority().ok());
        let own_host = || headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        Self {
            started: Instant::now(),
            host: host.map(Into::into).or_else(own_host),
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            route: route.map(str::to_owned),
            client: forwarded.and_then(|forwarded| forwarded.client_address().ok()),
            caller: Arc::default(),
        }
    }

    /// Handles the request. Its handler can set the caller meanwhile.
    pub(super) async fn handle<T>(&self, handler: impl Future<Output = T>) -> T {
        CALLER.scope(Arc::clone(&self.caller), handler).await
    }

    /// Logs that the request was rejected. A request that is rejected by an outage is counted for that
    /// outage, and has no line.
    pub(super) fn log(&self, error: &ApiError, id: &RequestId) {
        if let ApiError::Refused(Refusal::Unavailable(unavailable))
        | ApiError::Secret(
            SecretError::Unavailable(unavailable) | SecretError::OutcomeUnknown(unavailable),
        ) = error
        {
            return record_unavailable(unavailable);
        }
        let (terms, detail) = (error.terms(), error.log_detail());
        let caller = self.caller.get();
        let identity = caller.map(|entry| &entry.identity);
        let path = match error {
            // What is not a name may be anything, a secret's value for example.
            ApiError::Name(_) => self.route.as_deref().unwrap_or_default(),
            _ => &self.path,
        };
        let record = DecisionRecord {
            request_id: id.as_str(),
            result: terms.severity.result_label(),
            reason: terms.code,
            status: terms.status.as_u16(),
            cache: None,
            host: self.host.as_deref().map(Into::into),
            method: Some(&self.method),
            path: Some(path),
            client: self.client,
            subject: identity.and_then(CallerIdentity::subject),
            entity_id: identity.and_then(CallerIdentity::entity_id),
            tenant: identity.and_then(CallerIdentity::tenant),
            accessor: caller.map(|entry| &*entry.accessor).filter(|accessor| !accessor.is_empty()),
            trace_id: RequestTrace::current().map(|trace| trace.to_string().into()),
            duration: self.started.elapsed(),
        };
        let log = match terms.severity {
            RefusalSeverity::Operator | RefusalSeverity::Internal => LimitedLog::Errors,
            RefusalSeverity::Client | RefusalSeverity::Dependency => LimitedLog::Api,
        };
        DenialLine::new(&record, detail.as_deref()).log(log, terms.severity);
    }
}
