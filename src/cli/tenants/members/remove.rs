use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use super::MountArgs;
use crate::{
    cli::{
        names::parse_tenant, operator::Operator, output::OutputArgs, prompt::confirm, usage_error,
    },
    policy::Mounts,
    tenants::TenantName,
    vault::{AccountRemoval, MemberRemover, RemovalResult},
};

/// Remove a person from a tenant.
///
/// Removes the tenant from the metadata of the person's entity, so that rules for the tenant no longer
/// apply to the person's tokens. The account, its other policies and its tokens remain, unless
/// --delete-user is set: Vault then rejects the tokens. Since that cannot be undone, it asks on a
/// terminal; elsewhere it needs --yes.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants members remove acme ana
  vault-auth-validator tenants members remove acme ana --delete-user
  vault-auth-validator tenants members remove acme ana --delete-user --yes")]
pub(super) struct RemoveMemberArgs {
    /// The tenant.
    #[arg(value_parser = parse_tenant)]
    tenant: TenantName,
    /// The name that the person logs in with.
    name: String,
    /// Delete the person's account (user name and password), and the entity if it has no other login.
    #[arg(long)]
    delete_user: bool,
    /// With --delete-user: delete without asking.
    #[arg(long, requires = "delete_user")]
    yes: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mount: MountArgs,
}

impl RemoveMemberArgs {
    pub(super) fn run(self) -> ExitCode {
        if self.asks() && !io::stdin().is_terminal() {
            return usage_error(
                "--delete-user asks first, but standard input is not a terminal: add --yes",
            );
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
                "Delete the account {name} at {mount}/, and remove {name} from {tenant}? This cannot \
                 be undone."
            );
            if !confirm(&question)? {
                return Err("nothing was changed".to_owned());
            }
        }
        let removal = if self.delete_user {
            AccountRemoval::DeleteAccount
        } else {
            AccountRemoval::KeepAccount
        };
        let members = MemberRemover::new(&operator.session, mounts);
        let removed = members.remove_person(&self.tenant, mount, &self.name, removal).await;
        let removed = removed.map_err(|error| error.to_string())?;
        self.output.print(
            || {
                json!({
                    "tenant": self.tenant.as_str(),
                    "name": self.name,
                    "mount": mount,
                    "account_deleted": self.delete_user,
                    "tokens_refused": removed == RemovalResult::Entity,
                })
            },
            |_| self.as_text(removed),
        );
        Ok(ExitCode::SUCCESS)
    }

    fn as_text(&self, removed: RemovalResult) -> String {
        let (name, tenant) = (&self.name, &self.tenant);
        let tokens = match (self.delete_user, removed) {
            (_, RemovalResult::Entity) => {
                "The account and its entity are deleted, and Vault rejects its tokens; the validator \
                 does so within VALIDATOR_CACHE_TTL."
            }
            (true, RemovalResult::Membership) => {
                "The account is deleted. Its tokens are valid until they expire, since the person's \
                 entity has other logins."
            }
            (false, RemovalResult::Membership) => {
                "Rules for the tenant no longer apply, in Vault at once and in the validator within \
                 VALIDATOR_CACHE_TTL. The account, its tokens and their other policies remain."
            }
        };
        format!("{name} is no longer a member of {tenant}.\n{tokens}")
    }
}
