use serde::{Deserialize, de::IgnoredAny};
use vaultrs::api::sys::requests::ReadHealthRequest;

use super::{OperatorClient, errors::hint};
use crate::{
    policy::{PolicyStore, PolicyStoreError, Server, StoredPolicy},
    vault::{
        VaultSession,
        api::policies::{
            AclPolicy, CheckAndSet, delete_policy, list_policies, read_policy, write_policy,
        },
        client::Operation,
        client::VaultError,
    },
};

/// The ACL policies in Vault.
pub struct VaultPolicies<'s> {
    operator: OperatorClient<'s>,
    /// The shipped policy that grants the needed capabilities, for error messages.
    granted_by: &'static str,
}

/// HashiCorp Vault reports its edition since 1.16. OpenBao has no such key, and no version before 2.
#[derive(Deserialize)]
struct Edition {
    enterprise: Option<IgnoredAny>,
    version: String,
}

impl<'s> VaultPolicies<'s> {
    /// Reads and writes with the token of this session.
    #[must_use]
    pub fn new(session: &'s VaultSession) -> Self {
        Self { operator: OperatorClient { session }, granted_by: "policies/operator.hcl" }
    }

    /// Reads with the token of the service's own session.
    #[must_use]
    pub fn for_service(session: &'s VaultSession) -> Self {
        Self { granted_by: "policies/validator-drift.hcl", ..Self::new(session) }
    }

    /// Returns the error of an action, with what to do about it.
    fn store_error(&self, error: &VaultError, action: &str, capability: &str) -> PolicyStoreError {
        let below = if capability == LIST { "" } else { "/+" };
        let needed =
            format!("{capability} on sys/policies/acl{below}, as {} has it", self.granted_by);
        PolicyStoreError(format!("cannot {action}: {error}{}", hint(error, &needed)))
    }

    /// Writes a policy in the place of `before`.
    pub(super) async fn put(
        &self,
        name: &str,
        text: &str,
        before: Option<&StoredPolicy>,
    ) -> Result<(), VaultError> {
        let check = CheckAndSet {
            cas: before.map_or(Some(0), |before| before.version),
            cas_required: before.is_some_and(|before| before.cas_required),
        };
        self.operator
            .call(async |client, token| write_policy(client, token, name, text, check).await)
            .await
    }

    /// Returns the product that the server is, by its answer at `sys/health`.
    ///
    /// # Errors
    /// If the server does not answer, or is sealed.
    pub async fn server(&self) -> Result<Server, PolicyStoreError> {
        let client = self.operator.session.client();
        let request = ReadHealthRequest {
            standbyok: Some(true),
            perfstandbyok: Some(true),
            ..ReadHealthRequest::default()
        };
        let edition: Result<Edition, _> = client.unauthenticated(Operation::Admin, request).await;
        let edition = edition.map_err(|error| {
            PolicyStoreError(format!("cannot read the server's version: {error}"))
        })?;
        let is_vault = edition.enterprise.is_some() || edition.version.starts_with("1.");
        Ok(if is_vault { Server::Vault } else { Server::OpenBao })
    }
}

impl PolicyStore for VaultPolicies<'_> {
    async fn names(&self) -> Result<Vec<String>, PolicyStoreError> {
        let names = self.operator.call(list_policies).await;
        names.map_err(|error| self.store_error(&error, "list policies", LIST))
    }

    async fn read(&self, name: &str) -> Result<Option<StoredPolicy>, PolicyStoreError> {
        let policy = self
            .operator
            .call(async |client, token| read_policy(client, token, name).await)
            .await
            .map_err(|error| {
                self.store_error(&error, &format!("read the policy {name}"), "read")
            })?;
        Ok(policy.map(AclPolicy::into))
    }

    async fn write(
        &self,
        name: &str,
        text: &str,
        before: Option<&StoredPolicy>,
    ) -> Result<(), PolicyStoreError> {
        let action = format!("write the policy {name}");
        let written = self.put(name, text, before).await;
        written.map_err(|error| self.store_error(&error, &action, "create and update"))
    }

    async fn delete(&self, name: &str) -> Result<(), PolicyStoreError> {
        let action = format!("delete the policy {name}");
        self.operator
            .call(async |client, token| delete_policy(client, token, name).await)
            .await
            .map_err(|error| self.store_error(&error, &action, "delete"))
    }
}

const LIST: &str = "list";

impl From<AclPolicy> for StoredPolicy {
    fn from(policy: AclPolicy) -> Self {
        let flags = [
            (
                policy.allow_slashes_in_identity_templates,
                "a value with a slash may fill a template (allow_slashes_in_identity_templates)",
            ),
            (
                policy.allow_wildcards_in_identity_templates,
                "a value with a wildcard may fill a template \
                 (allow_wildcards_in_identity_templates)",
            ),
        ];
        let set = flags.into_iter().filter(|(set, _)| *set).map(|(_, words)| words.to_owned());
        let expires = policy.expiration.map(|time| format!("it expires at {time}"));
        Self {
            text: policy.policy,
            version: policy.version,
            cas_required: policy.cas_required,
            extra_settings: expires.into_iter().chain(set).collect(),
        }
    }
}
