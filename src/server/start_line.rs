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
        Self {
            vault: settings.vault.address.to_string(),
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
