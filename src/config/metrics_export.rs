use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use crate::{
    config::otlp_variables::OtlpVariables,
    telemetry::{MetricsExport, OtlpProtocol},
};

const SIGNAL: &str = "METRICS";

/// The default of the interval, as in OpenTelemetry.
const INTERVAL: Duration = Duration::from_mins(1);

/// Returns the export of metrics that OpenTelemetry's variables select; `None` if metrics are not exported,
/// or a variable is wrong.
pub(super) fn metrics_export(variables: &mut OtlpVariables<'_>) -> Option<MetricsExport> {
    let (name, address) = variables.endpoint(SIGNAL)?;
    let protocol = variables.protocol(SIGNAL, address);
    // That of metrics alone is used as it is; the common one is the base of the paths over HTTP.
    let is_base = !name.contains(SIGNAL) && protocol == OtlpProtocol::Http;
    let path = if is_base { "/v1/metrics" } else { "" };
    let endpoint = variables.url(&name, &format!("{}{path}", address.trim_end_matches('/')));
    let headers = headers(variables);
    let timeout = variables.timeout(SIGNAL);
    let interval = "OTEL_METRIC_EXPORT_INTERVAL";
    let interval = variables.text(interval).map(|text| (interval.to_owned(), text));
    let interval = variables.milliseconds(interval, INTERVAL);
    Some(MetricsExport { endpoint: endpoint?, protocol, headers, timeout, interval })
}

/// Returns the headers: pairs such as `name=value`, separated by commas, with percent-encoded values.
fn headers(variables: &mut OtlpVariables<'_>) -> HeaderMap {
    let Some((name, text)) = variables.of_signal(SIGNAL, "HEADERS") else {
        return HeaderMap::new();
    };
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
    let headers: Option<HeaderMap> = pairs.map(header).collect();
    headers.unwrap_or_else(|| {
        variables.fail(name, "must be pairs such as name=value, separated by commas");
        HeaderMap::new()
    })
}

fn header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    let value: Vec<u8> = percent_decode_str(value.trim()).collect();
    let mut value = HeaderValue::from_bytes(&value).ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::metrics_export;
    use crate::{
        config::{ConfigError, SettingSources, otlp_variables::OtlpVariables},
        telemetry::{MetricsExport, OtlpProtocol},
    };

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    fn read(variables: &[(&str, &str)]) -> Result<Option<MetricsExport>, Vec<ConfigError>> {
        let environment = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let sources = SettingSources::new(BTreeMap::new(), environment.collect(), None);
        let mut variables = OtlpVariables::new(&sources);
        let export = metrics_export(&mut variables);
        if variables.errors.is_empty() { Ok(export) } else { Err(variables.errors) }
    }

    #[test]
    fn export_is_on_with_an_endpoint() {
        let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://collector:4318/metrics");
        for (variables, address) in [
            (&[][..], None),
            (&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318")], None),
            (&[ENDPOINT, ("OTEL_METRICS_EXPORTER", "none")], None),
            (&[ENDPOINT, ("OTEL_SDK_DISABLED", "True")], None),
            (&[ENDPOINT], Some("http://collector:4318/v1/metrics")),
            (&[ENDPOINT, own], Some("http://collector:4318/metrics")),
            (&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], Some("http://collector:4318/")),
        ] {
            let export = read(variables).expect("no error");
            let endpoint = export.map(|export| export.endpoint.to_string());
            assert_eq!(endpoint.as_deref(), address, "{variables:?}");
        }
    }

    #[test]
    fn variables_of_metrics_take_precedence() {
        let export = read(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20canary, x-scope=a"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
        ]);
        let export = export.expect("no error").expect("an export");
        assert_eq!(export.protocol, OtlpProtocol::Grpc);
        assert_eq!(export.headers["authorization"], "Bearer canary");
        assert_eq!(export.headers["x-scope"], "a");
        assert_eq!(export.timeout, Duration::from_secs(2));
        assert_eq!(export.interval, Duration::from_millis(500));
        assert!(!format!("{export:?}").contains("canary"));
    }

    #[test]
    fn wrong_values_are_errors_with_a_remedy() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:canary@collector:4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        ] {
            let errors = read(&[ENDPOINT, (name, value)]).expect_err("an error");
            let text = errors[0].to_string();
            assert!(text.starts_with(&format!("{name}: must be ")), "{text}");
            assert!(!text.contains("canary"), "{text}");
            let off = [ENDPOINT, (name, value), ("OTEL_METRICS_EXPORTER", "none")];
            assert!(read(&off).is_ok_and(|export| export.is_none()), "{name}");
        }
    }
}
