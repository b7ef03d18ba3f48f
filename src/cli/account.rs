//! Accounts of people: user names and passwords that Vault keeps.

use std::collections::BTreeSet;

use crate::{
    cli::{
        password::NewPassword,
        steps::{Line, SAME, UPDATE},
    },
    provision::{Outcome, Trouble},
    vault::{Things, account_path, is_user_name},
};

/// An account that is to be there.
#[derive(Clone)]
pub(super) struct WantedAccount {
    /// The path of the auth method.
    pub(super) mount: String,
    /// Its name, in lower case.
    pub(super) name: String,
    /// The policies that it has at least.
    pub(super) policies: BTreeSet<String>,
    /// The life of the tokens of a new account, unless it is Vault's default.
    pub(super) token_ttl: Option<&'static str>,
    /// The step to take if it is not there.
    pub(super) absent: Absent,
}

/// The step to take if an account is not there.
#[derive(Clone)]
pub(super) enum Absent {
    /// It is made.
    Made(NewPassword),
    /// Nothing, which is an error.
    Refused,
}

/// An account, and how it was found.
pub(super) struct AccountPlan {
    wanted: WantedAccount,
    state: State,
}

enum State {
    There,
    /// It has yet to get these policies.
    Lacks(BTreeSet<String>),
    Missing(NewPassword),
}

impl WantedAccount {
    /// Reads its password, as [`NewPassword::read`] does.
    pub(super) fn read_password(&mut self) -> Result<(), String> {
        match &mut self.absent {
            Absent::Made(password) => password.read(&self.name),
            Absent::Refused => Ok(()),
        }
    }

    /// Compares it with what is there.
    pub(super) async fn plan(&self, things: &Things<'_>) -> Result<AccountPlan, String> {
        let (mount, name) = (&self.mount, &self.name);
        let method = things.login_method(mount).await.map_err(|trouble| trouble.to_string())?;
        match method {
            Some(method) if !method.is_userpass() => {
                return Err(format!(
                    "people log in at {mount}/ by {}, so Vault keeps no accounts of them there; \
                     nothing was changed",
                    method.kind
                ));
            }
            Some(_) => {}
            // A plan of what is to be there at first.
            None => return self.plan_new(),
        }
        let found = things.account(mount, name).await.map_err(|trouble| trouble.to_string())?;
        let Some(found) = found else { return self.plan_new() };
        let missing: BTreeSet<_> = self.policies.difference(&found.policies).cloned().collect();
        let state = if missing.is_empty() { State::There } else { State::Lacks(missing) };
        Ok(AccountPlan { wanted: self.clone(), state })
    }

    /// The same where there is none.
    pub(super) fn plan_new(&self) -> Result<AccountPlan, String> {
        let Absent::Made(password) = &self.absent else {
            return Err(format!(
                "there is no account {} at {}/: add --create-user to make it; nothing was changed",
                self.name, self.mount
            ));
        };
        Ok(AccountPlan { wanted: self.clone(), state: State::Missing(password.clone()) })
    }
}

impl AccountPlan {
    /// Reads its password if one is needed, as [`NewPassword::read`] does.
    pub(super) fn read_password(&mut self) -> Result<(), String> {
        match &mut self.state {
            State::Missing(password) => password.read(&self.wanted.name),
            State::There | State::Lacks(_) => Ok(()),
        }
    }

    /// Returns true if anything is to be done.
    pub(super) fn is_wanted(&self) -> bool {
        !matches!(self.state, State::There)
    }

    /// The path in Vault that is written, if anything is.
    pub(super) fn vault_path(&self) -> Option<String> {
        self.is_wanted().then(|| account_path(&self.wanted.mount, &self.wanted.name))
    }

    pub(super) fn line(&self) -> Line {
        let WantedAccount { mount, name, policies, absent, .. } = &self.wanted;
        let listed =
            |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        let stays = match absent {
            Absent::Made(_) => "; it was there before, and keeps its password",
            Absent::Refused => "",
        };
        let (verb, detail) = match &self.state {
            State::There => (SAME, format!("policies {}{stays}", listed(policies))),
            State::Lacks(missing) => {
                (UPDATE, format!("it has yet to get the policies {}{stays}", listed(missing)))
            }
            State::Missing(password) => {
                ("create", format!("policies {}, {}", listed(policies), password.detail()))
            }
        };
        Line { verb, kind: "account", name: format!("{name} ({mount}/)"), detail }
    }

    /// Returns the command line with which the person logs in.
    pub(super) fn log_in(&self) -> String {
        let WantedAccount { mount, name, .. } = &self.wanted;
        let written = match &self.state {
            State::Missing(password) => password.written_to(),
            State::There | State::Lacks(_) => None,
        };
        let at = if mount == "userpass" { String::new() } else { format!(" -path={mount}") };
        let command = format!("bao login -method=userpass{at} username={name}");
        match written {
            Some(file) => format!("{command}, with the password in {}", file.display()),
            None => command,
        }
    }

    /// Makes it, or gives it the policies that it lacks.
    pub(super) async fn carry_out(&self, things: &Things<'_>) -> Outcome {
        let done = match &self.state {
            State::There => return Outcome::Unchanged,
            State::Lacks(_) => self.add_policies(things).await,
            State::Missing(password) => self.make(things, password).await,
        };
        done.map_or_else(|why| Outcome::Failed(Trouble(why)), |()| Outcome::Done)
    }

    /// With those that it has by now.
    async fn add_policies(&self, things: &Things<'_>) -> Result<(), String> {
        let WantedAccount { mount, name, policies, .. } = &self.wanted;
        let found = things.account(mount, name).await.map_err(|trouble| trouble.to_string())?;
        let found = found.ok_or_else(|| format!("the account {name} is gone again"))?;
        let all = found.policies.union(policies).cloned().collect();
        let set = things.set_policies(mount, name, &all).await;
        set.map_err(|trouble| trouble.to_string())
    }

    /// An account that somebody else made meanwhile keeps its password.
    async fn make(&self, things: &Things<'_>, password: &NewPassword) -> Result<(), String> {
        let WantedAccount { mount, name, policies, token_ttl, .. } = &self.wanted;
        let password = password.draw(name)?;
        let found = things.account(mount, name).await.map_err(|trouble| trouble.to_string())?;
        if found.is_some() {
            return Err(format!("somebody else has made the account {name} meanwhile"));
        }
        let made = things.make_account(mount, name, &password, policies, *token_ttl).await;
        made.map_err(|trouble| trouble.to_string())
    }
}

/// A user name, as an argument.
pub(super) fn user_name(text: &str) -> Result<String, String> {
    is_user_name(text).then(|| text.to_lowercase()).ok_or_else(|| {
        "a user name has letters, digits and `_`, and between them `-` and `.`; Vault has none with \
         other characters"
            .to_owned()
    })
}
