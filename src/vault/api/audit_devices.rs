//! Audit devices (`sys/audit`).

use secrecy::SecretString;
use serde_json::json;

use super::mounts::MountTable;
use crate::vault::{
    Client, api::request::write, client::ApiRequest, client::Operation, client::VaultError,
};

/// The path of the audit device that writes to a file.
pub(in crate::vault) const FILE_DEVICE: &str = "sys/audit/file";

/// Lists the audit devices.
pub(in crate::vault) async fn list_audit_devices(
    client: &Client,
    token: &SecretString,
) -> Result<MountTable, VaultError> {
    client.data(Operation::Admin, token, &ApiRequest::get("sys/audit")).await
}

/// Enables an audit device that writes to a file on Vault's machine.
pub(in crate::vault) async fn enable_file_device(
    client: &Client,
    token: &SecretString,
    file: &str,
) -> Result<(), VaultError> {
    let body = json!({"type": "file", "options": {"file_path": file}});
    write(client, token, Operation::Admin, FILE_DEVICE, &body).await
}
