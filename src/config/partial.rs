use crate::{
    config::{
        browser_login::PartialBrowserLogin, error::ConfigErrors, listen::ListenAddress,
        oauth::PartialOAuth, reader::SettingReader, sources::SettingSources,
    },
    policy::Mounts,
    vault::{self, ServiceLogin},
};

/// The parts of the configuration that are valid, regardless of errors in the others.
#[derive(Debug)]
pub struct PartialSettings {
    /// The errors that prevent `serve` from starting.
    pub errors: Option<ConfigErrors>,
    /// The connection to Vault.
    pub vault: Option<vault::ClientSettings>,
    /// The mounts of the tenants' secrets and keys.
    pub mounts: Option<Mounts>,
    /// The auth mount that people log in with.
    pub subject_mount: Option<String>,
    /// The settings of browser logins; `None` without a login host.
    pub browser_login: Option<PartialBrowserLogin>,
    /// The settings of OAuth; `None` without resources.
    pub oauth: Option<PartialOAuth>,
    /// The login of the service.
    pub service: ServiceLoginConfig,
    /// The login of the operator, if it differs from the service's.
    pub operator: Option<OperatorLogin>,
    /// The address of the admin listener.
    pub admin_listen: Option<ListenAddress>,
    /// The origin of that address.
    pub admin_listen_origin: AdminListenOrigin,
}

/// The login of the service.
#[derive(Debug)]
pub enum ServiceLoginConfig {
    /// The login is configured.
    Login(ServiceLogin),
    /// The login is configured with errors.
    Invalid,
    /// No login is configured.
    NotConfigured,
    /// The configured login is the operator's; the service's is unknown.
    Unspecified,
}

/// The login of an operator with a token of their own.
#[derive(Debug)]
pub struct OperatorLogin {
    /// The login method.
    pub login: ServiceLogin,
    /// The origin of the token.
    pub origin: TokenOrigin,
}

/// The origin of an operator's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOrigin {
    /// Configured alongside an `AppRole`. `serve` does not start with both.
    AlongsideAppRole,
    /// The file of the Vault CLI, which `vault login` writes.
    VaultCli,
    /// Configured in the settings of the service's token.
    ServiceSetting,
}

/// The origin of the admin listener's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminListenOrigin {
    /// It is configured.
    Configured,
    /// It is the default.
    Default,
}

/// The settings of the service's token.
const TOKEN_SETTINGS: [&str; 2] = ["vault_token", "vault_token_file"];

impl PartialSettings {
    /// Reads these sources.
    #[must_use]
    pub fn load(sources: &SettingSources) -> Self {
        let mut reader = SettingReader::new(sources.clone());
        let is_set = |name: &&'static str| reader.raw(name).is_some();
        let app_role = ["role_id", "secret_id_file"].iter().any(is_set);
        let token = TOKEN_SETTINGS.iter().any(is_set);
        let operator = match (app_role, token) {
            (true, true) => {
                reader.token_login().map(|login| (login, TokenOrigin::AlongsideAppRole))
            }
            (_, false) => reader.vault_cli_token().map(|login| (login, TokenOrigin::VaultCli)),
            (false, true) => None,
        };
        let operator = operator.map(|(login, origin)| OperatorLogin { login, origin });
        let ignored: &[&'static str] = if app_role { &TOKEN_SETTINGS } else { &[] };
        reader.ignore_keys(ignored);
        let service = match (app_role || token).then(|| reader.login()) {
            None => ServiceLoginConfig::NotConfigured,
            Some(None) => ServiceLoginConfig::Invalid,
            Some(Some(login)) => ServiceLoginConfig::Login(login),
        };
        let admin_origin = match reader.raw("admin_listen") {
            Some(_) => AdminListenOrigin::Configured,
            None => AdminListenOrigin::Default,
        };
        Self {
            errors: errors_of_serve(sources.clone(), ignored),
            vault: reader.vault(),
            mounts: reader.mounts(),
            subject_mount: reader.subject_mount(),
            browser_login: reader.partial_browser_login(),
            oauth: reader.partial_oauth(),
            service,
            operator,
            admin_listen: reader.parsed("admin_listen"),
            admin_listen_origin: admin_origin,
        }
    }

    /// Returns the settings with the configured login as the operator's instead of the service's.
    #[must_use]
    pub fn as_operator(mut self) -> Self {
        if let ServiceLoginConfig::Login(login) =
            std::mem::replace(&mut self.service, ServiceLoginConfig::Unspecified)
        {
            let origin = TokenOrigin::ServiceSetting;
            self.operator = self.operator.or(Some(OperatorLogin { login, origin }));
        }
        self
    }
}

/// Returns the errors that prevent `serve` from starting with these settings ignored.
fn errors_of_serve(sources: SettingSources, ignored: &[&'static str]) -> Option<ConfigErrors> {
    let mut reader = SettingReader::new(sources);
    reader.ignore_keys(ignored);
    let settings = reader.settings();
    reader.finish(settings).err()
}
