use std::{fmt::Display, time::Duration};

use secrecy::ExposeSecret;
use url::Url;

use crate::{
    config::{error::ConfigError, sources::SettingSources},
    telemetry::OtlpProtocol,
};

/// The default of the timeout of an export, as in OpenTelemetry.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads OpenTelemetry's standard variables
/// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>), and collects the errors. An empty
/// variable counts as unset. Signals are named as in the variables: `TRACES`, `LOGS`, `METRICS`.
pub(super) struct OtlpVariables<'s> {
    sources: &'s SettingSources,
    pub(super) errors: Vec<ConfigError>,
}

impl<'s> OtlpVariables<'s> {
    pub(super) fn new(sources: &'s SettingSources) -> Self {
        Self { sources, errors: Vec::new() }
    }

    pub(super) fn text(&self, name: &str) -> Option<&'s str> {
        let value = self.sources.variable(name)?.expose_secret().trim();
        Some(value).filter(|value| !value.is_empty())
    }

    /// Returns the first of the signal's own variable and the common one that is set, with its name.
    pub(super) fn of_signal(&self, signal: &str, suffix: &str) -> Option<(String, &'s str)> {
        let own = format!("OTEL_EXPORTER_OTLP_{signal}_{suffix}");
        let common = format!("OTEL_EXPORTER_OTLP_{suffix}");
        [own, common].into_iter().find_map(|name| {
            let value = self.text(&name)?;
            Some((name, value))
        })
    }

    /// Returns the endpoint of a signal with the name of its variable; `None` if the signal is not
    /// exported.
    pub(super) fn endpoint(&self, signal: &str) -> Option<(String, &'s str)> {
        let is = |name: &str, value: &str| {
            self.text(name).is_some_and(|text| text.eq_ignore_ascii_case(value))
        };
        let exporter = format!("OTEL_{signal}_EXPORTER");
        let is_off = is("OTEL_SDK_DISABLED", "true") || is(&exporter, "none");
        self.of_signal(signal, "ENDPOINT").filter(|_| !is_off)
    }

    /// Parses the endpoint in the variable of this name.
    pub(super) fn url(&mut self, name: &str, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            self.fail(name, "must be a URL such as http://collector:4318");
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            let remedy =
                "must be a URL without credentials: set OTEL_EXPORTER_OTLP_HEADERS instead";
            self.fail(name, remedy);
            return None;
        }
        Some(url)
    }

    /// Returns the maximum time of an export.
    pub(super) fn timeout(&mut self, signal: &str) -> Duration {
        self.milliseconds(self.of_signal(signal, "TIMEOUT"), TIMEOUT)
    }

    /// Returns the protocol of a signal that is exported to this endpoint.
    pub(super) fn protocol(&mut self, signal: &str, endpoint: &str) -> OtlpProtocol {
        match self.of_signal(signal, "PROTOCOL") {
            None | Some((_, "http/protobuf")) => OtlpProtocol::Http,
            Some((_, "grpc")) if endpoint.starts_with("https://") => OtlpProtocol::GrpcOverTls,
            Some((_, "grpc")) => OtlpProtocol::Grpc,
            Some((name, _)) => {
                self.fail(name, "must be http/protobuf or grpc");
                OtlpProtocol::Http
            }
        }
    }

    /// Returns the duration in a variable, if it is set.
    pub(super) fn milliseconds(
        &mut self,
        variable: Option<(String, &'s str)>,
        default: Duration,
    ) -> Duration {
        let Some((name, text)) = variable else { return default };
        if let Ok(milliseconds @ 1..) = text.parse() {
            return Duration::from_millis(milliseconds);
        }
        self.fail(name, "must be a number of milliseconds, such as 10000");
        default
    }

    pub(super) fn fail(&mut self, name: impl Display, message: impl Display) {
        self.errors.push(ConfigError::new(name, message));
    }
}
