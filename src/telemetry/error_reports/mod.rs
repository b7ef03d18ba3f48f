//! Reports of panics and internal errors to Sentry.
//!
//! A report has a fixed message, the location in the source code, the error code, and for a panic the
//! functions on the stack. It has nothing of a request, of a caller or of the machine.

#[cfg(not(feature = "sentry"))]
mod disabled;
#[cfg(feature = "sentry")]
mod event;
#[cfg(feature = "sentry")]
mod layer;
#[cfg(feature = "sentry")]
mod report_limit;
#[cfg(feature = "sentry")]
mod transport;

use std::fmt;

#[cfg(not(feature = "sentry"))]
use self::disabled::{Dsn, parse_dsn};
#[cfg(feature = "sentry")]
use self::layer::{Dsn, parse_dsn};

#[cfg(not(feature = "sentry"))]
pub(super) use self::disabled::{ReportGuard, report_layer};
#[cfg(feature = "sentry")]
pub(super) use self::layer::{ReportGuard, report_layer};

/// The settings of the reports to Sentry.
#[derive(Clone, Debug)]
pub struct SentrySettings {
    /// The address of the project, with its key.
    pub dsn: SentryDsn,
    /// The environment of the reports, such as `staging`; by default Sentry's own.
    pub environment: Option<String>,
    /// The release of the reports; by default the program's name and version.
    pub release: Option<String>,
}

/// The address of a project in Sentry. It contains a key, so it is never shown. Without the feature
/// `sentry` there is none.
#[derive(Clone)]
pub struct SentryDsn(Dsn);

impl SentryDsn {
    /// Parses a DSN, as Sentry shows it.
    ///
    /// # Errors
    /// The reason why it is invalid or cannot be used; never contains the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse_dsn(text).map(Self)
    }
}

impl fmt::Debug for SentryDsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SentryDsn(..)")
    }
}
