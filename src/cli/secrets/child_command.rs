use std::{ffi::OsStr, process::Command};

use crate::config;

/// Creates a command whose environment lacks the credentials that this process logs in to Vault
/// with.
pub(super) fn child_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in config::credential_variables() {
        command.env_remove(name);
    }
    command
}
