use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;

use crate::{
    cli::{
        names::{parse_policy, parse_service, parse_tenant},
        operator::{Operator, OperatorArgs},
        output::OutputArgs,
        plan_output::{finish_dry_run, print_outcomes, print_plan, unless_stopped},
        secret_id_args::SecretIdArgs,
        signals::shutdown_signal,
        sources::ForVault,
    },
    policy::{Mounts, PolicyName},
    tenants::{RotationInterval, ServiceName, TenantName},
    vault::{DesiredTenant, SecretIdDelivery, TenantDirectory, TenantPlan},
};

/// Create a tenant: its key, and for each service an entity, an AppRole and a secret id.
///
/// Existing objects are kept, so that it can be run again, to add a service or a policy. A key that is
/// not derived, and an entity, an AppRole or an alias that belongs to something else, is an error, and
/// nothing is changed.
///
/// The secret ids are wrapped and written to files. A service logs in with `VALIDATOR_ROLE_ID`, which is in
/// NAME-SERVICE-role-id, and `VALIDATOR_SECRET_ID_FILE`, which is NAME-SERVICE-secret-id. A wrapped secret
/// id is valid for one start, within --wrap-ttl; a restart needs a new one. For every start, unwrap it
/// where the service runs (`VAULT_TOKEN=$(cat FILE) bao unwrap -field=secret_id`), or create it with
/// --plain-secret-id, for which the policy `operator` does not suffice.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants create acme --service chatwoot --service n8n
  vault-auth-validator tenants create acme --service chatwoot --rotate-every 90d
  vault-auth-validator tenants create acme --service crm --policy crm-agent --dry-run
  vault-auth-validator tenants create acme --service n8n --new-secret-id --credentials /root/new")]
pub(super) struct Create {
    /// The tenant's name: a-z, 0-9, `-` and `_`.
    #[arg(value_parser = parse_tenant)]
    tenant: TenantName,
    /// A service of the tenant; its name has the same form. May be repeated.
    #[arg(long = "service", value_name = "SERVICE", value_parser = parse_service)]
    services: Vec<ServiceName>,
    /// A policy for the services besides `tenant`. May be repeated.
    #[arg(long = "policy", value_name = "POLICY", value_parser = parse_policy)]
    policies: Vec<PolicyName>,
    /// The age at which `tenants rotate --due` rotates the tenant's key: whole hours or days, such as
    /// 90d. The default keeps the current setting.
    #[arg(long, value_name = "INTERVAL", value_parser = RotationInterval::parse)]
    rotate_every: Option<RotationInterval>,
    /// Print the plan and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    secret_id: SecretIdArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

impl Create {
    pub(super) fn run(self) -> ExitCode {
        let operator = self.operator.clone();
        operator.run_with_mounts(async |operator, mounts| self.create(&operator, &mounts).await)
    }

    async fn create(&self, operator: &Operator, mounts: &Mounts) -> Result<ExitCode, String> {
        let session = &operator.session;
        let desired = DesiredTenant {
            name: self.tenant.clone(),
            services: self.services.iter().cloned().collect(),
            policies: self.policies.iter().map(ToString::to_string).collect::<BTreeSet<_>>(),
            rotate_every: self.rotate_every,
            secret_ids: self.secret_id.options(),
        };
        let plan = TenantPlan::compute(&desired, mounts, session).await;
        let plan = plan.map_err(|error| error.to_string())?;
        let rows = plan.rows();
        print_plan(&rows, self.output);
        if self.dry_run {
            return Ok(finish_dry_run(&rows, self.output));
        }
        let tenants = TenantDirectory::new(session, mounts);
        tenants.complete_index().await.map_err(|error| error.to_string())?;
        let stop = tokio::spawn(shutdown_signal());
        let outcomes = plan.apply(session, || unless_stopped(&stop)).await;
        print_outcomes(&rows, &outcomes, &self.next_steps(&plan), self.output)
    }

    /// Returns the next steps after a complete run.
    fn next_steps(&self, plan: &TenantPlan) -> Vec<String> {
        let issued = || plan.secret_ids.iter().filter(|delivery| delivery.is_needed());
        let usage = issued().next().map(SecretIdDelivery::usage);
        let starts =
            issued().map(|delivery| delivery.start_command("vault-auth-validator secrets run …"));
        let steps: Vec<_> = usage.into_iter().chain(starts).collect();
        if steps.is_empty() {
            return vec![format!("vault-auth-validator tenants show {}", self.tenant)];
        }
        steps
    }
}
