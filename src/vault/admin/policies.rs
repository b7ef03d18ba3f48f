use base64::{Engine, prelude::BASE64_STANDARD};
use rustify_derive::Endpoint;
use serde::{Deserialize, de::IgnoredAny};
use vaultrs::api::sys::requests::ReadHealthRequest;

use super::{Desk, nameable, remedy};
use crate::{
    policies::{Server, Store, StoreError, Stored},
    vault::{
        Session,
        client::Operation,
        error::{Failure, VaultError},
    },
};

/// The ACL policies in Vault.
pub struct Policies<'s> {
    desk: Desk<'s>,
}

#[derive(Endpoint)]
#[endpoint(path = "sys/policies/acl", method = "LIST")]
struct ListPoliciesRequest {}

#[derive(Deserialize)]
struct Names {
    keys: Vec<String>,
}

/// HashiCorp Vault says since 1.16 which edition it is; OpenBao has no such key, and no version
/// before 2.
#[derive(Deserialize)]
struct Edition {
    enterprise: Option<IgnoredAny>,
    version: String,
}

/// vaultrs reads policies by the legacy path alone.
#[derive(Endpoint)]
#[endpoint(path = "sys/policies/acl/{self.name}", method = "GET")]
pub(in crate::vault) struct ReadPolicyRequest {
    #[endpoint(skip)]
    name: String,
}

impl ReadPolicyRequest {
    pub(in crate::vault) fn of(name: &str) -> Result<Self, VaultError> {
        Ok(Self { name: nameable(name)? })
    }
}

/// All but the text is OpenBao's.
#[derive(Deserialize)]
pub(in crate::vault) struct PolicyData {
    pub(in crate::vault) policy: String,
    version: Option<u64>,
    expiration: Option<String>,
    #[serde(default)]
    cas_required: bool,
    #[serde(default)]
    allow_slashes_in_identity_templates: bool,
    #[serde(default)]
    allow_wildcards_in_identity_templates: bool,
}

#[derive(Endpoint)]
#[endpoint(path = "sys/policies/acl/{self.name}", method = "PUT")]
struct WritePolicyRequest {
    #[endpoint(skip)]
    name: String,
    /// In base64, since a text that happens to be that would be decoded.
    policy: String,
    /// The version that is replaced, 0 for none. HashiCorp Vault passes over it.
    cas: Option<u64>,
    cas_required: bool,
}

#[derive(Endpoint)]
#[endpoint(path = "sys/policies/acl/{self.name}", method = "DELETE")]
struct DeletePolicyRequest {
    #[endpoint(skip)]
    name: String,
}

impl<'s> Policies<'s> {
    /// The policies that this session's token may see and change.
    #[must_use]
    pub fn new(session: &'s Session) -> Self {
        Self { desk: Desk { session } }
    }

    /// Writes a policy in the place of `before`.
    pub(super) async fn put(
        &self,
        name: &str,
        text: &str,
        before: Option<&Stored>,
    ) -> Result<(), VaultError> {
        let request = WritePolicyRequest {
            name: nameable(name)?,
            policy: BASE64_STANDARD.encode(text),
            cas: before.map_or(Some(0), |before| before.version),
            cas_required: before.is_some_and(|before| before.cas_required),
        };
        self.desk.done(request).await
    }

    /// Which server keeps the policies, by what it says of itself at `sys/health`.
    ///
    /// # Errors
    /// If it does not answer, or is sealed.
    pub async fn server(&self) -> Result<Server, StoreError> {
        let client = self.desk.session.client();
        let request = ReadHealthRequest {
            standbyok: Some(true),
            perfstandbyok: Some(true),
            ..ReadHealthRequest::default()
        };
        let edition: Result<Edition, _> = client.server(Operation::Admin, request).await;
        let edition = edition.map_err(|error| {
            StoreError(format!("cannot find out which server this is: {error}"))
        })?;
        let is_vault = edition.enterprise.is_some() || edition.version.starts_with("1.");
        Ok(if is_vault { Server::Vault } else { Server::OpenBao })
    }
}

impl Store for Policies<'_> {
    async fn names(&self) -> Result<Vec<String>, StoreError> {
        let names: Result<Names, _> = self.desk.data(ListPoliciesRequest {}).await;
        names.map(|names| names.keys).map_err(|error| explain(&error, "list policies", LIST))
    }

    async fn read(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        let read = async { self.desk.data(ReadPolicyRequest::of(name)?).await };
        match read.await {
            Ok(data) => Ok(Some(PolicyData::into(data))),
            Err(error) if error.failure == Failure::NotFound => Ok(None),
            Err(error) => Err(explain(&error, &format!("read the policy {name}"), "read")),
        }
    }

    async fn write(
        &self,
        name: &str,
        text: &str,
        before: Option<&Stored>,
    ) -> Result<(), StoreError> {
        let what = format!("write the policy {name}");
        let written = self.put(name, text, before).await;
        written.map_err(|error| explain(&error, &what, "create and update"))
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let delete = async { self.desk.done(DeletePolicyRequest { name: nameable(name)? }).await };
        let what = format!("delete the policy {name}");
        delete.await.map_err(|error| explain(&error, &what, "delete"))
    }
}

const LIST: &str = "list";

impl From<PolicyData> for Stored {
    fn from(data: PolicyData) -> Self {
        let flags = [
            (
                data.allow_slashes_in_identity_templates,
                "a value with a slash may fill a template (allow_slashes_in_identity_templates)",
            ),
            (
                data.allow_wildcards_in_identity_templates,
                "a value with a wildcard may fill a template \
                 (allow_wildcards_in_identity_templates)",
            ),
        ];
        let set = flags.into_iter().filter(|(set, _)| *set).map(|(_, words)| words.to_owned());
        let expires = data.expiration.map(|time| format!("it expires at {time}"));
        Self {
            text: data.policy,
            version: data.version,
            cas_required: data.cas_required,
            beside: expires.into_iter().chain(set).collect(),
        }
    }
}

/// What could not be done, why, and what helps.
fn explain(error: &VaultError, what: &str, needed: &str) -> StoreError {
    let below = if needed == LIST { "" } else { "/+" };
    let needed = format!("{needed} on sys/policies/acl{below}, as policies/operator.hcl has it");
    let remedy = remedy(error, &needed);
    StoreError(format!("cannot {what}: {error}{remedy}"))
}
