//! The manners of all commands: what they print and where, how they reach Vault and what they say if
//! they cannot, and that nothing is left behind.

mod messages;
mod pages;
mod printing;
mod reaching;
mod tokens;

use std::{fs, path::Path};

use crate::support::{platform::AppRole, shell::Shell};

/// A shell that logs in with this role, whose secret id is in a file of this folder.
fn with_role(address: &str, role: &AppRole, dir: &Path) -> Shell {
    let file = dir.join("secret-id");
    fs::write(&file, &role.secret_id).expect("a file");
    Shell::new(address, "")
        .with("VALIDATOR_ROLE_ID", &role.role_id)
        .with("VALIDATOR_SECRET_ID_FILE", &file.display().to_string())
}
