use std::collections::BTreeSet;

use super::{AppRoleSpec, Resource, RoleOwner};
use crate::tenants::{ServiceName, TenantName};

/// Returns the resources of a tenant: a key, and for each service an entity with the tenant's name
/// in its metadata, an AppRole, and an alias that links the two.
///
/// The entity is created before the AppRole, so that an AppRole without an entity is not a tenant's.
#[must_use]
pub fn tenant_resources(
    tenant: &TenantName,
    key: Resource,
    kv: &str,
    services: &BTreeSet<ServiceName>,
    policies: &BTreeSet<String>,
) -> Vec<Resource> {
    let service_resources = |service: &ServiceName| {
        let name = service.entity_name(tenant);
        let role = AppRoleSpec {
            name: name.clone(),
            policies: policies.clone(),
            owner: RoleOwner::Service,
        };
        let entity =
            Resource::Entity { kv: kv.to_owned(), name: name.clone(), tenant: tenant.to_string() };
        [entity, Resource::AppRole(role), Resource::Alias(name)]
    };
    std::iter::once(key).chain(services.iter().flat_map(service_resources)).collect()
}
