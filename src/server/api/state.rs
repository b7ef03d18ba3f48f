use std::sync::Arc;

use crate::{
    decision::Validator,
    forwarded::Trust,
    policies::Mounts,
    server::api::capacity::Capacity,
    telemetry::{Metrics, Traces},
    token::Sources,
    vault::{Client, RecentChecks},
};

/// The state of the API's handlers.
pub(in crate::server) struct ApiState {
    pub(in crate::server) validator: Arc<Validator>,
    pub(in crate::server) credentials: Sources,
    pub(in crate::server) trust: Trust,
    pub(in crate::server) client: Arc<Client>,
    pub(in crate::server) mounts: Mounts,
    pub(in crate::server) checks: RecentChecks,
    pub(in crate::server) metrics: Arc<Metrics>,
    pub(in crate::server) traces: Traces,
    pub(in crate::server) capacity: Capacity,
}
