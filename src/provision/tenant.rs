use std::collections::BTreeSet;

use super::{Holder, Role, Thing};
use crate::tenants::{ServiceName, TenantName};

/// Returns the resources of a tenant: a key, and for each service an entity with the tenant's name
/// in its metadata, an AppRole, and an alias that links the two.
///
/// The entity is created before the AppRole, so that an AppRole without an entity is not a tenant's.
#[must_use]
pub fn things(
    tenant: &TenantName,
    key: Thing,
    kv: &str,
    services: &BTreeSet<ServiceName>,
    policies: &BTreeSet<String>,
) -> Vec<Thing> {
    let service_resources = |service: &ServiceName| {
        let name = service.of(tenant);
        let role = Role { name: name.clone(), policies: policies.clone(), holder: Holder::Service };
        let entity =
            Thing::Entity { kv: kv.to_owned(), name: name.clone(), tenant: tenant.to_string() };
        [entity, Thing::Role(role), Thing::Alias(name)]
    };
    std::iter::once(key).chain(services.iter().flat_map(service_resources)).collect()
}
