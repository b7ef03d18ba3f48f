//! Parsers of names in arguments.

use crate::{
    policy::PolicyName,
    secrets::NameError,
    tenants::{ServiceName, TenantName},
};

/// Parses the name of a tenant.
///
/// # Errors
/// States the form of a name.
pub(super) fn parse_tenant(text: &str) -> Result<TenantName, NameError> {
    TenantName::parse(text).ok_or(NameError::Tenant)
}

/// Parses the name of a service.
///
/// # Errors
/// States the form of a name.
pub(super) fn parse_service(text: &str) -> Result<ServiceName, String> {
    ServiceName::parse(text).ok_or_else(|| {
        "a service name has the same form as a tenant name, such as chatwoot or n8n".to_owned()
    })
}

/// Parses the name of a policy.
///
/// # Errors
/// Names the character or the form that is not allowed.
pub(super) fn parse_policy(text: &str) -> Result<PolicyName, String> {
    PolicyName::parse(text).map_err(|error| error.to_string())
}
