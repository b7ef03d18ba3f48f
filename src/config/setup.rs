use crate::{
    config::{Listen, fault::Faults, reader::Reader, sources::Sources},
    policies::Mounts,
    vault::{self, Login},
};

/// The parts of a setup, each as far as it is valid, whatever is wrong with the others.
#[derive(Debug)]
pub struct Setup {
    /// What keeps `serve` from starting.
    pub faults: Option<Faults>,
    /// Where Vault is.
    pub vault: Option<vault::Settings>,
    /// Where the tenants' secrets and keys are.
    pub mounts: Option<Mounts>,
    /// The auth mount that people use.
    pub subject_mount: Option<String>,
    /// Who the service is in Vault.
    pub service: Service,
    /// Who looks after it, if that is somebody else.
    pub operator: Option<Operator>,
    /// Where the service's admin listener is.
    pub admin_listen: Option<Listen>,
    /// Whether somebody said so.
    pub admin_origin: AdminOrigin,
}

/// Who the service is in Vault.
#[derive(Debug)]
pub enum Service {
    /// It logs in like this.
    Login(Login),
    /// What says so has faults.
    Faulty,
    /// Nothing says so here.
    Unknown,
    /// What logs in here is an operator's.
    Elsewhere,
}

/// Somebody with a token of their own.
#[derive(Debug)]
pub struct Operator {
    /// How they log in.
    pub login: Login,
    /// Where their token comes from.
    pub origin: TokenOrigin,
}

/// Where an operator's token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOrigin {
    /// It is configured, beside an `AppRole`. `serve` would not start with both.
    BesideAppRole,
    /// `vault login` left it behind.
    LeftBehind,
    /// It is configured as that of a service would be.
    InItsPlace,
}

/// Where the address of the admin listener comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminOrigin {
    /// Somebody wrote it.
    Written,
    /// It is the default.
    Default,
}

/// What a service can log in with, other than the `AppRole`.
const TOKENS: [&str; 2] = ["vault_token", "vault_token_file"];

impl Setup {
    /// The setup that these sources tell of.
    #[must_use]
    pub fn load(sources: &Sources) -> Self {
        let mut reader = Reader::new(sources.clone());
        let given = |name: &&'static str| reader.written(name).is_some();
        let app_role = ["role_id", "secret_id_file"].iter().any(given);
        let token = TOKENS.iter().any(given);
        let operator = match (app_role, token) {
            (true, true) => reader.token_login().map(|login| (login, TokenOrigin::BesideAppRole)),
            (_, false) => reader.left_behind().map(|login| (login, TokenOrigin::LeftBehind)),
            (false, true) => None,
        };
        let operator = operator.map(|(login, origin)| Operator { login, origin });
        let aside: &[&'static str] = if app_role { &TOKENS } else { &[] };
        reader.set_aside(aside);
        let service = match (app_role || token).then(|| reader.login()) {
            None => Service::Unknown,
            Some(None) => Service::Faulty,
            Some(Some(login)) => Service::Login(login),
        };
        let admin_origin = match reader.written("admin_listen") {
            Some(_) => AdminOrigin::Written,
            None => AdminOrigin::Default,
        };
        Self {
            faults: faults(sources.clone(), aside),
            vault: reader.vault(),
            mounts: reader.mounts(),
            subject_mount: reader.subject_mount(),
            service,
            operator,
            admin_listen: reader.parsed("admin_listen"),
            admin_origin,
        }
    }

    /// The same where what logs in as a service would is an operator's.
    #[must_use]
    pub fn of_operator(mut self) -> Self {
        if let Service::Login(login) = std::mem::replace(&mut self.service, Service::Elsewhere) {
            let origin = TokenOrigin::InItsPlace;
            self.operator = self.operator.or(Some(Operator { login, origin }));
        }
        self
    }
}

fn faults(sources: Sources, aside: &[&'static str]) -> Option<Faults> {
    let mut reader = Reader::new(sources);
    reader.set_aside(aside);
    let settings = reader.settings();
    reader.finish(settings).err()
}
