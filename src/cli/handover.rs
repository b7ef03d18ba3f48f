//! Secret ids, from Vault into files.

use std::time::Duration;

use clap::Args;
use secrecy::ExposeSecret;

use crate::{
    cli::{
        credentials::{Content, Credentials, taken},
        steps::{Line, SAME},
    },
    provision::{Outcome, Trouble},
    vault::Things,
};

/// How secret ids are handed out.
#[derive(Args, Clone)]
pub(super) struct HandoverArgs {
    #[command(flatten)]
    pub(super) credentials: Credentials,
    /// How long a wrapped secret id waits to be unwrapped, from 1s to 24h.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = wrap_ttl)]
    pub(super) wrap_ttl: Duration,
    /// Hand out a secret id although there is one. The old ones stay good.
    #[arg(long)]
    pub(super) new_secret_id: bool,
    /// Write the secret id itself rather than a token that it is wrapped in. It serves every start, and
    /// whoever reads the file can use it unnoticed.
    #[arg(long, conflicts_with = "wrap_ttl")]
    pub(super) plain_secret_id: bool,
}

/// Whether a role gets a secret id, and where it goes.
pub(super) struct Handover {
    role: String,
    credentials: Credentials,
    /// For how long it is wrapped, if it is.
    wrapped: Option<Duration>,
    wanted: bool,
}

impl HandoverArgs {
    /// What is to be done for this role: nothing, if it has a secret id already and no new one is
    /// asked for. One whose file is blank never arrived.
    pub(super) async fn plan(&self, role: &str, things: &Things<'_>) -> Result<Handover, String> {
        let handover = self.handover(role);
        let (role_file, secret_file) = handover.files();
        let role_id = things.role_id(role).await.map_err(|trouble| trouble.to_string())?;
        let found = match &role_id {
            None => 0,
            Some(_) => things.secret_ids(role).await.map_err(|trouble| trouble.to_string())?,
        };
        let secret_content = self.credentials.look(&secret_file)?;
        let wanted = self.new_secret_id || found == 0 || secret_content == Content::Blank;
        if wanted {
            let written = self.credentials.read(&role_file)?;
            let other = written.filter(|id| role_id.as_deref() != Some(id.expose_secret()));
            if other.is_some() {
                return Err(taken(&self.credentials.path(&role_file)));
            }
            if secret_content == Content::Written {
                return Err(taken(&self.credentials.path(&secret_file)));
            }
        }
        Ok(Handover { wanted, ..handover })
    }

    /// What is to be done for a role that is not there yet.
    pub(super) fn plan_for_new_role(&self, role: &str) -> Result<Handover, String> {
        let handover = self.handover(role);
        for file in <[String; 2]>::from(handover.files()) {
            if self.credentials.look(&file)? == Content::Written {
                return Err(taken(&self.credentials.path(&file)));
            }
        }
        Ok(handover)
    }

    fn handover(&self, role: &str) -> Handover {
        Handover {
            role: role.to_owned(),
            credentials: self.credentials.clone(),
            wrapped: (!self.plain_secret_id).then_some(self.wrap_ttl),
            wanted: true,
        }
    }
}

impl Handover {
    /// Whether a secret id is handed out.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// The path in Vault that makes one.
    pub(super) fn vault_path(&self) -> String {
        format!("auth/approle/role/{}/secret-id", self.role)
    }

    pub(super) fn line(&self) -> Line {
        let file = self.credentials.path(&self.files().1);
        let (verb, detail) = match (self.wanted, self.wrapped) {
            (false, _) => (SAME, "there is one".to_owned()),
            (true, None) => ("create", format!("into {}, unwrapped", file.display())),
            (true, Some(life)) => {
                let life = humantime::format_duration(life);
                ("create", format!("into {}, wrapped for {life}", file.display()))
            }
        };
        Line { verb, kind: "secret id", name: self.role.clone(), detail }
    }

    /// How a program that logs in with it is started.
    pub(super) fn start(&self, program: &str) -> String {
        let (role_file, secret_file) = self.files();
        let path = |file: &str| self.credentials.path(file).display().to_string();
        let command = format!(
            "VALIDATOR_ROLE_ID=$(cat {}) VALIDATOR_SECRET_ID_FILE={} {program}",
            path(&role_file),
            path(&secret_file)
        );
        match self.wrapped {
            None => command,
            Some(life) => format!("within {}: {command}", humantime::format_duration(life)),
        }
    }

    /// The use that can be made of the file, for whoever is to start a program with it.
    pub(super) fn advice(&self) -> String {
        let file = self.credentials.path(&self.files().1);
        let file = file.display();
        match self.wrapped {
            Some(life) => format!(
                "{file} holds a wrapped secret id, which serves one start within {}; a restart needs \
                 a new one (--new-secret-id). To serve every start, unwrap it once where the program \
                 runs (VAULT_TOKEN=$(cat {file}) bao unwrap -field=secret_id), or make it with \
                 --plain-secret-id",
                humantime::format_duration(life)
            ),
            None => format!(
                "{file} holds the secret id itself, which serves every start: keep it from everybody \
                 but the program"
            ),
        }
    }

    /// Hands it out. Both files are there before Vault is asked.
    pub(super) async fn carry_out(&self, things: &Things<'_>) -> Outcome {
        if !self.wanted {
            return Outcome::Unchanged;
        }
        match self.hand_out(things).await {
            Ok(()) => Outcome::Done,
            Err(why) => Outcome::Failed(Trouble(why)),
        }
    }

    async fn hand_out(&self, things: &Things<'_>) -> Result<(), String> {
        let (role_file, secret_file) = self.files();
        let role_id = things.role_id(&self.role).await.map_err(|trouble| trouble.to_string())?;
        let role_id = role_id.ok_or_else(|| format!("there is no AppRole {}", self.role))?;
        if self.credentials.look(&role_file)? != Content::Written {
            self.credentials.reserve(&role_file)?.fill(&role_id)?;
        }
        let file = self.credentials.reserve(&secret_file)?;
        let secret_id = things.secret_id(&self.role, self.wrapped).await;
        let secret_id = secret_id.map_err(|trouble| trouble.to_string())?;
        file.fill(secret_id.expose_secret())
    }

    fn files(&self) -> (String, String) {
        (format!("{}-role-id", self.role), format!("{}-secret-id", self.role))
    }
}

/// As long as policies/operator.hcl allows, and whole seconds, which is what Vault counts in.
fn wrap_ttl(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_hours(24);
    let life = humantime::parse_duration(text).ok().filter(|life| range.contains(life));
    life.ok_or_else(|| "it is no duration from 1s to 24h, such as 30m".to_owned())
}
