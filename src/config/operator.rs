use crate::{
    config::{error::Faults, reader::SettingReader, sources::Sources},
    vault::{self, Login},
};

/// The settings of a command that an operator runs.
#[derive(Debug)]
pub struct Access {
    /// The connection to Vault.
    pub vault: vault::Settings,
    /// The login.
    pub login: Login,
}

impl Access {
    /// Reads these sources. The login is `VAULT_TOKEN`, else a token file, else the service's
    /// `AppRole`, else the file of the Vault CLI.
    ///
    /// # Errors
    /// All errors in these settings.
    pub fn load(sources: Sources) -> Result<Self, Faults> {
        let mut reader = SettingReader::new(sources);
        let (vault, login) = (reader.vault(), reader.operator_login());
        reader.finish(vault.zip(login).map(|(vault, login)| Self { vault, login }))
    }
}
