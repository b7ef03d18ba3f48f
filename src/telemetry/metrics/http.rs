use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

use super::{
    Metrics,
    histogram::Histogram,
    labels::{Gauges, InProgress},
    registry::Registries,
};

/// A listener of the service, which has its own metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListenerName {
    /// The listener of `/validate`.
    Auth,
    /// The listener of the API, the login pages and OAuth.
    Api,
    /// The listener for operators.
    Admin,
}

impl ListenerName {
    const ALL: [Self; 3] = [Self::Auth, Self::Api, Self::Admin];

    /// Returns the name, as in the label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Api => "api",
            Self::Admin => "admin",
        }
    }
}

/// A response, for the metrics. The route is a template, never a path of a request.
#[derive(Clone, Copy, Debug)]
pub struct ServedRequest<'r> {
    /// The listener.
    pub listener: ListenerName,
    /// The method of the request.
    pub method: &'r Method,
    /// The template of the route; `None` for a path without one.
    pub route: Option<&'r str>,
    /// The status of the response.
    pub status: StatusCode,
    /// The time from the request's head to the response's.
    pub duration: Duration,
}

/// The metrics of the listeners.
pub(super) struct HttpMetrics {
    pub(super) durations: Family<HttpLabels, Histogram>,
    in_flight: Gauges<1>,
    connections: Gauges<1>,
    api_requests: Family<ApiLabels, Counter>,
    accept_errors: Counter,
    panics: Counter,
}

/// The labels of `http_server_request_duration_seconds`, by the attributes of OpenTelemetry's semantic
/// conventions 1.44 for `http.server.request.duration`, and the listener.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct HttpLabels {
    listener: &'static str,
    method: &'static str,
    route: Option<String>,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, prometheus_client::encoding::EncodeLabelSet)]
struct ApiLabels {
    route: String,
    status: u16,
}

impl HttpLabels {
    pub(super) fn new(
        listener: ListenerName,
        method: &str,
        route: Option<&str>,
        status: StatusCode,
    ) -> Self {
        Self {
            listener: listener.as_str(),
            method: known_method(method),
            route: route.map(str::to_owned),
            status: status.as_u16(),
        }
    }
}

impl EncodeLabelSet for HttpLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        let Self { listener, method, route, status } = self;
        ("listener", *listener).encode(encoder.encode_label())?;
        ("http_request_method", *method).encode(encoder.encode_label())?;
        if let Some(route) = route {
            ("http_route", route.as_str()).encode(encoder.encode_label())?;
        }
        ("http_response_status_code", *status).encode(encoder.encode_label())?;
        if *status >= 500 {
            ("error_type", *status).encode(encoder.encode_label())?;
        }
        ("url_scheme", "http").encode(encoder.encode_label())
    }
}

/// Returns the method if it is one of the conventions' known ones, else `_OTHER`.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

impl HttpMetrics {
    pub(super) fn register(registries: &mut Registries) -> Self {
        let metrics = Self {
            durations: Family::default(),
            in_flight: Family::default(),
            connections: Family::default(),
            api_requests: Family::default(),
            accept_errors: Counter::default(),
            panics: Counter::default(),
        };
        for listener in ListenerName::ALL {
            drop(metrics.in_flight.get_or_create(&listener.label()));
            drop(metrics.connections.get_or_create(&listener.label()));
        }
        registries.conventional(
            "http_server_request_duration_seconds",
            "Time from the head of a request to the response",
            &metrics.durations,
        );
        registries.own(
            "requests_in_flight",
            "Requests being answered; at the auth listener those that wait for Vault",
            &metrics.in_flight,
        );
        registries.own("connections", "Open connections", &metrics.connections);
        let names = ("api_requests", "api_requests");
        registries.renamed(names, "Responses of the API", &metrics.api_requests);
        let names = ("accept_errors", "accept_errors");
        let help = "Connections that could not be accepted";
        registries.renamed(names, help, &metrics.accept_errors);
        registries.renamed(("panics", "panics"), "Requests that panicked", &metrics.panics);
        metrics
    }
}

impl ListenerName {
    fn label(self) -> [(&'static str, &'static str); 1] {
        [("listener", self.as_str())]
    }
}

impl Metrics {
    /// Records a response.
    pub fn record_response(&self, request: &ServedRequest<'_>) {
        let ServedRequest { listener, method, route, status, duration } = *request;
        let labels = HttpLabels::new(listener, method.as_str(), route, status);
        self.http.durations.get_or_create(&labels).observe(duration);
        if listener == ListenerName::Api {
            let route = route.unwrap_or("none").to_owned();
            self.http
                .api_requests
                .get_or_create(&ApiLabels { route, status: status.as_u16() })
                .inc();
        }
    }

    /// Counts a request in flight until the result is dropped.
    pub fn begin_request(&self, listener: ListenerName) -> InProgress {
        InProgress::begin(self.in_flight_gauge(listener))
    }

    /// Returns the number of requests in flight.
    #[must_use]
    pub fn requests_in_flight(&self, listener: ListenerName) -> i64 {
        self.in_flight_gauge(listener).get()
    }

    fn in_flight_gauge(&self, listener: ListenerName) -> Gauge {
        self.http.in_flight.get_or_create_owned(&listener.label())
    }

    /// Counts an open connection until the result is dropped.
    pub fn begin_connection(&self, listener: ListenerName) -> InProgress {
        InProgress::begin(self.http.connections.get_or_create_owned(&listener.label()))
    }

    /// Counts a connection that could not be accepted.
    pub fn record_accept_error(&self) {
        self.http.accept_errors.inc();
    }

    /// Counts a request that panicked.
    pub fn record_panic(&self) {
        self.http.panics.inc();
    }
}
