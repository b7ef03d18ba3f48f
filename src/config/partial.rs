use crate::{
    config::{error::Faults, listen::Listen, reader::SettingReader, sources::Sources},
    policies::Mounts,
    vault::{self, Login},
};

/// The parts of the configuration that are valid, regardless of errors in the others.
#[derive(Debug)]
pub struct Setup {
    /// The errors that prevent `serve` from starting.
    pub faults: Option<Faults>,
    /// The connection to Vault.
    pub vault: Option<vault::Settings>,
    /// The mounts of the tenants' secrets and keys.
    pub mounts: Option<Mounts>,
    /// The auth mount that people log in with.
    pub subject_mount: Option<String>,
    /// The login of the service.
    pub service: Service,
    /// The login of the operator, if it differs from the service's.
    pub operator: Option<Operator>,
    /// The address of the admin listener.
    pub admin_listen: Option<Listen>,
    /// The origin of that address.
    pub admin_origin: AdminOrigin,
}

/// The login of the service.
#[derive(Debug)]
pub enum Service {
    /// The login is configured.
    Login(Login),
    /// The login is configured with errors.
    Faulty,
    /// No login is configured.
    Unknown,
    /// The configured login is the operator's; the service's is unknown.
    Elsewhere,
}

/// The login of an operator with a token of their own.
#[derive(Debug)]
pub struct Operator {
    /// The login method.
    pub login: Login,
    /// The origin of the token.
    pub origin: TokenOrigin,
}

/// The origin of an operator's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOrigin {
    /// Configured alongside an `AppRole`. `serve` does not start with both.
    BesideAppRole,
    /// The file of the Vault CLI, which `vault login` writes.
    LeftBehind,
    /// Configured in the settings of the service's token.
    InItsPlace,
}

/// The origin of the admin listener's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminOrigin {
    /// It is configured.
    Written,
    /// It is the default.
    Default,
}

/// The settings of the service's token.
const TOKEN_SETTINGS: [&str; 2] = ["vault_token", "vault_token_file"];

impl Setup {
    /// Reads these sources.
    #[must_use]
    pub fn load(sources: &Sources) -> Self {
        let mut reader = SettingReader::new(sources.clone());
        let is_set = |name: &&'static str| reader.raw(name).is_some();
        let app_role = ["role_id", "secret_id_file"].iter().any(is_set);
        let token = TOKEN_SETTINGS.iter().any(is_set);
        let operator = match (app_role, token) {
            (true, true) => reader.token_login().map(|login| (login, TokenOrigin::BesideAppRole)),
            (_, false) => reader.vault_cli_token().map(|login| (login, TokenOrigin::LeftBehind)),
            (false, true) => None,
        };
        let operator = operator.map(|(login, origin)| Operator { login, origin });
        let ignored: &[&'static str] = if app_role { &TOKEN_SETTINGS } else { &[] };
        reader.ignore_keys(ignored);
        let service = match (app_role || token).then(|| reader.login()) {
            None => Service::Unknown,
            Some(None) => Service::Faulty,
            Some(Some(login)) => Service::Login(login),
        };
        let admin_origin = match reader.raw("admin_listen") {
            Some(_) => AdminOrigin::Written,
            None => AdminOrigin::Default,
        };
        Self {
            faults: errors_of_serve(sources.clone(), ignored),
            vault: reader.vault(),
            mounts: reader.mounts(),
            subject_mount: reader.subject_mount(),
            service,
            operator,
            admin_listen: reader.parsed("admin_listen"),
            admin_origin,
        }
    }

    /// Returns the settings with the configured login as the operator's instead of the service's.
    #[must_use]
    pub fn of_operator(mut self) -> Self {
        if let Service::Login(login) = std::mem::replace(&mut self.service, Service::Elsewhere) {
            let origin = TokenOrigin::InItsPlace;
            self.operator = self.operator.or(Some(Operator { login, origin }));
        }
        self
    }
}

/// Returns the errors that prevent `serve` from starting with these settings ignored.
fn errors_of_serve(sources: Sources, ignored: &[&'static str]) -> Option<Faults> {
    let mut reader = SettingReader::new(sources);
    reader.ignore_keys(ignored);
    let settings = reader.settings();
    reader.finish(settings).err()
}
