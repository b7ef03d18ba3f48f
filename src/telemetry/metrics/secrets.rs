use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use http::StatusCode;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

use super::{
    Metrics,
    labels::{Counters, Labels},
    registry::Registries,
};

/// The maximum number of tenants with a series of their own. Further ones share one.
const MAX_TENANTS: usize = 200;

/// The label of the tenants that have no series of their own, and of callers without a tenant. Names of
/// tenants may be the same; then they are counted together.
const OTHER: &str = "other";

/// An operation on secrets at the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOperation {
    /// A list of names.
    List,
    /// A read of one version.
    Read,
    /// A write of all data.
    Write,
    /// A change of some values.
    Patch,
    /// A deletion of the latest version.
    Delete,
    /// A list of versions.
    Versions,
    /// A restoration of a deleted version.
    Undelete,
}

/// The outcome of an operation on secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOutcome {
    /// It succeeded.
    Ok,
    /// The caller may not do it, or the request cannot be fulfilled: a status from 400 to 499.
    Denied,
    /// It failed: a status from 500.
    Failed,
}

impl From<StatusCode> for SecretOutcome {
    fn from(status: StatusCode) -> Self {
        match status.as_u16() {
            ..400 => Self::Ok,
            400..500 => Self::Denied,
            500.. => Self::Failed,
        }
    }
}

impl SecretOperation {
    fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Write => "write",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Versions => "versions",
            Self::Undelete => "undelete",
        }
    }
}

impl SecretOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

/// The outcome of a rotation of a tenant's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRotationOutcome {
    /// The key has a new version.
    Ok,
    /// Vault responded with an error.
    Failed,
}

impl KeyRotationOutcome {
    const ALL: [Self; 2] = [Self::Ok, Self::Failed];

    fn label(self) -> [(&'static str, &'static str); 1] {
        [("outcome", if self == Self::Ok { "ok" } else { "failed" })]
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TenantLabels {
    tenant: String,
    operation: &'static str,
}

/// The metrics of secrets and of the keys that they are encrypted with.
pub(super) struct SecretMetrics {
    operations: Family<Labels<2>, Counter>,
    tenant_operations: Family<TenantLabels, Counter>,
    /// The tenants with a series of their own.
    tenants: Mutex<BTreeSet<String>>,
    rotations: Counters<1>,
}

impl SecretMetrics {
    pub(super) fn register(registries: &mut Registries) -> Self {
        let metrics = Self {
            operations: Family::default(),
            tenant_operations: Family::default(),
            tenants: Mutex::default(),
            rotations: Family::default(),
        };
        for outcome in KeyRotationOutcome::ALL {
            drop(metrics.rotations.get_or_create(&outcome.label()));
        }
        registries.own("secret_operations", "Operations on secrets", &metrics.operations);
        let help = "Operations on secrets by the caller's tenant";
        registries.own("tenant_secret_operations", help, &metrics.tenant_operations);
        let help = "Rotations of tenants' keys, by Vault's audit feed";
        registries.own("rotations", help, &metrics.rotations);
        metrics
    }

    /// Returns the label of a tenant: its name while there is room for it.
    fn tenant_label(&self, tenant: Option<&str>) -> String {
        let Some(tenant) = tenant else { return OTHER.to_owned() };
        let mut known = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(tenant) {
            if known.len() >= MAX_TENANTS {
                return OTHER.to_owned();
            }
            known.insert(tenant.to_owned());
        }
        tenant.to_owned()
    }
}

impl Metrics {
    /// Counts an operation on secrets.
    pub fn record_secret_operation(&self, operation: SecretOperation, outcome: SecretOutcome) {
        let labels = [("operation", operation.as_str()), ("outcome", outcome.as_str())];
        self.secrets.operations.get_or_create(&labels).inc();
    }

    /// Counts an operation on secrets for the tenant of the caller's token, which exists in Vault.
    pub fn record_tenant_operation(&self, tenant: Option<&str>, operation: SecretOperation) {
        let tenant = self.secrets.tenant_label(tenant);
        let labels = TenantLabels { tenant, operation: operation.as_str() };
        self.secrets.tenant_operations.get_or_create(&labels).inc();
    }

    /// Counts a rotation of a tenant's key.
    pub fn record_rotation(&self, outcome: KeyRotationOutcome) {
        self.secrets.rotations.get_or_create(&outcome.label()).inc();
    }
}
