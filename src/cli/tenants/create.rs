use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;

use super::tenant_name;
use crate::{
    cli::{
        handover::{Handover, HandoverArgs},
        operator::{Operator, OperatorArgs},
        output::Output,
        sources::ForVault,
        steps::{Line, end_dry, report, show, undone, unless_stopped},
        stop::stopped,
    },
    policies::{Mounts, PolicyName, Store},
    provision::{Engine, Inventory, Outcome, Plan, State, Thing},
    secrets::key_name,
    tenants::{ServiceName, TenantName, things},
    vault::{Policies, Things},
};

/// Make a tenant: its key, and for each service an entity, an AppRole and a secret id.
///
/// What is there already stays as it is, so it may be run again, to add a service or a policy. A key that
/// is not derived, and an entity, an AppRole or an alias that is somebody else's, is an error, and
/// nothing is done.
///
/// The secret ids are wrapped and written to files. A service logs in with `VALIDATOR_ROLE_ID`, which is in
/// NAME-SERVICE-role-id, and `VALIDATOR_SECRET_ID_FILE`, which is NAME-SERVICE-secret-id. The wrapping
/// serves one start, within --wrap-ttl; for more, unwrap it where the service runs:
/// `VAULT_TOKEN=$(cat FILE) bao unwrap -field=secret_id`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants create acme --service chatwoot --service n8n
  vault-auth-validator tenants create acme --service crm --policy crm-agent --dry-run
  vault-auth-validator tenants create acme --service n8n --new-secret-id --credentials /root/new")]
pub(super) struct Create {
    /// What the tenant is called: a-z, 0-9, `-` and `_`.
    #[arg(value_parser = tenant_name)]
    tenant: TenantName,
    /// A service that works for the tenant, of the same form. May be repeated.
    #[arg(long = "service", value_name = "SERVICE", value_parser = service_name)]
    services: Vec<ServiceName>,
    /// A policy that the services get besides `tenant`. May be repeated.
    #[arg(long = "policy", value_name = "POLICY", value_parser = policy_name)]
    policies: Vec<PolicyName>,
    /// Show the plan and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    handover: HandoverArgs,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

/// The policy that makes a service one of its tenant's.
const TENANT_POLICY: &str = "tenant";

impl Create {
    pub(super) fn run(self) -> ExitCode {
        let operator = self.operator.clone();
        operator.run_on_mounts(async |operator, mounts| self.create(&operator, &mounts).await)
    }

    async fn create(&self, operator: &Operator, mounts: &Mounts) -> Result<ExitCode, String> {
        let inventory = Things::new(&operator.session);
        check_ground(&inventory, mounts).await?;
        let policies = self.policies(operator).await?;
        let services: BTreeSet<_> = self.services.iter().cloned().collect();
        let key = Thing::Key { transit: mounts.transit.clone(), name: key_name(&self.tenant) };
        let wanted = things(&self.tenant, key, &services, &policies);
        let plan = Plan::draw(wanted, &inventory).await;
        let plan = plan.map_err(|hindrance| hindrance.to_string())?;
        let mut handovers = Vec::new();
        for service in &services {
            handovers.push(self.handover.plan(&service.of(&self.tenant), &inventory).await?);
        }
        let lines: Vec<Line> =
            Line::of(&plan).chain(handovers.iter().map(Handover::line)).collect();
        show(&lines, self.output);
        if self.dry_run {
            return Ok(end_dry(&lines, self.output));
        }
        let stop = tokio::spawn(stopped());
        let mut outcomes = plan.apply(&inventory, || unless_stopped(&stop)).await;
        for handover in &handovers {
            let stuck = undone(&outcomes) > 0 || unless_stopped(&stop).is_break();
            let outcome = if handover.is_wanted() && stuck {
                Outcome::NotTried
            } else {
                handover.carry_out(&inventory).await
            };
            outcomes.push(outcome);
        }
        report(&lines, &outcomes, &self.next(&handovers), self.output)
    }

    /// The policies of the services, all of which are in Vault.
    async fn policies(&self, operator: &Operator) -> Result<BTreeSet<String>, String> {
        let store = Policies::new(&operator.session);
        let others = self.policies.iter().map(ToString::to_string);
        let policies: BTreeSet<_> = others.chain([TENANT_POLICY.to_owned()]).collect();
        for name in &policies {
            let stored = store.read(name).await.map_err(|error| error.to_string())?;
            if stored.is_none() {
                return Err(format!(
                    "there is no policy {name} in Vault: `vault-auth-validator policies apply` loads \
                     policies; nothing was changed"
                ));
            }
        }
        Ok(policies)
    }

    /// What to do after a run in which all was done.
    fn next(&self, handovers: &[Handover]) -> Vec<String> {
        let new = handovers.iter().filter(|handover| handover.is_wanted());
        let starts: Vec<_> =
            new.map(|handover| handover.start("vault-auth-validator secrets run …")).collect();
        if starts.is_empty() {
            return vec![format!("vault-auth-validator tenants show {}", self.tenant)];
        }
        starts
    }
}

/// Whether there is where a tenant's things are made.
async fn check_ground(inventory: &Things<'_>, mounts: &Mounts) -> Result<(), String> {
    let engine = |path: &str, engine| Thing::Engine { path: path.to_owned(), engine };
    let ground =
        [engine(&mounts.kv, Engine::Kv), engine(&mounts.transit, Engine::Transit), Thing::AppRoles];
    for thing in ground {
        let state = inventory.look(&thing).await.map_err(|trouble| trouble.to_string())?;
        if state != State::There {
            let (kind, name, detail) = (thing.kind(), thing.name(), thing.detail());
            return Err(format!(
                "there is no {kind} {name} ({detail}) in Vault: `vault-auth-validator bootstrap` \
                 makes what is missing; nothing was changed"
            ));
        }
    }
    Ok(())
}

fn service_name(text: &str) -> Result<ServiceName, String> {
    ServiceName::parse(text)
        .ok_or_else(|| "a service's name has the form of a tenant's: chatwoot, n8n".to_owned())
}

fn policy_name(text: &str) -> Result<PolicyName, String> {
    PolicyName::parse(text).map_err(|fault| fault.to_string())
}
