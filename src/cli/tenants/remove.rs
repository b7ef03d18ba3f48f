use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;
use serde_json::json;

use super::confirm::Confirm;
use crate::{
    cli::{
        names::{parse_service, parse_tenant},
        operator::{Operator, OperatorArgs},
        output::{OutputArgs, pluralize},
        sources::ForVault,
        usage_error,
    },
    policy::Mounts,
    tenants::{Member, MemberLogin, ServiceName, TenantName},
    vault::{MemberRemover, TenantDirectory},
};

/// Remove services of a tenant, or all members of a tenant without a key.
///
/// Deletes the AppRole, the secret ids and the entity of a service; Vault then rejects its tokens. With
/// --service, only these services are removed. Without it, all services are removed, and all people cease
/// to be members; their accounts remain, with their tokens and other policies: to delete an account, run
/// `tenants members remove --delete-user` first.
///
/// Secrets are not changed: while the tenant has its key, only services can be removed. `tenants shred`
/// deletes the key and thereby every secret. Asks for the tenant's name, on the terminal or with
/// --confirm.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants remove acme --service n8n
  vault-auth-validator tenants shred acme --purge && vault-auth-validator tenants remove acme")]
pub(super) struct RemoveTenantArgs {
    /// The tenant.
    #[arg(value_parser = parse_tenant)]
    tenant: TenantName,
    /// A service to remove; the others and all people remain. May be repeated.
    #[arg(long = "service", value_name = "SERVICE", value_parser = parse_service)]
    services: Vec<ServiceName>,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

/// The members that were removed.
#[derive(Default)]
struct RemovedMembers {
    services: Vec<String>,
    people: Vec<String>,
}

impl RemoveTenantArgs {
    pub(super) fn run(self) -> ExitCode {
        if let Some(fault) = self.confirm.fault(&self.tenant, "remove") {
            return usage_error(fault);
        }
        self.operator.clone().run_with_mounts(async |operator, mounts| {
            let mut done = RemovedMembers::default();
            let outcome = if self.services.is_empty() {
                self.remove_tenant(&operator, &mounts, &mut done).await
            } else {
                self.remove_services(&operator, &mounts, &mut done).await
            };
            outcome.map_err(|why| match done.services.len() + done.people.len() {
                0 => why,
                some => format!(
                    "{why}; {} removed before the error; run it again",
                    pluralize(some as u64, "member")
                ),
            })?;
            self.output.print(|| self.as_json(&done), |_| self.as_text(&done));
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn remove_services(
        &self,
        operator: &Operator,
        mounts: &Mounts,
        done: &mut RemovedMembers,
    ) -> Result<(), String> {
        let members = MemberRemover::new(&operator.session, mounts);
        let services: BTreeSet<_> = self.services.iter().collect();
        for service in &services {
            let found = members.has_service(&self.tenant, service).await;
            if !found.map_err(|error| format!("{error}; nothing was removed"))? {
                let tenant = &self.tenant;
                return Err(format!(
                    "{tenant} has no service {service}: `vault-auth-validator tenants show {tenant}` \
                     lists them; nothing was removed"
                ));
            }
        }
        let names: Vec<String> =
            services.iter().map(|service| service.entity_name(&self.tenant)).collect();
        let question = format!("This deletes {} with all secret ids and tokens.", names.join(", "));
        self.confirm.ask(&self.tenant, &question)?;
        for service in services {
            let removed = members.remove_service(&self.tenant, service).await;
            removed.map_err(|error| error.to_string())?;
            done.services.push(service.entity_name(&self.tenant));
        }
        Ok(())
    }

    async fn remove_tenant(
        &self,
        operator: &Operator,
        mounts: &Mounts,
        done: &mut RemovedMembers,
    ) -> Result<(), String> {
        let tenant = &self.tenant;
        let tenants = TenantDirectory::new(&operator.session, mounts);
        if tenants.has_key(tenant).await.map_err(|error| error.to_string())? {
            return Err(format!(
                "{tenant} still has its key, and so its secrets: run `vault-auth-validator tenants shred \
                 {tenant}` first, which makes them permanently unreadable, or remove single services \
                 with --service NAME; nothing was removed"
            ));
        }
        let all = tenants.every_member(tenant).await.map_err(|error| error.to_string())?;
        if all.is_empty() {
            return Err(format!("there is no tenant {tenant}: it has neither a key nor members"));
        }
        let (people, services): (Vec<&Member>, _) = all.iter().partition(|member| {
            member.logins.iter().any(MemberLogin::is_person) || member.logins.is_empty()
        });
        let question = format!(
            "This deletes {} with all secret ids and tokens, and removes {} from {tenant}. People's \
             accounts remain.",
            pluralize(services.len() as u64, "service"),
            pluralize(people.len() as u64, "other member"),
        );
        self.confirm.ask(tenant, &question)?;
        let members = MemberRemover::new(&operator.session, mounts);
        for service in services {
            let removed = members.remove_role_and_entity(tenant, &service.entity).await;
            removed.map_err(|error| error.to_string())?;
            done.services.push(service.entity.clone());
        }
        for person in people {
            let removed = members.remove_member(tenant, person).await;
            removed.map_err(|error| error.to_string())?;
            done.people.push(person.display_name().to_owned());
        }
        Ok(())
    }

    fn as_text(&self, done: &RemovedMembers) -> String {
        let services = done.services.iter().map(|name| {
            format!("the service {name} is removed: its AppRole, secret ids and entity")
        });
        let people = done.people.iter().map(|name| {
            format!("{} is no longer a member of {}", name.escape_debug(), self.tenant)
        });
        let refused = (!done.services.is_empty()).then(|| {
            "Vault rejects the services' tokens; the validator does so within VALIDATOR_CACHE_TTL."
                .to_owned()
        });
        let stays = (!done.people.is_empty()).then(|| {
            "People's accounts remain, with their tokens and other policies; delete an account to \
             revoke a person's access."
                .to_owned()
        });
        services.chain(people).chain(refused).chain(stays).collect::<Vec<_>>().join("\n")
    }

    fn as_json(&self, done: &RemovedMembers) -> serde_json::Value {
        json!({
            "tenant": self.tenant.as_str(),
            "services_removed": done.services,
            "members_taken_out": done.people,
        })
    }
}
