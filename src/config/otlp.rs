use crate::{
    config::{
        error::ConfigError, metrics_export::metrics_export, otlp_variables::OtlpVariables,
        sources::SettingSources,
    },
    telemetry::{MetricsExport, SignalExport, TraceExport, TraceSampler},
};

/// The default maximum number of items of a signal that wait for export, as in OpenTelemetry.
const QUEUE_SIZE: usize = 2048;

/// The largest queue that can be configured: some hundred megabytes of spans.
const MAX_QUEUE_SIZE: usize = 1 << 20;

/// The export by OTLP that OpenTelemetry's standard variables select
/// (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
pub(super) struct OtlpSettings {
    pub(super) traces: TraceExport,
    pub(super) logs: Option<SignalExport>,
    pub(super) metrics: Option<MetricsExport>,
    /// The errors in the variables of signals that are exported.
    pub(super) errors: Vec<ConfigError>,
}

impl OtlpSettings {
    /// Reads the variables of these sources.
    pub(super) fn read(sources: &SettingSources) -> Self {
        let mut variables = OtlpVariables::new(sources);
        let traces = match signal_export(&mut variables, "TRACES", "OTEL_BSP_MAX_QUEUE_SIZE") {
            Some(export) => TraceExport::Otlp { sampler: sampler(&mut variables), export },
            None => TraceExport::Off,
        };
        let logs = signal_export(&mut variables, "LOGS", "OTEL_BLRP_MAX_QUEUE_SIZE");
        let metrics = metrics_export(&mut variables);
        Self { traces, logs, metrics, errors: variables.errors }
    }
}

/// Returns the export of a signal, whose queue has the size in the variable `queue`; `None` if it is not
/// exported.
fn signal_export(
    variables: &mut OtlpVariables<'_>,
    signal: &str,
    queue: &str,
) -> Option<SignalExport> {
    let (name, endpoint) = variables.endpoint(signal)?;
    // The SDK reads the URL itself.
    variables.url(&name, endpoint);
    let timeout = variables.timeout(signal);
    let protocol = variables.protocol(signal, endpoint);
    Some(SignalExport { protocol, timeout, queue_size: queue_size(variables, queue) })
}

fn queue_size(variables: &mut OtlpVariables<'_>, name: &str) -> usize {
    let Some(text) = variables.text(name) else { return QUEUE_SIZE };
    let size = text.parse().ok().filter(|size| (1..=MAX_QUEUE_SIZE).contains(size));
    size.unwrap_or_else(|| {
        variables.fail(name, format!("must be a number between 1 and {MAX_QUEUE_SIZE}"));
        QUEUE_SIZE
    })
}

fn sampler(variables: &mut OtlpVariables<'_>) -> TraceSampler {
    let [name, argument] =
        ["OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"].map(|name| variables.text(name));
    TraceSampler::parse(name, argument).unwrap_or_else(|(name, message)| {
        variables.fail(name, message);
        TraceSampler::default()
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::OtlpSettings;
    use crate::{
        config::SettingSources,
        telemetry::{OtlpProtocol, SignalExport, TraceExport},
    };

    const TIMEOUT: Duration = Duration::from_secs(10);

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    fn read(variables: &[(&str, &str)]) -> OtlpSettings {
        let environment = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let sources = SettingSources::new(BTreeMap::new(), environment.collect(), None);
        OtlpSettings::read(&sources)
    }

    fn is_traced(settings: &OtlpSettings) -> bool {
        settings.traces != TraceExport::Off
    }

    #[test]
    fn export_is_on_with_an_endpoint() {
        for (variables, traces, logs) in [
            (&[][..], false, false),
            (&[ENDPOINT], true, true),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")], false, false),
            (&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318/v1/traces")], true, false),
            (&[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://c:4318/v1/logs")], false, true),
            (&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")], false, true),
            (&[ENDPOINT, ("OTEL_LOGS_EXPORTER", "None")], true, false),
            (&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")], false, false),
            (&[ENDPOINT, ("OTEL_SDK_DISABLED", "false")], true, true),
        ] {
            let settings = read(variables);
            assert!(settings.errors.is_empty(), "{variables:?}: {:?}", settings.errors);
            assert_eq!(
                (is_traced(&settings), settings.logs.is_some()),
                (traces, logs),
                "{variables:?}"
            );
        }
    }

    #[test]
    fn own_variables_of_a_signal_take_precedence() {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "7"),
        ]);
        assert!(settings.errors.is_empty(), "{:?}", settings.errors);
        let TraceExport::Otlp { export, .. } = settings.traces else { panic!("no traces") };
        assert_eq!(
            export,
            SignalExport { protocol: OtlpProtocol::Http, timeout: TIMEOUT, queue_size: 7 }
        );
        let logs = SignalExport {
            protocol: OtlpProtocol::GrpcOverTls,
            timeout: TIMEOUT,
            queue_size: 2048,
        };
        assert_eq!(settings.logs, Some(logs));
    }

    #[test]
    fn wrong_values_are_errors_only_where_they_are_used() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:canary@collector:4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "GRPC"),
            ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "10s"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "many"),
        ] {
            let settings = read(&[ENDPOINT, (name, value)]);
            assert!(!settings.errors.is_empty(), "{name}");
            for error in &settings.errors {
                let text = error.to_string();
                assert!(text.starts_with(&format!("{name}: must be ")), "{text}");
            }
            let off = read(&[ENDPOINT, (name, value), ("OTEL_SDK_DISABLED", "true")]);
            assert!(off.errors.is_empty(), "{:?}", off.errors);
        }
        let ratio =
            [ENDPOINT, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "1%")];
        let text = read(&ratio).errors[0].to_string();
        assert_eq!(text, "OTEL_TRACES_SAMPLER_ARG: must be a ratio between 0 and 1, such as 0.01");
    }
}
