//! Delivery of the secret ids of roles: from Vault into files.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::VaultResources;
use crate::provisioning::{
    CredentialDir, FileContent, Issue, PlanRow, ProvisionError, SecretIdOptions, StepOutcome,
    already_exists,
};

/// The planned delivery of a role id and a secret id.
pub struct SecretIdDelivery {
    role: String,
    directory: CredentialDir,
    /// The TTL of the response-wrapping token; `None` delivers the secret id itself.
    wrap_ttl: Option<Duration>,
    needed: bool,
}

impl SecretIdDelivery {
    /// Plans the delivery for a role. None is needed if the role has a secret id, unless its file is
    /// blank, since that secret id was never delivered, or another one is requested.
    ///
    /// # Errors
    /// Fails if a file would be overwritten, or Vault or a file cannot be read.
    pub async fn plan(
        role: &str,
        options: &SecretIdOptions,
        vault: &VaultResources<'_>,
    ) -> Result<Self, ProvisionError> {
        let delivery = Self::new(role, options);
        let (role_file, secret_file) = delivery.files();
        let directory = &options.directory;
        let role_id = vault.role_id(role).await?;
        let existing = match &role_id {
            None => 0,
            Some(_) => vault.count_secret_ids(role).await?,
        };
        let content = directory.content(&secret_file)?;
        let needed =
            options.issue == Issue::Always || existing == 0 || content == FileContent::Blank;
        if needed {
            let written = directory.read(&role_file)?;
            if written.is_some_and(|id| role_id.as_deref() != Some(id.expose_secret())) {
                return Err(already_exists(&directory.file_path(&role_file)));
            }
            if content == FileContent::Written {
                return Err(already_exists(&directory.file_path(&secret_file)));
            }
        }
        Ok(Self { needed, ..delivery })
    }

    /// Plans the delivery for a role that does not exist yet.
    ///
    /// # Errors
    /// Fails if a file would be overwritten, or cannot be read.
    pub fn plan_for_new_role(
        role: &str,
        options: &SecretIdOptions,
    ) -> Result<Self, ProvisionError> {
        let delivery = Self::new(role, options);
        for file in <[String; 2]>::from(delivery.files()) {
            if options.directory.content(&file)? == FileContent::Written {
                return Err(already_exists(&options.directory.file_path(&file)));
            }
        }
        Ok(delivery)
    }

    fn new(role: &str, options: &SecretIdOptions) -> Self {
        Self {
            role: role.to_owned(),
            directory: options.directory.clone(),
            wrap_ttl: options.wrap_ttl,
            needed: true,
        }
    }

    /// Returns true if a secret id is created.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.needed
    }

    /// Returns the path in Vault that creates secret ids.
    pub(super) fn vault_path(&self) -> String {
        format!("auth/approle/role/{}/secret-id", self.role)
    }

    /// Returns the row of the plan.
    #[must_use]
    pub fn row(&self) -> PlanRow {
        let file = self.directory.file_path(&self.files().1);
        let (action, detail) = match (self.needed, self.wrap_ttl) {
            (false, _) => (PlanRow::UNCHANGED, "one exists".to_owned()),
            (true, None) => (PlanRow::CREATE, format!("into {}, unwrapped", file.display())),
            (true, Some(ttl)) => {
                let ttl = humantime::format_duration(ttl);
                (PlanRow::CREATE, format!("into {}, wrapped for {ttl}", file.display()))
            }
        };
        PlanRow { action, kind: "secret id", name: self.role.clone(), detail }
    }

    /// Returns the command line that starts a program with these credentials.
    #[must_use]
    pub fn start_command(&self, program: &str) -> String {
        let (role_file, secret_file) = self.files();
        let path = |file: &str| self.directory.file_path(file).display().to_string();
        let command = format!(
            "VALIDATOR_ROLE_ID=$(cat {}) VALIDATOR_SECRET_ID_FILE={} {program}",
            path(&role_file),
            path(&secret_file)
        );
        match self.wrap_ttl {
            None => command,
            Some(ttl) => format!("within {}: {command}", humantime::format_duration(ttl)),
        }
    }

    /// Returns how the file can be used, for the operator.
    #[must_use]
    pub fn usage(&self) -> String {
        let file = self.directory.file_path(&self.files().1);
        let file = file.display();
        match self.wrap_ttl {
            Some(ttl) => format!(
                "{file} contains a wrapped secret id, which is valid for one start within {}; a \
                 restart needs a new one (--new-secret-id). For one that is valid for every start, \
                 unwrap it where the program runs (VAULT_TOKEN=$(cat {file}) bao unwrap \
                 -field=secret_id), or create it with --plain-secret-id",
                humantime::format_duration(ttl)
            ),
            None => format!(
                "{file} contains the secret id itself, which is valid for every start: make it \
                 readable for the program only"
            ),
        }
    }

    /// Creates the secret id and writes both files, which are reserved before Vault is called.
    pub async fn apply(&self, vault: &VaultResources<'_>) -> StepOutcome {
        if !self.needed {
            return StepOutcome::Unchanged;
        }
        self.deliver(vault).await.map_or_else(StepOutcome::Failed, |()| StepOutcome::Done)
    }

    async fn deliver(&self, vault: &VaultResources<'_>) -> Result<(), ProvisionError> {
        let (role_file, secret_file) = self.files();
        let role_id = vault.role_id(&self.role).await?;
        let role_id =
            role_id.ok_or_else(|| ProvisionError(format!("there is no AppRole {}", self.role)))?;
        if self.directory.content(&role_file)? != FileContent::Written {
            self.directory.reserve(&role_file)?.write(&role_id)?;
        }
        let file = self.directory.reserve(&secret_file)?;
        let secret_id = vault.create_secret_id(&self.role, self.wrap_ttl).await?;
        file.write(secret_id.expose_secret())
    }

    /// Returns the names of the files for the role id and the secret id.
    fn files(&self) -> (String, String) {
        (format!("{}-role-id", self.role), format!("{}-secret-id", self.role))
    }
}
