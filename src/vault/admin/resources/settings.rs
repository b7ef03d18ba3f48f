//! The rotation interval of a tenant's key.

use super::VaultResources;
use crate::{
    provisioning::{ProvisionError, ResourceState},
    tenants::{RotationInterval, TenantName},
    vault::admin::tenant_settings::TenantSettings,
};

impl VaultResources<'_> {
    pub(super) async fn read_rotation_interval(
        &self,
        kv: &str,
        tenant: &str,
        interval: &str,
    ) -> Result<ResourceState, ProvisionError> {
        let (tenant, interval) = parse(tenant, interval)?;
        let found = TenantSettings::at(self.operator, kv).rotation_interval(&tenant).await?;
        Ok(match found {
            None => ResourceState::Absent,
            Some(found) if found == interval => ResourceState::Present,
            Some(found) => {
                ResourceState::Drifted(format!("every {found} becomes every {interval}"))
            }
        })
    }

    pub(super) async fn ensure_rotation_interval(
        &self,
        kv: &str,
        tenant: &str,
        interval: &str,
    ) -> Result<(), ProvisionError> {
        let (tenant, interval) = parse(tenant, interval)?;
        TenantSettings::at(self.operator, kv).set_rotation_interval(&tenant, interval).await
    }
}

fn parse(tenant: &str, interval: &str) -> Result<(TenantName, RotationInterval), ProvisionError> {
    let name = TenantName::parse(tenant).ok_or_else(|| {
        ProvisionError(format!("`{}` is not a tenant's name", tenant.escape_debug()))
    })?;
    Ok((name, RotationInterval::parse(interval).map_err(ProvisionError)?))
}
