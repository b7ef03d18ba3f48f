use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::vault::{VaultHealth, VaultSession};

/// The reason while Vault redirects to another node.
const VAULT_REDIRECTS: &str = "vault_redirects";

/// The readiness of the service: whether it can validate tokens.
#[derive(Clone)]
pub(super) struct Readiness {
    pub(super) session: Arc<VaultSession>,
    pub(super) health: watch::Receiver<VaultHealth>,
    pub(super) shutdown: CancellationToken,
}

impl Readiness {
    /// Returns an error with the reason if the service is not ready.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.shutdown.is_cancelled() {
            return Err("stopping");
        }
        match &*self.health.borrow() {
            VaultHealth::Unknown => Err("vault_not_asked_yet"),
            VaultHealth::Sealed => Err("vault_sealed"),
            VaultHealth::Unavailable => Err("vault_unavailable"),
            VaultHealth::RedirectingStandby(_) => Err(VAULT_REDIRECTS),
            VaultHealth::Up if !self.session.is_logged_in() => Err("not_logged_in"),
            VaultHealth::Up => Ok(()),
        }
    }

    /// Returns the remedy for a reason, if there is a specific one. It holds no secret.
    pub(super) fn detail(&self, reason: &str) -> Option<Arc<str>> {
        match &*self.health.borrow() {
            VaultHealth::RedirectingStandby(target) if reason == VAULT_REDIRECTS => {
                Some(Arc::clone(target))
            }
            _ => self.session.last_error().filter(|_| reason == "not_logged_in"),
        }
    }
}
