use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use super::MountArgs;
use crate::{
    cli::{ask::consents, misused, names::tenant, operator::Operator, output::Output},
    policies::Mounts,
    tenants::TenantName,
    vault::{Members, Removal, Removed},
};

/// Take a person out of a tenant.
///
/// The tenant is taken out of the metadata of the person's entity, so that rules that name the tenant no
/// longer hold for the person's tokens. The account, its other policies and its tokens stay, unless
/// --delete-user is given: Vault refuses the tokens then. That cannot be undone, so it asks on a terminal;
/// elsewhere it needs --yes.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants members remove acme ana
  vault-auth-validator tenants members remove acme ana --delete-user
  vault-auth-validator tenants members remove acme ana --delete-user --yes")]
pub(super) struct Remove {
    /// The tenant.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    /// The name that the person logs in by.
    name: String,
    /// Delete the person's account, of user name and password, and the entity if no other login is its.
    #[arg(long)]
    delete_user: bool,
    /// With --delete-user: delete without asking.
    #[arg(long, requires = "delete_user")]
    yes: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    mount: MountArgs,
}

impl Remove {
    pub(super) fn run(self) -> ExitCode {
        if self.asks() && !io::stdin().is_terminal() {
            return misused("--delete-user asks first, and there is nobody to ask: add --yes");
        }
        let mount = self.mount.clone();
        mount.run(async |operator, mounts, mount| self.remove(&operator, &mounts, &mount).await)
    }

    fn asks(&self) -> bool {
        self.delete_user && !self.yes
    }

    async fn remove(
        &self,
        operator: &Operator,
        mounts: &Mounts,
        mount: &str,
    ) -> Result<ExitCode, String> {
        if self.asks() {
            let (name, tenant) = (&self.name, &self.tenant);
            let question = format!(
                "Delete the account {name} at {mount}/, and take {name} out of {tenant}? Nobody can \
                 undo it."
            );
            if !consents(&question)? {
                return Err("nothing was changed".to_owned());
            }
        }
        let removal = if self.delete_user { Removal::DeleteAccount } else { Removal::KeepAccount };
        let members = Members::new(&operator.session, mounts);
        let removed = members.remove_person(&self.tenant, mount, &self.name, removal).await;
        let removed = removed.map_err(|trouble| trouble.to_string())?;
        self.output.print(
            || {
                json!({
                    "tenant": self.tenant.as_str(),
                    "name": self.name,
                    "mount": mount,
                    "account_deleted": self.delete_user,
                    "tokens_refused": removed == Removed::Entity,
                })
            },
            |_| self.as_text(removed),
        );
        Ok(ExitCode::SUCCESS)
    }

    fn as_text(&self, removed: Removed) -> String {
        let (name, tenant) = (&self.name, &self.tenant);
        let tokens = match (self.delete_user, removed) {
            (_, Removed::Entity) => {
                "The account and its entity are deleted, and Vault refuses its tokens; the validator \
                 does within VALIDATOR_CACHE_TTL."
            }
            (true, Removed::Membership) => {
                "The account is deleted. Its tokens live until they expire, since the person's entity \
                 has other logins."
            }
            (false, Removed::Membership) => {
                "Rules that name the tenant hold no longer, in Vault at once and in the validator \
                 within VALIDATOR_CACHE_TTL. The account, its tokens and their other policies stay."
            }
        };
        format!("{name} no longer belongs to {tenant}.\n{tokens}")
    }
}
