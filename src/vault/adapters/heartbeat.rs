use futures_util::future::BoxFuture;

use crate::{
    audit_feed::HeartbeatSender,
    token::{Unavailable, UnavailableReason},
    vault::{api::token, session::VaultSession},
};

impl HeartbeatSender for VaultSession {
    /// Looks up the service's own token.
    fn send_heartbeat(&self) -> BoxFuture<'_, Result<String, Unavailable>> {
        Box::pin(async move {
            let own = self.token().await?;
            let id = token::lookup_self_at_active_node(self.client(), &own.token).await?;
            id.ok_or_else(|| {
                let detail = "the response to a lookup has no request id";
                Unavailable::new(UnavailableReason::NoValidResponse, detail)
            })
        })
    }
}
