//! What a platform needs in an open Vault.

use std::{collections::BTreeSet, ops::ControlFlow};

use crate::{
    cli::{
        account::{AccountPlan, WantedAccount},
        handover::{Handover, HandoverArgs},
        policies::words,
        steps::{Line, SAME},
    },
    policies::{self, Mounts, PolicySet, Unmanaged, shipped},
    provision::{self, Engine, Holder, Outcome, Role, Thing, Trouble},
    vault::{Policies, Session, Things},
};

/// The validator's AppRole, and its policy.
const VALIDATOR: &str = "validator";

/// What is to be there.
pub(super) struct Wishes {
    pub(super) mounts: Mounts,
    /// The auth mount that people use.
    pub(super) subject_mount: String,
    pub(super) audit_file: Option<String>,
    pub(super) policies: PolicySet,
    pub(super) handover: HandoverArgs,
    /// The account of an operator.
    pub(super) operator: Option<WantedAccount>,
}

/// What has to be done for it.
pub(super) struct PlatformPlan {
    things: provision::Plan,
    policies: policies::Plan,
    pub(super) handover: Handover,
    pub(super) operator: Option<AccountPlan>,
}

impl Wishes {
    /// Everything but policies and the secret id.
    fn things(&self) -> Vec<Thing> {
        let Mounts { kv, transit } = &self.mounts;
        let engine = |path: &str, engine| Thing::Engine { path: path.to_owned(), engine };
        let role = Role {
            name: VALIDATOR.to_owned(),
            policies: BTreeSet::from([VALIDATOR.to_owned()]),
            holder: Holder::Validator,
        };
        let audit = self.audit_file.clone().map(Thing::AuditFile);
        let others = [
            engine(kv, Engine::Kv),
            engine(shipped::AGENTS_MOUNT, Engine::Kv),
            engine(transit, Engine::Transit),
            Thing::NoUpsert(transit.clone()),
            Thing::AppRoles,
            Thing::People(self.subject_mount.clone()),
            Thing::Role(role),
        ];
        audit.into_iter().chain(others).collect()
    }
}

impl PlatformPlan {
    /// Compares the wishes with what is there.
    pub(super) async fn draw(wishes: &Wishes, session: &Session) -> Result<Self, String> {
        let inventory = Things::new(session);
        let things = provision::Plan::draw(wishes.things(), &inventory).await;
        let things = things.map_err(|hindrance| hindrance.to_string())?;
        let store = Policies::new(session);
        let policies = policies::Plan::draw(&wishes.policies, &store, Unmanaged::Kept).await;
        let policies = policies.map_err(|error| error.to_string())?;
        let handover = wishes.handover.plan(VALIDATOR, &inventory).await?;
        let operator = match &wishes.operator {
            Some(account) => Some(account.plan(&inventory).await?),
            None => None,
        };
        let plan = Self { things, policies, handover, operator };
        plan.check_rights(&inventory).await?;
        Ok(plan)
    }

    /// What has to be done in a Vault in which there is nothing yet.
    pub(super) fn from_nothing(wishes: &Wishes) -> Result<Self, String> {
        let create = |(name, member): (&policies::PolicyName, &policies::Member)| policies::Step {
            name: name.to_string(),
            before: None,
            after: Some(member.source.text.clone()),
        };
        let steps = wishes.policies.iter().map(create).collect();
        Ok(Self {
            things: provision::Plan::from_nothing(wishes.things()),
            policies: policies::Plan { steps, ..policies::Plan::default() },
            handover: wishes.handover.plan_for_new_role(VALIDATOR)?,
            operator: wishes.operator.as_ref().map(WantedAccount::plan_new).transpose()?,
        })
    }

    /// Whether the token may also do what the things alone do not ask for.
    async fn check_rights(&self, inventory: &Things<'_>) -> Result<(), String> {
        let policies =
            self.policies.steps.iter().map(|step| format!("sys/policies/acl/{}", step.name));
        let secret_id = self.handover.is_wanted().then(|| self.handover.vault_path());
        let account = self.operator.iter().filter_map(AccountPlan::vault_path);
        let needed = policies.chain(secret_id).chain(account).collect();
        let lacking = inventory.lacking_update(needed).await;
        match lacking.map_err(|trouble| trouble.to_string())? {
            lacking if lacking.is_empty() => Ok(()),
            lacking => Err(provision::Hindrance::Lacking(lacking).to_string()),
        }
    }

    /// The steps, as they are shown.
    pub(super) fn lines(&self) -> Vec<Line> {
        let policy = |verb, name: &str| Line {
            verb,
            kind: "policy",
            name: name.to_owned(),
            detail: String::new(),
        };
        let steps = self.policies.steps.iter().map(|step| policy(step.verb(), &step.name));
        let same = self.policies.unchanged.iter().map(|same| policy(SAME, &same.name));
        let handover = std::iter::once(self.handover.line());
        let account = self.operator.iter().map(AccountPlan::line);
        Line::of(&self.things).chain(steps).chain(same).chain(handover).chain(account).collect()
    }

    /// Carries it out, up to the first step that fails. The outcomes are in the order of the lines.
    pub(super) async fn apply(
        &self,
        session: &Session,
        go_on: impl Fn() -> ControlFlow<()>,
    ) -> Vec<Outcome> {
        let inventory = Things::new(session);
        let mut outcomes = self.things.apply(&inventory, &go_on).await;
        let goes_on = |outcomes: &[Outcome]| {
            let stuck = |outcome| matches!(outcome, &Outcome::Failed(_) | &Outcome::NotTried);
            !outcomes.iter().any(stuck) && go_on().is_continue()
        };
        if goes_on(&outcomes) {
            let applied = self.policies.apply(&Policies::new(session), |_, _| go_on()).await;
            outcomes.extend(applied.iter().map(of_policy));
        } else {
            outcomes.extend(self.policies.steps.iter().map(|_| Outcome::NotTried));
        }
        let handover = if !self.handover.is_wanted() {
            Outcome::Unchanged
        } else if goes_on(&outcomes) {
            self.handover.carry_out(&inventory).await
        } else {
            Outcome::NotTried
        };
        let account = match &self.operator {
            Some(account) if !account.is_wanted() => Some(Outcome::Unchanged),
            Some(account) if goes_on(&outcomes) && goes_on(std::slice::from_ref(&handover)) => {
                Some(account.carry_out(&inventory).await)
            }
            Some(_) => Some(Outcome::NotTried),
            None => None,
        };
        outcomes.extend(self.policies.unchanged.iter().map(|_| Outcome::Unchanged));
        outcomes.push(handover);
        outcomes.extend(account);
        outcomes
    }
}

fn of_policy(outcome: &policies::Outcome) -> Outcome {
    match outcome {
        policies::Outcome::Done => Outcome::Done,
        policies::Outcome::NotTried => Outcome::NotTried,
        other => Outcome::Failed(Trouble(words(other).1)),
    }
}
