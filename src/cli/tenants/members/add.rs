use std::{
    collections::BTreeSet,
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Args;

use super::MountArgs;
use crate::{
    cli::{
        account::{Absent, AccountPlan, WantedAccount, user_name},
        misused,
        names::tenant,
        operator::Operator,
        output::Output,
        password::{NewPassword, PasswordSource},
        steps::{Line, end_dry, report, show, undone, unless_stopped},
        stop::stopped,
        tenants::{check_ground, policies_in_vault, policy_name},
    },
    policies::{Mounts, PolicyName},
    provision::{Engine, Hindrance, Membership, Outcome, Plan, Thing},
    tenants::TenantName,
    vault::{LoginMethod, Tenants, Things},
};

/// Put a person into a tenant.
///
/// The tenant's name is put into the metadata of the person's entity; what else is there stays. With user
/// names and passwords the account gets the policy `tenant` and those named by --policy, besides what it
/// has; with --create-user it is made if it is not there. With other auth methods the person has logged in
/// once before, and the method's roles say which policies they have.
///
/// Who belongs to another tenant is an error, and nothing is done: `members remove` comes first.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants members add acme ana --create-user --policy route-crm --policy route-n8n
  vault-auth-validator tenants members add acme ana --create-user --password-file - < password-file
  vault-auth-validator tenants members add acme ben@acme.com --mount oidc")]
pub(super) struct Add {
    /// The tenant.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    /// The name that the person logs in by.
    #[arg(value_name = "NAME", value_parser = login)]
    name: String,
    /// A policy that the person's account gets besides `tenant`. May be repeated.
    #[arg(long = "policy", value_name = "POLICY", value_parser = policy_name)]
    policies: Vec<PolicyName>,
    /// Make the account if it is not there. The password is asked for on the terminal.
    #[arg(long)]
    create_user: bool,
    /// With --create-user: a file with the password; `-` is standard input.
    #[arg(long, value_name = "FILE", requires = "create_user")]
    password_file: Option<PasswordSource>,
    /// Show the plan and write nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    mount: MountArgs,
}

impl Add {
    pub(super) fn run(self) -> ExitCode {
        if self.create_user && self.password_file.is_none() && !io::stdin().is_terminal() {
            return misused(
                "the account's password is asked for on the terminal, and there is none: add \
                 --password-file FILE, or `--password-file -` for standard input",
            );
        }
        if let Some(Err(fault)) = self.password_file.as_ref().map(PasswordSource::check) {
            return misused(fault);
        }
        let mount = self.mount.clone();
        mount.run(async |operator, mounts, mount| self.add(&operator, &mounts, &mount).await)
    }

    async fn add(
        &self,
        operator: &Operator,
        mounts: &Mounts,
        mount: &str,
    ) -> Result<ExitCode, String> {
        let things = Things::new(&operator.session);
        let engine = Thing::Engine { path: mounts.kv.clone(), engine: Engine::Kv };
        check_ground(&things, [engine]).await?;
        let tenants = Tenants::new(&operator.session, mounts);
        if !tenants.has_key(&self.tenant).await.map_err(|trouble| trouble.to_string())? {
            return Err(format!(
                "there is no tenant {tenant}: `vault-auth-validator tenants create {tenant}` makes \
                 it; nothing was changed",
                tenant = self.tenant
            ));
        }
        let method = things.login_method(mount).await.map_err(|trouble| trouble.to_string())?;
        let method = method.ok_or_else(|| {
            format!(
                "there is no auth method at {mount}/: --mount names another; nothing was changed"
            )
        })?;
        let mut account = self.account(operator, mount, &method, &things).await?;
        let membership = Thing::Membership(Membership {
            kv: mounts.kv.clone(),
            tenant: self.tenant.to_string(),
            mount: mount.to_owned(),
            login: method.alias(&self.name),
        });
        let plan = Plan::draw(vec![membership], &things).await;
        let plan = plan.map_err(|hindrance| hindrance.to_string())?;
        self.check_rights(account.as_ref(), &things).await?;
        let lines: Vec<Line> =
            account.iter().map(AccountPlan::line).chain(Line::of(&plan)).collect();
        show(&lines, self.output);
        if self.dry_run {
            return Ok(end_dry(&lines, self.output));
        }
        if let Some(Err(fault)) = account.as_mut().map(AccountPlan::read_password) {
            return Ok(misused(fault));
        }
        tenants.complete_record().await.map_err(|trouble| trouble.to_string())?;
        let stop = tokio::spawn(stopped());
        let mut outcomes = Vec::new();
        if let Some(account) = &account {
            outcomes.push(account.carry_out(&things).await);
        }
        if undone(&outcomes) > 0 {
            outcomes.extend(plan.steps.iter().map(|_| Outcome::NotTried));
        } else {
            outcomes.extend(plan.apply(&things, || unless_stopped(&stop)).await);
        }
        report(&lines, &outcomes, &self.next(account.as_ref()), self.output)
    }

    /// The person's account, if Vault keeps it.
    async fn account(
        &self,
        operator: &Operator,
        mount: &str,
        method: &LoginMethod,
        things: &Things<'_>,
    ) -> Result<Option<AccountPlan>, String> {
        if !method.is_userpass() {
            return self.check_alias(mount, method, things).await.map(|()| None);
        }
        let name = user_name(&self.name).map_err(|why| format!("{}: {why}", self.name))?;
        let source = self.password_file.clone().unwrap_or(PasswordSource::Stdin);
        let absent = if self.create_user {
            Absent::Made(NewPassword::given(source))
        } else {
            Absent::Refused
        };
        let policies: BTreeSet<_> = policies_in_vault(&operator.session, &self.policies).await?;
        let wanted =
            WantedAccount { mount: mount.to_owned(), name, policies, token_ttl: None, absent };
        wanted.plan(things).await.map(Some)
    }

    /// That somebody has logged in by this name, where accounts are kept elsewhere: a name that was
    /// mistyped would wait for whoever has it.
    async fn check_alias(
        &self,
        mount: &str,
        method: &LoginMethod,
        things: &Things<'_>,
    ) -> Result<(), String> {
        let (name, kind) = (&self.name, &method.kind);
        if kind == "approle" || kind == "token" {
            return Err(format!(
                "no people log in at {mount}/, which is of the type {kind}: `tenants create {} \
                 --service NAME` makes a service; nothing was changed",
                self.tenant
            ));
        }
        if self.create_user || !self.policies.is_empty() {
            return Err(format!(
                "at {mount}/ people log in by {kind}: their accounts are not in Vault, and their \
                 policies come from that method's roles, so --create-user and --policy have nothing \
                 to change; nothing was changed"
            ));
        }
        let known = things.is_known(name, method).await.map_err(|trouble| trouble.to_string())?;
        known.then_some(()).ok_or_else(|| {
            format!(
                "nobody has logged in as {name} at {mount}/ yet: after a first login this can be run \
                 again; nothing was changed"
            )
        })
    }

    async fn check_rights(
        &self,
        account: Option<&AccountPlan>,
        things: &Things<'_>,
    ) -> Result<(), String> {
        let needed = account.and_then(AccountPlan::vault_path);
        let lacking = things.lacking_update(needed.into_iter().collect()).await;
        match lacking.map_err(|trouble| trouble.to_string())? {
            lacking if lacking.is_empty() => Ok(()),
            lacking => Err(Hindrance::Lacking(lacking).to_string()),
        }
    }

    fn next(&self, account: Option<&AccountPlan>) -> Vec<String> {
        let show = format!("vault-auth-validator tenants show {}", self.tenant);
        account.map(AccountPlan::log_in).into_iter().chain([show]).collect()
    }
}

/// The name of an alias: any text that can be seen.
fn login(text: &str) -> Result<String, String> {
    let seen = !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control);
    seen.then(|| text.to_owned()).ok_or_else(|| {
        "a name has a character at least, none that cannot be seen, and no blank at its ends"
            .to_owned()
    })
}
