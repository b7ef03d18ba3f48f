//! The program without the feature `sentry`.

pub(super) use std::convert::Infallible as Dsn;
pub(in crate::telemetry) use std::convert::Infallible as ReportGuard;

use tracing_subscriber::layer::Identity;

use super::SentrySettings;

/// Rejects every text.
pub(super) fn parse_dsn(_: &str) -> Result<Dsn, String> {
    Err("this program was built without the feature `sentry`: unset it, or build the program with \
         that feature"
        .to_owned())
}

/// Is never called, since there are no such settings.
pub(in crate::telemetry) fn report_layer(settings: &SentrySettings) -> (Identity, ReportGuard) {
    match settings.dsn.0 {}
}
