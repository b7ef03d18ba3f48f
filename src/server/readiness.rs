use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::vault::{Health, Session};

/// The reason while Vault points to another node.
const REDIRECTS: &str = "vault_redirects";

/// Whether tokens can be validated just now.
#[derive(Clone)]
pub(super) struct Readiness {
    pub(super) session: Arc<Session>,
    pub(super) health: watch::Receiver<Health>,
    pub(super) stopping: CancellationToken,
}

impl Readiness {
    /// Ready, or why not.
    pub(super) fn state(&self) -> Result<(), &'static str> {
        if self.stopping.is_cancelled() {
            return Err("stopping");
        }
        match &*self.health.borrow() {
            Health::Unknown => Err("vault_not_asked_yet"),
            Health::Sealed => Err("vault_sealed"),
            Health::Unavailable => Err("vault_unavailable"),
            Health::Redirects(_) => Err(REDIRECTS),
            Health::Up if !self.session.is_logged_in() => Err("not_logged_in"),
            Health::Up => Ok(()),
        }
    }

    /// What an operator can do about a reason, as far as this service knows; it holds no secret.
    pub(super) fn detail(&self, reason: &str) -> Option<Arc<str>> {
        match &*self.health.borrow() {
            Health::Redirects(whither) if reason == REDIRECTS => Some(Arc::clone(whither)),
            _ => self.session.trouble().filter(|_| reason == "not_logged_in"),
        }
    }
}
