use std::io::{self, IsTerminal};

use clap::Args;

use crate::{cli::prompt::prompt, tenants::TenantName};

/// The confirmation of a command that cannot be undone: the tenant's name.
#[derive(Args, Clone)]
pub(super) struct Confirm {
    /// The tenant's name again, instead of a prompt for it.
    #[arg(long, value_name = "TENANT")]
    confirm: Option<String>,
}

impl Confirm {
    /// Returns the error in the arguments: a different name, or no name where no prompt is possible.
    pub(super) fn fault(&self, tenant: &TenantName, command: &str) -> Option<String> {
        match &self.confirm {
            Some(confirmed) if confirmed != tenant.as_str() => {
                Some("--confirm names another tenant".to_owned())
            }
            None if !io::stdin().is_terminal() => Some(format!(
                "{command} asks for the tenant's name, but standard input is not a terminal: add \
                 --confirm {tenant}"
            )),
            _ => None,
        }
    }

    /// Prompts for the tenant's name, unless --confirm gave it.
    ///
    /// # Errors
    /// Returns a message if the answer is different.
    pub(super) fn ask(&self, tenant: &TenantName, consequence: &str) -> Result<(), String> {
        if self.confirm.is_some() {
            return Ok(());
        }
        let typed =
            prompt(&format!("{consequence} This cannot be undone.\nType the tenant's name"))?;
        let same = typed == tenant.as_str();
        same.then_some(()).ok_or_else(|| "the name does not match; nothing was done".to_owned())
    }
}
