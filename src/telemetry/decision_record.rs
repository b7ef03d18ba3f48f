use std::{borrow::Cow, net::IpAddr, time::Duration};

use serde::{Serialize, Serializer};

use crate::token::CacheStatus;

/// A decision of `/validate`, or a rejected request of the API: who asked for what, and the outcome. It
/// holds no token and no query.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionRecord<'r> {
    /// The id of the request, which its response has as well.
    pub request_id: &'r str,
    /// `allow`, `deny` or `unknown`, as in the metrics.
    pub result: &'static str,
    /// `ok`, or the code of the refusal.
    pub reason: &'static str,
    /// The status of the response, unless a browser is redirected to the login.
    pub status: u16,
    /// The source of the token information; `None` if none was needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheStatus>,
    /// The host of the original request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Cow<'r, str>>,
    /// The method of the original request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'r str>,
    /// The path of the original request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'r str>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The caller's subject, if the token is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Cow<'r, str>>,
    /// The id of the caller's entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<Cow<'r, str>>,
    /// The caller's tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Cow<'r, str>>,
    /// The accessor of the caller's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accessor: Option<&'r str>,
    /// The id of the trace that the request belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Cow<'r, str>>,
    /// The time that the decision took; in JSON in microseconds.
    #[serde(rename = "duration_us", serialize_with = "as_micros")]
    pub duration: Duration,
}

fn as_micros<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
