//! The feed of Vault's audit entries for the token cache.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use crate::{
    audit_feed::{AuditFeed, follow_file},
    config::Settings,
    server::run_error::RunError,
    telemetry::Metrics,
    token::TokenCache,
    vault::VaultSession,
};

/// The settings that the feed depends on.
pub(super) const AUDIT_FEED: [&str; 3] = ["audit_file", "cache_ttl", "cache_ttl_with_feed"];

/// The feed, with the task that checks that it is complete.
pub(super) struct FeedLink {
    pub(super) feed: Arc<AuditFeed>,
    /// `None` if nothing relies on the feed.
    watch: Option<AbortOnDropHandle<()>>,
}

impl FeedLink {
    /// Follows the audit file, if there is one, and checks that the feed is complete, if anything relies on
    /// it. Both end with this link.
    ///
    /// # Errors
    /// [`RunError::AuditFile`]
    pub(super) fn start(
        settings: &Settings,
        cache: &Arc<TokenCache>,
        session: &Arc<VaultSession>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, RunError> {
        let feed = Arc::new(AuditFeed::new(Arc::clone(cache), Arc::clone(metrics)));
        if let Some(path) = settings.audit_file.clone() {
            follow_file(path, &feed).map_err(RunError::AuditFile)?;
        }
        let is_relied_on = settings.cache.ttl_with_feed > settings.cache.ttl;
        let watch = (is_relied_on || settings.audit_file.is_some()).then(|| {
            let (feed, session) = (Arc::clone(&feed), Arc::clone(session));
            AbortOnDropHandle::new(tokio::spawn(async move { feed.watch(session).await }))
        });
        Ok(Self { feed, watch })
    }

    /// Returns true if it is checked that the feed is complete.
    pub(super) fn is_watched(&self) -> bool {
        self.watch.is_some()
    }
}
