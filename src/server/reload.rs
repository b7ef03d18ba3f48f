//! Applying the configuration again while the service runs.

use std::{convert::Infallible, fmt, mem, sync::Arc};

use tokio::{sync::Notify, task::spawn_blocking};
use tracing::{error, info, warn};

use crate::{
    auth::FailureLimiter,
    config::{SettingChanges, SettingSources, Settings},
    server::{
        feed_link::{AUDIT_FEED, FeedLink},
        handlers::{HandlerParts, Handlers},
        policy_drift,
        service::{Service, sealing_keys, token_backend},
        vault_link::VaultLink,
    },
    telemetry::{LogLevel, Observer, ReloadOutcome, record_vault_recovery},
    token::TokenCache,
    vault::{Client, TrustRoots, check_connection},
};

/// The settings of the service's login.
const LOGIN: [&str; 4] = ["role_id", "secret_id_file", "vault_token_file", "vault_token"];

/// The settings of the connections to Vault, besides its address.
const CONNECTION: [&str; 6] = [
    "vault_cacert",
    "vault_capath",
    "vault_client_cert",
    "vault_client_key",
    "vault_timeout",
    "vault_tls_server_name",
];

/// The settings of the comparison of policies.
const POLICY_DRIFT: [&str; 2] = ["policy_drift_dir", "policy_drift_interval"];

/// The source of the configuration of a running service.
pub struct ConfigReload {
    /// The sources of the settings.
    pub sources: SettingSources,
    /// Notified when they are to be read again. Notifications during a reload lead to one more.
    pub requested: Arc<Notify>,
    /// The means to change the log level.
    pub log_level: LogLevel,
}

/// The reasons why a configuration is not applied.
struct ReloadError(Vec<String>);

/// A configuration that is ready to be applied.
struct Candidate {
    handlers: Handlers,
    vault: VaultChange,
    /// The cache that replaces the present one.
    cache: Option<Arc<TokenCache>>,
    /// The feed that replaces the present one.
    feed: Option<FeedLink>,
    failure_limiter: Arc<FailureLimiter>,
}

/// The change of the connection to Vault.
enum VaultChange {
    /// None.
    Unchanged,
    /// Other certificates or another timeout, for the same session.
    Connections(Client),
    /// Another login, or another Vault.
    Link(VaultLink),
}

impl<E: fmt::Display> From<E> for ReloadError {
    fn from(error: E) -> Self {
        Self(vec![error.to_string()])
    }
}

impl Service {
    /// Applies the configuration whenever that is requested, without end.
    pub(super) async fn reload_on_request(&mut self, reload: &ConfigReload) -> Infallible {
        loop {
            reload.requested.notified().await;
            let outcome = match self.reload(reload).await {
                Ok(()) => ReloadOutcome::Ok,
                Err(ReloadError(reasons)) => {
                    for reason in reasons {
                        error!(reason, "configuration not reloaded: the previous one stays in use");
                    }
                    ReloadOutcome::Failed
                }
            };
            self.shared.metrics.record_reload(outcome);
        }
    }

    /// Reads the configuration and applies it as a whole, or changes nothing.
    async fn reload(&mut self, reload: &ConfigReload) -> Result<(), ReloadError> {
        let sources = reload.sources.clone();
        let settings = spawn_blocking(move || Settings::load(sources)).await?;
        let settings = settings
            .map_err(|errors| ReloadError(errors.iter().map(ToString::to_string).collect()))?;
        let (changes, need_restart) = self.snapshot.changes_in(&settings.snapshot).split();
        let candidate = self.prepare(&settings, &changes).await?;
        self.apply(candidate, &settings, &changes);
        reload.log_level.set(settings.telemetry.level);
        if changes.is_empty() {
            info!("configuration reloaded: nothing has changed");
        } else {
            info!(settings = %changes, "configuration reloaded");
        }
        if !need_restart.is_empty() {
            warn!(settings = %need_restart, "changed settings take effect only after a restart");
        }
        Ok(())
    }

    /// Does everything that can fail.
    async fn prepare(
        &self,
        settings: &Settings,
        changes: &SettingChanges,
    ) -> Result<Candidate, ReloadError> {
        let failure_limiter = if changes.include(&["failure_limit"]) {
            Arc::new(FailureLimiter::new(settings.failure_limit))
        } else {
            Arc::clone(&self.failure_limiter)
        };
        let change = self.prepare_vault(settings, changes).await?;
        let vault = match &change {
            VaultChange::Link(link) => link,
            VaultChange::Unchanged | VaultChange::Connections(_) => &self.vault,
        };
        // Another Vault has other tokens, and the mount decides the subjects of cached ones.
        let keeps_cache =
            self.vault.is_same_vault(&settings.vault) && !changes.include(&["subject_mount"]);
        let cache = (!keeps_cache).then(|| {
            Arc::new(self.cache.successor(settings.cache, token_backend(vault, settings)))
        });
        let current_cache = cache.as_ref().unwrap_or(&self.cache);
        let is_new_link = matches!(change, VaultChange::Link(_));
        let restarts_feed = cache.is_some() || is_new_link || changes.include(&AUDIT_FEED);
        let feed = restarts_feed
            .then(|| FeedLink::start(settings, current_cache, &vault.session, &self.shared.metrics))
            .transpose()?;
        let parts = HandlerParts {
            shared: &self.shared,
            vault,
            cache: current_cache,
            feed: &feed.as_ref().unwrap_or(&self.feed).feed,
            failure_limiter: &failure_limiter,
        };
        let handlers = Handlers::new(settings, &parts)?;
        Ok(Candidate { handlers, vault: change, cache, feed, failure_limiter })
    }

    /// Prepares the change of the connection to Vault. While the service is ready, it has to work.
    async fn prepare_vault(
        &self,
        settings: &Settings,
        changes: &SettingChanges,
    ) -> Result<VaultChange, ReloadError> {
        let (shared, vault) = (&self.shared, &settings.vault);
        let is_ready = self.current.source.current().readiness.check().is_ok();
        let keeps_session = self.vault.is_same_vault(vault) && !changes.include(&LOGIN);
        // The system's certificates are in no setting, so that a change of them is not known.
        let trusts_system = matches!(vault.trust, TrustRoots::System)
            && vault.addresses.iter().any(|address| address.scheme() == "https");
        if keeps_session && !trusts_system && !changes.include(&CONNECTION) {
            return Ok(VaultChange::Unchanged);
        }
        let client = Client::new(vault, Arc::clone(&shared.metrics))?;
        if keeps_session {
            if is_ready {
                check_connection(&client).await?;
            }
            return Ok(VaultChange::Connections(client));
        }
        let link = VaultLink::start(client, vault, &settings.login, &self.tasks);
        if is_ready && let Err(reason) = link.first_login().await {
            link.retire(shared.shutdown.clone()).await;
            // It was not the service's own session that failed.
            record_vault_recovery(Observer::Session);
            return Err(format!("the login at Vault failed: {reason}").into());
        }
        Ok(VaultChange::Link(link))
    }

    /// Applies a configuration. This cannot fail, and is not interrupted.
    fn apply(&mut self, candidate: Candidate, settings: &Settings, changes: &SettingChanges) {
        let Candidate { handlers, vault, cache, feed, failure_limiter } = candidate;
        let is_new_link = matches!(vault, VaultChange::Link(_));
        match vault {
            VaultChange::Unchanged => {}
            VaultChange::Connections(client) => self.vault.client.adopt_connections(&client),
            VaultChange::Link(mut link) => {
                link.watch_health(self.shared.health.clone(), &self.tasks);
                let replaced = mem::replace(&mut self.vault, link);
                self.retirements.spawn(replaced.retire(self.shared.shutdown.clone()));
            }
        }
        if let Some(cache) = cache {
            mem::replace(&mut self.cache, cache).clear();
        } else {
            self.cache.apply(settings.cache);
            if is_new_link {
                self.cache.replace_backend(token_backend(&self.vault, settings));
            }
        }
        if let Some(feed) = feed {
            self.feed = feed;
            if !self.feed.is_watched() {
                self.shared.metrics.set_audit_feed(None);
            }
        }
        self.failure_limiter = failure_limiter;
        self.current.replace(handlers);
        self.apply_keys(settings);
        if is_new_link || changes.include(&POLICY_DRIFT) {
            let (session, metrics) = (&self.vault.session, &self.shared.metrics);
            self.policy_drift = None;
            metrics.clear_policy_drift();
            let drift = settings.policy_drift.clone();
            self.policy_drift = policy_drift::spawn(drift, session, metrics);
        }
        self.snapshot = self.snapshot.updated_to(settings.snapshot.clone());
    }

    /// Replaces the keys of sessions. The cache knows sessions by their sealed form: those whose key is
    /// gone would be accepted until their entries go stale.
    fn apply_keys(&mut self, settings: &Settings) {
        let keys = sealing_keys(settings);
        let unseals_all =
            |replaced: &Arc<_>| keys.as_ref().is_some_and(|keys| keys.includes(replaced));
        if !self.keys.as_ref().is_none_or(unseals_all) {
            self.cache.clear();
        }
        self.keys = keys;
    }
}
