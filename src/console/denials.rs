use std::sync::Arc;

use super::{
    format::{number, time_of_day},
    reasons::color,
};
use crate::telemetry::RecentDenial;

/// A denied request, or several that are alike.
pub(super) struct DenialRow {
    /// The time of the last one (RFC 3339).
    pub(super) timestamp: String,
    pub(super) time: String,
    /// The number of requests, if there are several.
    pub(super) repeated: Option<String>,
    pub(super) color: &'static str,
    pub(super) code: &'static str,
    pub(super) subject: Option<String>,
    pub(super) entity_id: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) client: Option<String>,
    pub(super) request_id: String,
}

impl DenialRow {
    pub(super) fn new(denial: &Arc<RecentDenial>) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            timestamp: denial.time.to_string(),
            time: time_of_day(denial.time),
            repeated: (denial.count > 1).then(|| number(denial.count.into())),
            color: color(denial.code),
            code: denial.code,
            subject: denial.subject.clone(),
            entity_id: denial.entity_id.clone(),
            tenant: denial.tenant.clone(),
            method: text(&denial.method),
            host: text(&denial.host),
            path: text(&denial.path),
            client: denial.client.map(|client| client.to_string()),
            request_id: denial.request_id.clone(),
        }
    }
}
