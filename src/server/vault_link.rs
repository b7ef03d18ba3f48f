//! The service's client of Vault and its session there.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    server::background::BackgroundTasks,
    vault::{Client, ClientSettings, ServiceLogin, VaultHealth, VaultSession, watch_health},
};

/// The maximum time for the first login of a session that is to replace another.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time for which a replaced session serves requests that began with it.
const RETIREMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// The interval at which a replaced session is checked for such requests.
const RETIREMENT_POLL: Duration = Duration::from_millis(50);

/// A client of Vault and the session with the service's own token.
pub(super) struct VaultLink {
    pub(super) client: Arc<Client>,
    pub(super) session: Arc<VaultSession>,
    settings: ClientSettings,
    _session_task: AbortOnDropHandle<()>,
    health_task: Option<AbortOnDropHandle<()>>,
}

impl VaultLink {
    /// Starts the task that logs in to Vault with this client, which has these settings, and renews the
    /// service's own token.
    pub(super) fn start(
        client: Client,
        settings: &ClientSettings,
        login: &Arc<ServiceLogin>,
        tasks: &BackgroundTasks,
    ) -> Self {
        let client = Arc::new(client);
        let session = Arc::new(VaultSession::new(Arc::clone(&client), Arc::clone(login)));
        let running = Arc::clone(&session);
        let run = async move { running.run().await };
        let session_task = tasks.spawn("the task of the Vault session", run);
        Self {
            client,
            session,
            settings: settings.clone(),
            _session_task: session_task,
            health_task: None,
        }
    }

    /// Keeps this health up to date.
    pub(super) fn watch_health(
        &mut self,
        health: watch::Sender<VaultHealth>,
        tasks: &BackgroundTasks,
    ) {
        let watch = watch_health(Arc::clone(&self.client), health);
        self.health_task = Some(tasks.spawn("the health check of Vault", watch));
    }

    /// Returns true if these settings lead to the same Vault and the same namespace.
    pub(super) fn is_same_vault(&self, settings: &ClientSettings) -> bool {
        self.settings.addresses == settings.addresses
            && self.settings.namespace == settings.namespace
    }

    /// Waits for the outcome of the first login.
    ///
    /// # Errors
    /// The reason why it failed. It contains no secret.
    pub(super) async fn first_login(&self) -> Result<(), Arc<str>> {
        match timeout(LOGIN_TIMEOUT, self.session.token()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(unavailable)) => Err(unavailable.detail),
            Err(_) => Err("the login takes too long".into()),
        }
    }

    /// Revokes the token of this link, which another one replaces, once no request uses it or the
    /// service stops.
    pub(super) async fn retire(self, stopping: CancellationToken) {
        let session = Arc::clone(&self.session);
        drop(self);
        let unused = async {
            while Arc::strong_count(&session) > 1 {
                sleep(RETIREMENT_POLL).await;
            }
        };
        let unused = timeout(RETIREMENT_TIMEOUT, unused);
        // Either way it ends now.
        let _ = stopping.run_until_cancelled(unused).await;
        if let Err(error) = session.close().await {
            tracing::warn!("{error}");
        }
    }
}
