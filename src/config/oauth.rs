use std::sync::Arc;

use ipnet::IpNet;

use crate::{
    config::{reader::SettingReader, values},
    oauth::{DynamicRegistration, OAuthClient, Resources, client::parse_clients},
};

/// The settings of OAuth.
#[derive(Clone, Debug)]
pub struct OAuthSettings {
    /// The resources that clients may ask access to.
    pub resources: Arc<Resources>,
    /// The configured clients.
    pub clients: Vec<OAuthClient>,
    /// The setting that lets clients register themselves.
    pub registration: DynamicRegistration,
    /// The private networks from which the metadata of clients may be fetched.
    pub client_networks: Vec<IpNet>,
}

/// The settings of OAuth, as far as they are valid.
#[derive(Clone, Debug)]
pub struct PartialOAuth {
    /// The resources; `None` after an error in them.
    pub resources: Option<Arc<Resources>>,
    /// The configured clients; `None` after an error in them.
    pub clients: Option<Vec<OAuthClient>>,
    /// The setting that lets clients register themselves; `None` after an error in it.
    pub registration: Option<DynamicRegistration>,
}

/// The settings that mean nothing without `resources`.
const DEPENDENT: [&str; 2] = ["oauth_clients", "oauth_client_networks"];

impl SettingReader {
    /// Returns the settings of OAuth; `None` without resources, or after an error.
    pub(super) fn oauth(&mut self) -> Option<OAuthSettings> {
        let registration = self.registration();
        if self.raw("resources").is_none() {
            let set = DEPENDENT.into_iter().find(|name| self.raw(name).is_some());
            if let Some(name) = set {
                self.record_error(name, "needs VALIDATOR_RESOURCES");
            }
            if registration == Some(DynamicRegistration::On) {
                self.record_error("oauth_registration", "needs VALIDATOR_RESOURCES");
            }
            return None;
        }
        if self.raw("login_url").is_none() {
            self.record_error("resources", "needs VALIDATOR_LOGIN_URL, where people log in");
        }
        let resources = self.resources();
        let clients = self.clients();
        let networks = match self.raw("oauth_client_networks") {
            Some(_) => self.value("oauth_client_networks", values::networks),
            None => Some(Vec::new()),
        };
        Some(OAuthSettings {
            resources: resources?,
            clients: clients?,
            registration: registration?,
            client_networks: networks?,
        })
    }

    /// Returns the settings of OAuth as far as they are valid; `None` without resources.
    pub(super) fn partial_oauth(&mut self) -> Option<PartialOAuth> {
        self.raw("resources")?;
        Some(PartialOAuth {
            resources: self.resources(),
            clients: self.clients(),
            registration: self.registration(),
        })
    }

    fn resources(&mut self) -> Option<Arc<Resources>> {
        self.value("resources", values::from_error(Resources::parse)).map(Arc::new)
    }

    fn clients(&mut self) -> Option<Vec<OAuthClient>> {
        match self.raw("oauth_clients") {
            Some(_) => self.value("oauth_clients", values::from_error(parse_clients)),
            None => Some(Vec::new()),
        }
    }

    fn registration(&mut self) -> Option<DynamicRegistration> {
        self.value("oauth_registration", values::registration)
    }
}
