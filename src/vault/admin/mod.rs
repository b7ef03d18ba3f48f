//! Administration of Vault with an operator's own token.

mod effective_policies;
mod errors;
mod inspector;
mod policies;
mod removal;
mod resources;
mod tenant_settings;
mod tenants;
mod test_principals;

use secrecy::SecretString;

pub(super) use self::errors::remedy;
pub use self::{
    inspector::{Examiner, TokenRecord, Untold},
    policies::Policies,
    removal::{Members, Removal, Removed},
    resources::{LoginMethod, Things},
    tenant_settings::{RotationIntervals, TenantSettings},
    tenants::{Source, Tenants},
    test_principals::StandIns,
};
use crate::vault::{Client, Session, client::VaultError};

/// Makes calls with the token of an operator's session.
#[derive(Clone, Copy)]
struct OperatorClient<'s> {
    session: &'s Session,
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
