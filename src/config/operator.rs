use crate::{
    config::{error::ConfigErrors, reader::SettingReader, sources::SettingSources},
    vault::{self, ServiceLogin},
};

/// The settings of a command that an operator runs.
#[derive(Debug)]
pub struct OperatorSettings {
    /// The connection to Vault.
    pub vault: vault::ClientSettings,
    /// The login.
    pub login: ServiceLogin,
}

impl OperatorSettings {
    /// Reads these sources. The login is `VAULT_TOKEN`, else a token file, else the service's
    /// `AppRole`, else the file of the Vault CLI.
    ///
    /// # Errors
    /// All errors in these settings.
    pub fn load(sources: SettingSources) -> Result<Self, ConfigErrors> {
        let mut reader = SettingReader::new(sources);
        let (vault, login) = (reader.vault(), reader.operator_login());
        reader.finish(vault.zip(login).map(|(vault, login)| Self { vault, login }))
    }
}
