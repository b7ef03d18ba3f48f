use crate::{secrets::NameError, tenants::TenantName};

/// Reads the name of a tenant, as an argument of whatever command.
///
/// # Errors
/// The form that it should have.
pub(super) fn tenant(text: &str) -> Result<TenantName, NameError> {
    TenantName::parse(text).ok_or(NameError::Tenant)
}
