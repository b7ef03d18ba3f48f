//! What an operator does to Vault, with the operator's own token.

mod account_plan;
mod effective;
mod examiner;
mod init_plan;
mod key_rotation;
mod members;
mod membership_plan;
mod platform_plan;
mod policies;
mod rotation_schedules;
mod secret_id_delivery;
mod stand_ins;
mod tenant_plan;
mod tenant_settings;
mod tenants;
mod things;

use std::time::Duration;

use rustify::endpoint::Endpoint;
use secrecy::SecretString;
use serde::de::DeserializeOwned;

pub(super) use self::policies::{PolicyData, ReadPolicyRequest};
pub use self::{
    account_plan::{AccountPlan, parse_user_name},
    examiner::{Examiner, Key, Mount, TokenRecord, Untold},
    init_plan::{InitPlan, read_root_token},
    members::{Members, Removal, Removed},
    membership_plan::{DesiredMember, MembershipPlan},
    platform_plan::PlatformPlan,
    policies::Policies,
    rotation_schedules::{RotationSchedules, unreadable_settings},
    secret_id_delivery::SecretIdDelivery,
    stand_ins::StandIns,
    tenant_plan::{DesiredTenant, TenantPlan},
    tenant_settings::{RotationIntervals, TenantSettings},
    tenants::{Source, Tenants},
    things::{LoginMethod, Things, account_path, is_user_name},
};
use crate::vault::{
    Session,
    call::Call,
    client::Operation,
    error::{Failure, VaultError},
};

/// Makes calls in the name of an operator.
#[derive(Clone, Copy)]
struct Desk<'s> {
    session: &'s Session,
}

impl Desk<'_> {
    /// The `data` of the answer to this call.
    async fn data<T: DeserializeOwned>(self, endpoint: impl Endpoint) -> Result<T, VaultError> {
        self.data_in(Operation::Admin, endpoint).await
    }

    /// The same for a call of this kind.
    async fn data_in<T: DeserializeOwned>(
        self,
        operation: Operation,
        endpoint: impl Endpoint,
    ) -> Result<T, VaultError> {
        let own = self.session.token().await?;
        self.session.client().data(operation, &own.token, endpoint).await
    }

    /// The same; `None` if the answer is a yes without anything in it.
    async fn data_if_any<T: DeserializeOwned>(
        self,
        endpoint: impl Endpoint,
    ) -> Result<Option<T>, VaultError> {
        let own = self.session.token().await?;
        self.session.client().data_if_any(Operation::Admin, &own.token, endpoint).await
    }

    /// A token for the answer to this call, which Vault keeps back for that long.
    async fn wrapped(
        self,
        endpoint: impl Endpoint,
        life: Duration,
    ) -> Result<SecretString, VaultError> {
        let own = self.session.token().await?;
        self.session.client().wrapped(Operation::Admin, &own.token, endpoint, life).await
    }

    /// The `auth` of the answer to this call, which brings a token.
    async fn auth<T: DeserializeOwned>(self, endpoint: impl Endpoint) -> Result<T, VaultError> {
        let own = self.session.token().await?;
        self.session.client().auth(Operation::Admin, Some(&own.token), endpoint).await
    }

    /// Makes a call whose answer is of no interest but for its being a yes.
    async fn done(self, endpoint: impl Endpoint) -> Result<(), VaultError> {
        let own = self.session.token().await?;
        self.session.client().done(Operation::Admin, &own.token, endpoint).await
    }
}

/// What helps against this failure of a call that needs this, as `read on sys/mounts`.
pub(super) fn remedy(error: &VaultError, needed: &str) -> String {
    match error.failure {
        Failure::OwnPolicy => format!("; your token needs {needed}"),
        Failure::OwnToken => {
            "; your token is unknown, expired or revoked: run `vault login`, or set \
                              VAULT_TOKEN to another"
                .to_owned()
        }
        Failure::Sealed => "; unseal Vault first".to_owned(),
        Failure::Connect | Failure::Timeout | Failure::Reset => {
            "; VAULT_ADDR says where Vault is, VALIDATOR_VAULT_TIMEOUT how long it may take"
                .to_owned()
        }
        _ => String::new(),
    }
}

/// A name at the end of a path. A URL drops the segments `.` and `..`, and so names another thing.
fn nameable(name: &str) -> Result<String, VaultError> {
    let lost = name.split('/').any(|segment| matches!(segment, "" | "." | ".."));
    (!lost).then(|| name.to_owned()).ok_or_else(|| {
        VaultError::new(Failure::Local, format!("no URL can name `{}`", name.escape_debug()))
    })
}

#[cfg(test)]
mod tests {
    use super::nameable;

    #[test]
    fn a_name_that_a_url_would_change_is_refused() {
        for name in ["a", "a b/c?%", "..."] {
            assert_eq!(nameable(name).ok().as_deref(), Some(name));
        }
        for name in ["", ".", "..", "a/../b", "a//b", "a/"] {
            assert!(nameable(name).is_err(), "{name}");
        }
    }
}
