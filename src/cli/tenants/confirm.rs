use std::io::{self, IsTerminal};

use clap::Args;

use crate::{cli::ask::ask, tenants::TenantName};

/// The consent to something that cannot be undone: the tenant's name, typed.
#[derive(Args, Clone)]
pub(super) struct Confirm {
    /// The tenant's name once more, instead of asking for it.
    #[arg(long, value_name = "TENANT")]
    confirm: Option<String>,
}

impl Confirm {
    /// Returns the fault in the arguments if there is neither consent nor anybody to ask.
    pub(super) fn fault(&self, tenant: &TenantName, command: &str) -> Option<String> {
        match &self.confirm {
            Some(confirmed) if confirmed != tenant.as_str() => {
                Some("--confirm names another tenant".to_owned())
            }
            None if !io::stdin().is_terminal() => Some(format!(
                "{command} asks for the tenant's name, and there is nobody to ask: add --confirm \
                 {tenant}"
            )),
            _ => None,
        }
    }

    /// Asks for the tenant's name, unless it was given.
    ///
    /// # Errors
    /// A message if another text was typed.
    pub(super) fn ask(&self, tenant: &TenantName, consequence: &str) -> Result<(), String> {
        if self.confirm.is_some() {
            return Ok(());
        }
        let typed = ask(&format!("{consequence} Nobody can undo it.\nType the tenant's name"))?;
        let same = typed == tenant.as_str();
        same.then_some(()).ok_or_else(|| "that is not its name; nothing was done".to_owned())
    }
}
