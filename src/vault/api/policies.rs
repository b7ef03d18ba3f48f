//! ACL policies (`sys/policies/acl`).

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::vault::{
    Client,
    api::request::{checked, delete, read},
    client::ApiRequest,
    client::Operation,
    client::VaultError,
};

/// A policy. All fields but the text are OpenBao's.
#[derive(Deserialize)]
pub(in crate::vault) struct AclPolicy {
    pub(in crate::vault) policy: String,
    pub(in crate::vault) version: Option<u64>,
    pub(in crate::vault) expiration: Option<String>,
    #[serde(default)]
    pub(in crate::vault) cas_required: bool,
    #[serde(default)]
    pub(in crate::vault) allow_slashes_in_identity_templates: bool,
    #[serde(default)]
    pub(in crate::vault) allow_wildcards_in_identity_templates: bool,
}

/// The version that a write replaces, 0 for none. HashiCorp Vault ignores it.
#[derive(Clone, Copy, Serialize)]
pub(in crate::vault) struct CheckAndSet {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::vault) cas: Option<u64>,
    pub(in crate::vault) cas_required: bool,
}

fn path(name: &str) -> String {
    format!("sys/policies/acl/{name}")
}

/// Lists the names of all policies.
pub(in crate::vault) async fn list_policies(
    client: &Client,
    token: &SecretString,
) -> Result<Vec<String>, VaultError> {
    #[derive(Deserialize)]
    struct Names {
        keys: Vec<String>,
    }
    let answer = client.data(Operation::Admin, token, &ApiRequest::list("sys/policies/acl")).await;
    answer.map(|Names { keys }| keys)
}

/// Reads a policy.
pub(in crate::vault) async fn read_policy(
    client: &Client,
    token: &SecretString,
    name: &str,
) -> Result<Option<AclPolicy>, VaultError> {
    read(client, token, Operation::Policy, &path(name)).await
}

/// Writes a policy.
pub(in crate::vault) async fn write_policy(
    client: &Client,
    token: &SecretString,
    name: &str,
    text: &str,
    check: CheckAndSet,
) -> Result<(), VaultError> {
    #[derive(Serialize)]
    struct Body {
        /// In base64, since Vault would decode a text that happens to be valid base64.
        policy: String,
        #[serde(flatten)]
        check: CheckAndSet,
    }
    let path = path(name);
    let body = Body { policy: BASE64_STANDARD.encode(text), check };
    client.execute(Operation::Admin, token, &ApiRequest::post(checked(&path)?, &body)).await
}

/// Deletes a policy.
pub(in crate::vault) async fn delete_policy(
    client: &Client,
    token: &SecretString,
    name: &str,
) -> Result<(), VaultError> {
    delete(client, token, Operation::Admin, &path(name)).await
}
