use std::{
    collections::BTreeSet,
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Args;

use super::MountArgs;
use crate::{
    cli::{
        names::{parse_policy, parse_tenant},
        operator::Operator,
        output::OutputArgs,
        password::PasswordSource,
        plan_output::{finish_dry_run, print_outcomes, print_plan, unless_stopped},
        signals::shutdown_signal,
        usage_error,
    },
    policy::{Mounts, PolicyName},
    provisioning::IfAbsent,
    tenants::TenantName,
    vault::{DesiredMember, MembershipPlan, TenantDirectory},
};

/// Add a person to a tenant.
///
/// Writes the tenant's name to the metadata of the person's entity; other metadata is kept. With the
/// auth method userpass, adds the policy `tenant` and those of --policy to the person's account, and
/// with --create-user creates the account if it does not exist. With other auth methods, the person
/// must have logged in once, and the roles of the auth method set the policies.
///
/// A person who is a member of another tenant is an error, and nothing is changed: run `members remove`
/// first.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants members add acme ana --create-user --policy route-crm --policy route-n8n
  vault-auth-validator tenants members add acme ana --create-user --password-file - < password-file
  vault-auth-validator tenants members add acme ben@acme.com --mount oidc")]
pub(super) struct Add {
    /// The tenant.
    #[arg(value_parser = parse_tenant)]
    tenant: TenantName,
    /// The name that the person logs in with.
    #[arg(value_name = "NAME", value_parser = parse_login_name)]
    name: String,
    /// A policy for the person's account besides `tenant`. May be repeated.
    #[arg(long = "policy", value_name = "POLICY", value_parser = parse_policy)]
    policies: Vec<PolicyName>,
    /// Create the account if it does not exist. Prompts for the password on the terminal.
    #[arg(long)]
    create_user: bool,
    /// With --create-user: a file with the password; `-` is standard input.
    #[arg(long, value_name = "FILE", requires = "create_user")]
    password_file: Option<PasswordSource>,
    /// Print the plan and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    mount: MountArgs,
}

impl Add {
    pub(super) fn run(self) -> ExitCode {
        if self.create_user && self.password_file.is_none() && !io::stdin().is_terminal() {
            return usage_error(
                "cannot prompt for the account's password, because standard input is not a \
                 terminal: add --password-file FILE, or `--password-file -` for standard input",
            );
        }
        if let Some(Err(error)) = self.password_file.as_ref().map(PasswordSource::check) {
            return usage_error(error);
        }
        let mount = self.mount.clone();
        mount.run(async |operator, mounts, mount| self.add(&operator, &mounts, mount).await)
    }

    async fn add(
        &self,
        operator: &Operator,
        mounts: &Mounts,
        mount: String,
    ) -> Result<ExitCode, String> {
        let session = &operator.session;
        let source = self.password_file.clone().unwrap_or(PasswordSource::Stdin);
        let desired = DesiredMember {
            tenant: self.tenant.clone(),
            mount,
            name: self.name.clone(),
            policies: self.policies.iter().map(ToString::to_string).collect::<BTreeSet<_>>(),
            if_absent: if self.create_user {
                IfAbsent::Create(source.new_password())
            } else {
                IfAbsent::Fail
            },
        };
        let plan = MembershipPlan::compute(&desired, mounts, session).await;
        let mut plan = plan.map_err(|error| error.to_string())?;
        let rows = plan.rows();
        print_plan(&rows, self.output);
        if self.dry_run {
            return Ok(finish_dry_run(&rows, self.output));
        }
        if plan.needs_password() {
            match source.read(&self.name.to_lowercase()) {
                Ok(password) => plan.set_password(password),
                Err(error) => return Ok(usage_error(error)),
            }
        }
        let tenants = TenantDirectory::new(session, mounts);
        tenants.complete_index().await.map_err(|error| error.to_string())?;
        let stop = tokio::spawn(shutdown_signal());
        let outcomes = plan.apply(session, || unless_stopped(&stop)).await;
        print_outcomes(&rows, &outcomes, &self.next_steps(&plan), self.output)
    }

    /// Returns the next steps after a complete run.
    fn next_steps(&self, plan: &MembershipPlan) -> Vec<String> {
        let show = format!("vault-auth-validator tenants show {}", self.tenant);
        plan.login_command().into_iter().chain([show]).collect()
    }
}

/// Parses the name of an alias: any text without control characters.
fn parse_login_name(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control);
    is_name.then(|| text.to_owned()).ok_or_else(|| {
        "a name has at least one character, no control characters, and no white space at its ends"
            .to_owned()
    })
}
