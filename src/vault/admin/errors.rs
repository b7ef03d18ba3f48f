//! Error messages: what failed, and what to do.

use crate::{
    provision::Trouble,
    vault::client::{Failure, VaultError},
};

/// Returns what to do about the failure of a call that needs these capabilities, such as
/// `read on sys/mounts`.
pub(in crate::vault) fn remedy(error: &VaultError, needed: &str) -> String {
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

/// Returns the error of an action that needs these capabilities.
pub(super) fn provision_error(error: &VaultError, action: &str, needed: &str) -> Trouble {
    Trouble(format!("cannot {action}: {error}{}", remedy(error, needed)))
}

/// Returns the error of an action at a path, by the capability that it needs.
fn at(path: &str, verb: &str, capability: &str) -> impl FnOnce(VaultError) -> Trouble {
    let (action, needed) = (format!("{verb} {path}"), format!("{capability} on {path}"));
    move |error| provision_error(&error, &action, &needed)
}

/// Returns the error of a read.
pub(super) fn cannot_read(path: &str) -> impl FnOnce(VaultError) -> Trouble {
    at(path, "read", "read")
}

/// Returns the error of a list.
pub(super) fn cannot_list(path: &str) -> impl FnOnce(VaultError) -> Trouble {
    let (action, needed) = (format!("list {path}"), format!("list on {path}/"));
    move |error| provision_error(&error, &action, &needed)
}

/// Returns the error of a write that needs `update`.
pub(super) fn cannot_write(path: &str) -> impl FnOnce(VaultError) -> Trouble {
    at(path, "write", "update")
}

/// Returns the error of a write that needs `create`.
pub(super) fn cannot_create(path: &str) -> impl FnOnce(VaultError) -> Trouble {
    at(path, "write", "create")
}

/// Returns the error of a deletion.
pub(super) fn cannot_delete(path: &str) -> impl FnOnce(VaultError) -> Trouble {
    at(path, "delete", "delete")
}

/// Returns `None` for the answer that there is no mount at the path.
pub(super) fn none_if_no_mount<T: Default>(answer: Result<T, VaultError>) -> Result<T, VaultError> {
    match answer {
        Err(error) if error.failure == Failure::NoMount => Ok(T::default()),
        answer => answer,
    }
}
