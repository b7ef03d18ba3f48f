use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;

use super::{check_ground, policies_in_vault, policy_name, service_name};
use crate::{
    cli::{
        handover::{Handover, HandoverArgs},
        names::tenant,
        operator::{Operator, OperatorArgs},
        output::Output,
        sources::ForVault,
        steps::{Line, end_dry, report, show, undone, unless_stopped},
        stop::stopped,
    },
    policies::{Mounts, PolicyName},
    provision::{Engine, Outcome, Plan, Thing, things},
    tenants::{RotationInterval, ServiceName, TenantName, key_name},
    vault::{Tenants, Things},
};

/// Make a tenant: its key, and for each service an entity, an AppRole and a secret id.
///
/// What is there already stays as it is, so it may be run again, to add a service or a policy. A key that
/// is not derived, and an entity, an AppRole or an alias that is somebody else's, is an error, and
/// nothing is done.
///
/// The secret ids are wrapped and written to files. A service logs in with `VALIDATOR_ROLE_ID`, which is in
/// NAME-SERVICE-role-id, and `VALIDATOR_SECRET_ID_FILE`, which is NAME-SERVICE-secret-id. A wrapped secret
/// id serves one start, within --wrap-ttl; a restart needs a new one. To serve every start, unwrap it
/// where the service runs (`VAULT_TOKEN=$(cat FILE) bao unwrap -field=secret_id`), or make it with
/// --plain-secret-id, for which the policy `operator` is not enough.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants create acme --service chatwoot --service n8n
  vault-auth-validator tenants create acme --service chatwoot --rotate-every 90d
  vault-auth-validator tenants create acme --service crm --policy crm-agent --dry-run
  vault-auth-validator tenants create acme --service n8n --new-secret-id --credentials /root/new")]
pub(super) struct Create {
    /// What the tenant is called: a-z, 0-9, `-` and `_`.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    /// A service that works for the tenant, of the same form. May be repeated.
    #[arg(long = "service", value_name = "SERVICE", value_parser = service_name)]
    services: Vec<ServiceName>,
    /// A policy that the services get besides `tenant`. May be repeated.
    #[arg(long = "policy", value_name = "POLICY", value_parser = policy_name)]
    policies: Vec<PolicyName>,
    /// The age from which `tenants rotate --due` rotates the tenant's key: whole hours or days, such
    /// as 90d. What was set before stays if this is left out.
    #[arg(long, value_name = "INTERVAL", value_parser = RotationInterval::parse)]
    rotate_every: Option<RotationInterval>,
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

impl Create {
    pub(super) fn run(self) -> ExitCode {
        let operator = self.operator.clone();
        operator.run_on_mounts(async |operator, mounts| self.create(&operator, &mounts).await)
    }

    async fn create(&self, operator: &Operator, mounts: &Mounts) -> Result<ExitCode, String> {
        let inventory = Things::new(&operator.session);
        let engine = |path: &str, engine| Thing::Engine { path: path.to_owned(), engine };
        let ground = [
            engine(&mounts.kv, Engine::Kv),
            engine(&mounts.transit, Engine::Transit),
            Thing::AppRoles,
        ];
        check_ground(&inventory, ground).await?;
        let policies = policies_in_vault(&operator.session, &self.policies).await?;
        let services: BTreeSet<_> = self.services.iter().cloned().collect();
        let key = Thing::Key { transit: mounts.transit.clone(), name: key_name(&self.tenant) };
        let mut wanted = things(&self.tenant, key, &mounts.kv, &services, &policies);
        wanted.extend(self.rotate_every.map(|interval| Thing::RotateEvery {
            kv: mounts.kv.clone(),
            tenant: self.tenant.to_string(),
            interval: interval.to_string(),
        }));
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
        let tenants = Tenants::new(&operator.session, mounts);
        tenants.complete_record().await.map_err(|trouble| trouble.to_string())?;
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

    /// What to do after a run in which all was done.
    fn next(&self, handovers: &[Handover]) -> Vec<String> {
        let new = handovers.iter().filter(|handover| handover.is_wanted());
        let starts: Vec<_> =
            new.map(|handover| handover.start("vault-auth-validator secrets run …")).collect();
        if starts.is_empty() {
            return vec![format!("vault-auth-validator tenants show {}", self.tenant)];
        }
        let advice = handovers.iter().find(|handover| handover.is_wanted()).map(Handover::advice);
        advice.into_iter().chain(starts).collect()
    }
}
