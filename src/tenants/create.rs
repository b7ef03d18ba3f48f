use std::collections::BTreeSet;

use super::{ServiceName, TenantName};
use crate::provision::{Holder, Role, Thing};

/// What a tenant is in Vault: a key, and for each service an entity that carries the tenant's name,
/// an AppRole, and an alias that joins the two.
///
/// The entity comes before the AppRole, so that an AppRole without one is somebody else's.
#[must_use]
pub fn things(
    tenant: &TenantName,
    key: Thing,
    kv: &str,
    services: &BTreeSet<ServiceName>,
    policies: &BTreeSet<String>,
) -> Vec<Thing> {
    let of_service = |service: &ServiceName| {
        let name = service.of(tenant);
        let role = Role { name: name.clone(), policies: policies.clone(), holder: Holder::Service };
        let entity =
            Thing::Entity { kv: kv.to_owned(), name: name.clone(), tenant: tenant.to_string() };
        [entity, Thing::Role(role), Thing::Alias(name)]
    };
    std::iter::once(key).chain(services.iter().flat_map(of_service)).collect()
}
