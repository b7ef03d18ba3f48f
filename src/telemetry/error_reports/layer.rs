pub(super) use sentry::types::Dsn;

use std::{sync::Arc, time::Instant};

use sentry::{Client, ClientOptions, types::ParseDsnError};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::Targets, layer::Context, registry::LookupSpan};

use super::{
    SentrySettings,
    event::{ErrorReport, scrubbed},
    report_limit::ReportLimit,
    transport::{FLUSH_TIMEOUT, ReportTransportFactory},
};

/// Parses a DSN. The error does not contain the text.
pub(super) fn parse_dsn(text: &str) -> Result<Dsn, String> {
    text.parse().map_err(|error: ParseDsnError| {
        format!(
            "not a DSN of Sentry ({error}): copy it from the project's settings, Client Keys; for \
             example https://KEY@sentry.example.com/1"
        )
    })
}

/// Sends the queued reports when it is dropped, for two seconds at most.
pub(in crate::telemetry) struct ReportGuard(Arc<Client>);

impl Drop for ReportGuard {
    fn drop(&mut self) {
        if !self.0.close(Some(FLUSH_TIMEOUT)) {
            tracing::warn!("some reports could not be sent to Sentry");
        }
    }
}

/// Reports errors of this crate, and panics.
struct ReportLayer {
    client: Arc<Client>,
    limit: ReportLimit,
}

impl<S: Subscriber> Layer<S> for ReportLayer {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let report = ErrorReport::new(event);
        if let Some(omitted) = self.limit.admit(report.key(), Instant::now()) {
            self.client.capture_event(report.to_event(omitted), None);
        }
    }
}

/// Returns the layer that reports errors to Sentry, and the guard that sends the queued reports when it
/// is dropped. Sentry need not be reachable.
pub(in crate::telemetry) fn report_layer<S>(
    settings: &SentrySettings,
) -> (impl Layer<S>, ReportGuard)
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let release = concat!(env!("CARGO_PKG_NAME"), "@", env!("CARGO_PKG_VERSION"));
    let mut options = ClientOptions::new()
        .release(settings.release.clone().unwrap_or_else(|| release.to_owned()))
        .send_default_pii(false)
        .default_integrations(false)
        .before_send(|event| Some(scrubbed(event)))
        .transport(ReportTransportFactory);
    options.dsn = Some(settings.dsn.0.clone());
    options.environment = settings.environment.clone().map(Into::into);
    let client = Arc::new(Client::with_options(options));
    let layer = ReportLayer { client: Arc::clone(&client), limit: ReportLimit::default() };
    let errors = Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::ERROR);
    (layer.with_filter(errors), ReportGuard(client))
}

#[cfg(test)]
mod tests {
    use crate::telemetry::SentryDsn;

    #[test]
    fn dsn_is_never_shown() {
        let dsn = SentryDsn::parse("https://a1b2c3@sentry.example.com/42").unwrap();
        assert_eq!(format!("{dsn:?}"), "SentryDsn(..)");
        for text in [
            "a1b2c3",
            "a1b2c3@sentry.example.com",
            "https://sentry.example.com/a1b2c3",
            "https://a1b2c3@sentry.example.com",
            "https://a1b2c3@sentry.example.com/",
            "ftp://a1b2c3@sentry.example.com/1",
            "https://a1b2c3@[/1",
        ] {
            let error = SentryDsn::parse(text).unwrap_err();
            assert!(!error.contains("a1b2c3"), "{error}");
            assert!(error.contains("for example https://KEY@"), "{error}");
        }
    }
}
