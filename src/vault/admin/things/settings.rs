use super::Things;
use crate::{
    provision::{State, Trouble},
    tenants::{RotationInterval, TenantName},
    vault::admin::tenant_settings::TenantSettings,
};

impl Things<'_> {
    pub(super) async fn look_for_rotate_every(
        &self,
        kv: &str,
        tenant: &str,
        interval: &str,
    ) -> Result<State, Trouble> {
        let (tenant, interval) =
            (name(tenant)?, RotationInterval::parse(interval).map_err(Trouble)?);
        let found = TenantSettings::at(self.desk, kv).rotation_interval(&tenant).await?;
        Ok(match found {
            None => State::Missing,
            Some(found) if found == interval => State::There,
            Some(found) => State::Differs(format!("every {found} becomes every {interval}")),
        })
    }

    pub(super) async fn make_rotate_every(
        &self,
        kv: &str,
        tenant: &str,
        interval: &str,
    ) -> Result<(), Trouble> {
        let (tenant, interval) =
            (name(tenant)?, RotationInterval::parse(interval).map_err(Trouble)?);
        TenantSettings::at(self.desk, kv).set_rotation_interval(&tenant, interval).await
    }
}

fn name(tenant: &str) -> Result<TenantName, Trouble> {
    let name = TenantName::parse(tenant);
    name.ok_or_else(|| Trouble(format!("`{}` is no tenant's name", tenant.escape_debug())))
}
