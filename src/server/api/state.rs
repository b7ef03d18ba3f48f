use std::sync::Arc;

use crate::{
    auth::Authorizer,
    forwarded::TrustedProxies,
    policy::Mounts,
    server::api::capacity::Capacity,
    telemetry::{Metrics, TraceExport},
    token::CredentialReader,
    vault::{CheckCache, Client},
};

/// The state of the API's handlers.
pub(in crate::server) struct ApiState {
    pub(in crate::server) validator: Arc<Authorizer>,
    pub(in crate::server) credentials: CredentialReader,
    pub(in crate::server) trust: TrustedProxies,
    pub(in crate::server) client: Arc<Client>,
    pub(in crate::server) mounts: Mounts,
    pub(in crate::server) checks: CheckCache,
    pub(in crate::server) metrics: Arc<Metrics>,
    pub(in crate::server) traces: TraceExport,
    pub(in crate::server) capacity: Arc<Capacity>,
}
