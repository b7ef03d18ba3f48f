//! The rotation interval of a tenant's key.

use super::Things;
use crate::{
    provision::{State, Trouble},
    tenants::{RotationInterval, TenantName},
    vault::admin::tenant_settings::TenantSettings,
};

impl Things<'_> {
    pub(super) async fn read_rotation_interval(
        &self,
        kv: &str,
        tenant: &str,
        interval: &str,
    ) -> Result<State, Trouble> {
        let (tenant, interval) = parse(tenant, interval)?;
        let found = TenantSettings::at(self.operator, kv).rotation_interval(&tenant).await?;
        Ok(match found {
            None => State::Missing,
            Some(found) if found == interval => State::There,
            Some(found) => State::Differs(format!("every {found} becomes every {interval}")),
        })
    }

    pub(super) async fn ensure_rotation_interval(
        &self,
        kv: &str,
        tenant: &str,
        interval: &str,
    ) -> Result<(), Trouble> {
        let (tenant, interval) = parse(tenant, interval)?;
        TenantSettings::at(self.operator, kv).set_rotation_interval(&tenant, interval).await
    }
}

fn parse(tenant: &str, interval: &str) -> Result<(TenantName, RotationInterval), Trouble> {
    let name = TenantName::parse(tenant)
        .ok_or_else(|| Trouble(format!("`{}` is not a tenant's name", tenant.escape_debug())))?;
    Ok((name, RotationInterval::parse(interval).map_err(Trouble)?))
}
