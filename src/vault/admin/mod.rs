//! Administration of Vault with an operator's own token.

mod account_plan;
mod effective_policies;
mod errors;
mod init_plan;
mod inspector;
mod membership_plan;
mod platform_plan;
mod policies;
mod removal;
mod resources;
mod rotation_schedules;
mod secret_id_delivery;
mod tenant_plan;
mod tenant_settings;
mod tenants;
mod test_principals;

use secrecy::SecretString;

pub(super) use self::errors::hint;
pub use self::{
    account_plan::{AccountPlan, parse_user_name},
    init_plan::{InitPlan, read_root_token},
    inspector::{InspectError, Inspector, TokenDetails},
    membership_plan::{DesiredMember, MembershipPlan},
    platform_plan::PlatformPlan,
    policies::VaultPolicies,
    removal::{AccountRemoval, MemberRemover, RemovalResult},
    resources::{LoginMethod, VaultResources},
    rotation_schedules::{RotationSchedules, unreadable_settings},
    secret_id_delivery::SecretIdDelivery,
    tenant_plan::{DesiredTenant, TenantPlan},
    tenant_settings::{RotationIntervals, TenantSettings},
    tenants::{MemberSource, TenantDirectory},
    test_principals::TestPrincipals,
};
use crate::vault::{Client, VaultSession, client::VaultError};

/// Makes calls with the token of an operator's session.
#[derive(Clone, Copy)]
struct OperatorClient<'s> {
    session: &'s VaultSession,
}

impl OperatorClient<'_> {
    /// Makes this call of [`crate::vault::api`].
    async fn call<T>(
        self,
        call: impl AsyncFnOnce(&Client, &SecretString) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let own = self.session.token().await?;
        call(self.session.client(), &own.token).await
    }
}
