//! The log of denied requests.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{error, info};

use crate::{
    auth::{Refusal, RefusalSeverity},
    requirements::RequirementErrorKind,
    telemetry::{DecisionRecord, LimitedLog, LogLimit, line_size, printable, record_unavailable},
};

/// The maximum length of a method in a line, in bytes.
const MAX_METHOD: usize = 32;

/// The maximum length of a host or of a path in a line, in bytes.
const MAX_LOCATION: usize = 256;

/// The maximum length of the caller's names and ids in a line, in bytes.
const MAX_NAME: usize = 128;

/// The maximum length of a detail in a line, in bytes.
pub(super) const MAX_DETAIL: usize = 384;

/// Logs denied requests of `/validate`.
#[derive(Default)]
pub(super) struct DenialLog {
    /// One limit for each kind of error in requirements: clients may control a part of the
    /// requirements, such as the tenant's name, and errors that they cause do not suppress errors of
    /// the configuration.
    requirement_limits: Mutex<HashMap<RequirementErrorKind, Arc<LogLimit>>>,
}

impl DenialLog {
    /// Logs a denied request, unless a limit is reached. A request that is denied by an outage is
    /// counted for that outage, and has no line.
    pub(super) fn log(&self, record: &DecisionRecord<'_>, refusal: &Refusal) {
        let detail = refusal.detail();
        let line = DenialLine::new(record, detail.as_deref());
        match refusal {
            Refusal::Unavailable(unavailable) => record_unavailable(unavailable),
            // The decision log counts these requests itself.
            Refusal::DecisionLogUnavailable => {}
            Refusal::RequirementInvalid(error) => {
                if self.requirement_limit(error.kind()).allows(line.size()) {
                    line.log(LimitedLog::Requirements, RefusalSeverity::Operator);
                } else {
                    LimitedLog::Requirements.omit();
                }
            }
            Refusal::Internal => line.log(LimitedLog::Errors, RefusalSeverity::Internal),
            // Nobody without a token can suppress lines about callers.
            _ if record.accessor.is_some() || record.entity_id.is_some() => {
                line.log(LimitedLog::CallerDenials, RefusalSeverity::Client);
            }
            _ => line.log(LimitedLog::AnonymousDenials, RefusalSeverity::Client),
        }
    }

    /// Returns the limit of one kind, which is half of the limit of all.
    fn requirement_limit(&self, kind: RequirementErrorKind) -> Arc<LogLimit> {
        let mut limits = self.requirement_limits.lock().unwrap_or_else(PoisonError::into_inner);
        let half = || LogLimit::per_minute(LimitedLog::Requirements.bytes_per_minute() / 2);
        Arc::clone(limits.entry(kind).or_insert_with(|| Arc::new(half())))
    }
}

/// A line about a denied request, of limited size.
pub(super) struct DenialLine<'r> {
    request_id: &'r str,
    code: &'static str,
    detail: Option<Cow<'r, str>>,
    host: Option<Cow<'r, str>>,
    method: Option<Cow<'r, str>>,
    path: Option<Cow<'r, str>>,
    client: Option<String>,
    subject: Option<Cow<'r, str>>,
    entity_id: Option<Cow<'r, str>>,
    tenant: Option<Cow<'r, str>>,
    accessor: Option<Cow<'r, str>>,
    trace_id: Option<&'r str>,
}

impl<'r> DenialLine<'r> {
    pub(super) fn new(record: &'r DecisionRecord<'_>, detail: Option<&'r str>) -> Self {
        let name = |text: &'r str| printable(text, MAX_NAME);
        Self {
            request_id: record.request_id,
            code: record.reason,
            detail: detail.map(|detail| printable(detail, MAX_DETAIL)),
            host: record.host.as_deref().map(|host| printable(host, MAX_LOCATION)),
            method: record.method.map(|method| printable(method, MAX_METHOD)),
            path: record.path.map(|path| printable(path, MAX_LOCATION)),
            client: record.client.map(|address| address.to_string()),
            subject: record.subject.as_deref().map(name),
            entity_id: record.entity_id.as_deref().map(name),
            tenant: record.tenant.as_deref().map(name),
            accessor: record.accessor.map(name),
            trace_id: record.trace_id.as_deref(),
        }
    }

    /// Logs the line, unless the limit is reached.
    pub(super) fn log(&self, log: LimitedLog, severity: RefusalSeverity) {
        log.log(self.size(), || self.write(severity));
    }

    fn size(&self) -> usize {
        let known = [
            &self.detail,
            &self.host,
            &self.method,
            &self.path,
            &self.subject,
            &self.entity_id,
            &self.tenant,
            &self.accessor,
        ];
        let known = known.into_iter().flatten().map(|value| &**value);
        let others = [self.client.as_deref(), self.trace_id].into_iter().flatten();
        line_size(known.chain(others).chain([self.request_id, self.code]))
    }

    fn write(&self, severity: RefusalSeverity) {
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    request_id = self.request_id,
                    code = self.code,
                    detail = self.detail.as_deref(),
                    host = self.host.as_deref(),
                    method = self.method.as_deref(),
                    path = self.path.as_deref(),
                    client = self.client,
                    subject = self.subject.as_deref(),
                    entity_id = self.entity_id.as_deref(),
                    tenant = self.tenant.as_deref(),
                    accessor = self.accessor.as_deref(),
                    trace_id = self.trace_id,
                    "refused"
                )
            };
        }
        match severity {
            RefusalSeverity::Client | RefusalSeverity::Dependency => line!(info),
            RefusalSeverity::Operator | RefusalSeverity::Internal => line!(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::DenialLine;
    use crate::{
        auth::RefusalSeverity,
        telemetry::{DecisionRecord, LogFormat, captured},
    };

    /// Returns a record with this text in all fields that a caller or a client may choose.
    fn record(text: &str) -> DecisionRecord<'_> {
        DecisionRecord {
            request_id: "0123456789abcdef0123456789abcdef",
            result: "deny",
            reason: "tenant_mismatch",
            status: 403,
            cache: None,
            host: Some(text.into()),
            method: Some(text),
            path: Some(text),
            client: Some([0x2001, 0xdb8, 1, 2, 3, 4, 5, 6].into()),
            subject: Some(text.into()),
            entity_id: Some(text.into()),
            tenant: Some(text.into()),
            accessor: Some(text),
            trace_id: Some("0123456789abcdef0123456789abcdef".into()),
            duration: Duration::ZERO,
        }
    }

    #[test]
    fn lines_are_not_longer_than_they_count() {
        for part in ["a", "\"", "\\", "\n", "\u{1b}[31m", "é", "\u{202e}", "a=b "] {
            for text in [part.to_owned(), part.repeat(5000)] {
                let (record, detail) = (record(&text), Some(&*text));
                let line = DenialLine::new(&record, detail);
                for format in [LogFormat::Text, LogFormat::Json] {
                    let logged = captured(format, || line.write(RefusalSeverity::Client));
                    assert_eq!(logged.matches('\n').count(), 1, "{logged}");
                    assert!(
                        logged.len() <= line.size(),
                        "{} {}: {logged}",
                        line.size(),
                        logged.len()
                    );
                    assert!(logged.len() < 4096, "{}: {logged}", logged.len());
                }
            }
        }
    }

    #[test]
    fn json_is_flat_and_text_is_readable() {
        let mut record = record("/crm");
        record.tenant = None;
        let line = DenialLine::new(&record, None);
        let json = captured(LogFormat::Json, || line.write(RefusalSeverity::Client));
        let json: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["message"], "refused");
        assert_eq!((&json["path"], json.get("tenant")), (&"/crm".into(), None));
        let text = captured(LogFormat::Text, || line.write(RefusalSeverity::Client));
        let (_, text) = text.split_once(" INFO ").expect("a level");
        assert_eq!(
            text,
            "refused request_id=0123456789abcdef0123456789abcdef code=tenant_mismatch host=/crm \
             method=/crm path=/crm client=2001:db8:1:2:3:4:5:6 subject=/crm entity_id=/crm \
             accessor=/crm trace_id=0123456789abcdef0123456789abcdef\n"
        );
    }
}
