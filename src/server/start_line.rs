use url::Url;

use crate::{config::Settings, server::listener::Listener};

/// The line that the service logs when it has started.
pub(super) struct StartLine {
    vault: String,
    namespace: Option<String>,
    listeners: [String; 3],
    settings: String,
}

impl StartLine {
    /// Describes the service with these settings and the listeners auth, api and admin.
    pub(super) fn new(settings: &Settings, listeners: [&Listener; 3]) -> Self {
        let addresses: Vec<_> = settings.vault.addresses.iter().map(Url::as_str).collect();
        Self {
            vault: addresses.join(", "),
            namespace: settings.vault.namespace.as_ref().map(|name| name.as_str().to_owned()),
            listeners: listeners.map(|listener| listener.address().clone()),
            settings: settings.changed.to_string(),
        }
    }

    /// Logs the line.
    pub(super) fn log(&self) {
        let [auth, api, admin] = &self.listeners;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            vault = self.vault,
            namespace = self.namespace,
            auth,
            api,
            admin,
            settings = self.settings,
            "started"
        );
    }
}
