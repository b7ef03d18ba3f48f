//! Error messages: what failed, and what to do.

use crate::{
    provisioning::ProvisionError,
    vault::client::{FailureKind, VaultError},
};

/// Returns what to do about the failure of a call that needs these capabilities, such as
/// `read on sys/mounts`.
pub(in crate::vault) fn hint(error: &VaultError, needed: &str) -> String {
    match error.kind {
        FailureKind::PermissionDenied => format!("; your token needs {needed}"),
        FailureKind::TokenRejected => {
            "; your token is unknown, expired or revoked: run `vault login`, or set \
                              VAULT_TOKEN to another"
                .to_owned()
        }
        FailureKind::Sealed => "; unseal Vault first".to_owned(),
        FailureKind::Connect | FailureKind::Timeout | FailureKind::Reset => {
            "; VAULT_ADDR sets the address of Vault, VALIDATOR_VAULT_TIMEOUT the timeout".to_owned()
        }
        _ => String::new(),
    }
}

/// Returns the error of an action that needs these capabilities.
pub(super) fn provision_error(error: &VaultError, action: &str, needed: &str) -> ProvisionError {
    ProvisionError(format!("cannot {action}: {error}{}", hint(error, needed)))
}

/// Returns the error of an action at a path, by the capability that it needs.
fn at(path: &str, verb: &str, capability: &str) -> impl FnOnce(VaultError) -> ProvisionError {
    let (action, needed) = (format!("{verb} {path}"), format!("{capability} on {path}"));
    move |error| provision_error(&error, &action, &needed)
}

/// Returns the error of a read.
pub(super) fn cannot_read(path: &str) -> impl FnOnce(VaultError) -> ProvisionError {
    at(path, "read", "read")
}

/// Returns the error of a list.
pub(super) fn cannot_list(path: &str) -> impl FnOnce(VaultError) -> ProvisionError {
    let (action, needed) = (format!("list {path}"), format!("list on {path}/"));
    move |error| provision_error(&error, &action, &needed)
}

/// Returns the error of a write that needs `update`.
pub(super) fn cannot_write(path: &str) -> impl FnOnce(VaultError) -> ProvisionError {
    at(path, "write", "update")
}

/// Returns the error of a write that needs `create`.
pub(super) fn cannot_create(path: &str) -> impl FnOnce(VaultError) -> ProvisionError {
    at(path, "write", "create")
}

/// Returns the error of a deletion.
pub(super) fn cannot_delete(path: &str) -> impl FnOnce(VaultError) -> ProvisionError {
    at(path, "delete", "delete")
}

/// Returns `None` for the answer that there is no mount at the path.
pub(super) fn none_if_no_mount<T: Default>(answer: Result<T, VaultError>) -> Result<T, VaultError> {
    match answer {
        Err(error) if error.kind == FailureKind::MountNotFound => Ok(T::default()),
        answer => answer,
    }
}
