//! The choice among several addresses of Vault: the active node first, and the next one where a node
//! does not respond or cannot answer.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream::FuturesUnordered};
use rustify::endpoint::Endpoint;
use tokio::time::sleep;

use super::{
    Client,
    address::Address,
    error::VaultError,
    failure::FailureKind,
    http_request::{RequestOptions, build_request},
    operation::Operation,
    response::{RawResponse, failure},
    settings::HEDGE_PARTS,
};

type AttemptResult = Result<RawResponse, VaultError>;

/// An attempt that failed because of the node.
struct Failed {
    /// The position of the address in the order of preference.
    rank: usize,
    kind: FailureKind,
    result: AttemptResult,
}

impl Client {
    /// Sends a request to the addresses in the order of their preference until one answers.
    ///
    /// One that changes nothing in Vault is sent to the next address as well when the first takes
    /// long; the first answer wins. Any other is sent to the next address only if it was certainly
    /// not carried out. If no address answers, the failure of the most preferred one is returned.
    pub(super) async fn send_to_any(
        &self,
        operation: Operation,
        options: RequestOptions<'_>,
        endpoint: &impl Endpoint,
    ) -> AttemptResult {
        if let [only] = &*self.addresses {
            return self.send_to(only, operation, options, endpoint).await;
        }
        let mut addresses = self.addresses_in_order(operation).into_iter().enumerate();
        let mut attempts = FuturesUnordered::new();
        let mut kept: Option<Failed> = None;
        let mut start_next = true;
        loop {
            if start_next && let Some((rank, address)) = addresses.next() {
                attempts.push(async move {
                    let attempt = self.send_or_report_delay(address, operation, options, endpoint);
                    (rank, address, attempt.await)
                });
            }
            start_next = true;
            let is_hedged = operation.is_read_only() && addresses.len() > 0;
            let hedge = async {
                if is_hedged {
                    sleep(self.hedge_delay()).await;
                } else {
                    std::future::pending::<()>().await;
                }
            };
            let finished = tokio::select! {
                biased;
                finished = attempts.next() => finished,
                () = hedge => continue,
            };
            let Some((rank, address, result)) = finished else {
                return kept.map_or_else(|| Err(no_address()), |failed| failed.result);
            };
            let Some(kind) = failure_of_node(operation, &result) else {
                self.count_discarded(operation, kept.as_ref());
                return result;
            };
            address.request_check();
            let failed = Failed { rank, kind, result };
            let is_preferred = kept.as_ref().is_none_or(|kept| rank < kept.rank);
            let discarded = if is_preferred { kept.replace(failed) } else { Some(failed) };
            self.count_discarded(operation, discarded.as_ref());
        }
    }

    /// Counts an attempt whose failure is not the result of the request.
    fn count_discarded(&self, operation: Operation, failed: Option<&Failed>) {
        if let Some(Failed { kind, .. }) = failed {
            self.metrics.record_vault_request(operation.label(), kind.label());
        }
    }

    /// Returns the time after which another address is asked as well.
    fn hedge_delay(&self) -> Duration {
        self.timeout() / HEDGE_PARTS
    }

    /// Returns the addresses, the preferred one first. Those whose breaker is open come last.
    fn addresses_in_order(&self, operation: Operation) -> Vec<&Address> {
        let is_excluded = |address: &Address| {
            if operation.is_read_only() {
                !address.breaker.admits()
            } else {
                // A write is no probe, since it is not sent to another address when this one hangs.
                address.breaker.is_open()
            }
        };
        let mut ranked: Vec<_> = self
            .addresses
            .iter()
            .map(|address| ((is_excluded(address), address.rank()), address))
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, address)| address).collect()
    }

    /// Sends a request to this address. If it takes long, that counts as a failure for the breaker, and a
    /// health check is requested.
    async fn send_or_report_delay(
        &self,
        address: &Address,
        operation: Operation,
        options: RequestOptions<'_>,
        endpoint: &impl Endpoint,
    ) -> AttemptResult {
        let started_at = Instant::now();
        let attempt = self.send_to(address, operation, options, endpoint);
        tokio::pin!(attempt);
        tokio::select! {
            biased;
            result = &mut attempt => return result,
            () = sleep(self.hedge_delay()) => {}
        }
        address.breaker.record_failure(started_at);
        address.request_check();
        attempt.await
    }

    /// Sends a request to this address.
    pub(super) async fn send_to(
        &self,
        address: &Address,
        operation: Operation,
        options: RequestOptions<'_>,
        endpoint: &impl Endpoint,
    ) -> AttemptResult {
        let started_at = Instant::now();
        let request = build_request(&address.origin, options, endpoint)?;
        let transport = address.transport.load_full();
        let result = transport.send(request, operation.max_response_size()).await;
        match &result {
            Err(error) if error.kind.is_without_response() => {
                address.breaker.record_failure(started_at);
            }
            _ => address.breaker.record_response(),
        }
        let mut response = result?;
        if let Some(index) = &response.index {
            self.seen_index.record(index);
        }
        response.address = address.position;
        Ok(response)
    }
}

/// Returns the kind of a failure after which another address is asked; `None` for an answer.
fn failure_of_node(operation: Operation, result: &AttemptResult) -> Option<FailureKind> {
    let kind = match result {
        Ok(response) => failure(operation, response)?.kind,
        Err(error) => error.kind,
    };
    let is_of_node = kind.is_of_node() || operation.is_read_only() && kind.may_be_of_node();
    is_of_node.then_some(kind)
}

fn no_address() -> VaultError {
    VaultError::new(FailureKind::LocalError, "there is no address of Vault")
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::{FailureKind, Operation, RawResponse, VaultError, failure_of_node};

    fn response(status: u16, body: &str) -> RawResponse {
        let body = Zeroizing::new(body.as_bytes().to_vec());
        RawResponse { status, index: None, address: 0, body }
    }

    #[test]
    fn rejections_are_answers() {
        for (operation, status, body) in [
            (Operation::Lookup, 200, "{}"),
            (Operation::Lookup, 403, r#"{"errors":["bad token"]}"#),
            (Operation::Lookup, 403, r#"{"errors":["permission denied"]}"#),
            (
                Operation::Lookup,
                403,
                r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#,
            ),
            (
                Operation::Lookup,
                429,
                r#"{"errors":["request path \"x\": rate limit quota exceeded"]}"#,
            ),
            (Operation::Entity, 404, r#"{"errors":[]}"#),
            (Operation::Capabilities, 400, r#"{"errors":["invalid token"]}"#),
            (Operation::Login, 400, r#"{"errors":["invalid role or secret ID"]}"#),
        ] {
            assert_eq!(failure_of_node(operation, &Ok(response(status, body))), None, "{body}");
        }
    }

    #[test]
    fn writes_are_sent_elsewhere_only_if_not_carried_out() {
        let failed = |kind| Err(VaultError::new(kind, ""));
        for kind in [FailureKind::Reset, FailureKind::ServerError, FailureKind::Malformed] {
            assert_eq!(failure_of_node(Operation::Lookup, &failed(kind)), Some(kind));
            for operation in [Operation::Login, Operation::SecretWrite, Operation::ConsumeUse] {
                assert_eq!(failure_of_node(operation, &failed(kind)), None, "{operation:?}");
            }
        }
        let no_leader = r#"{"errors":["local node not active but active cluster node not found"]}"#;
        for (result, kind) in [
            (failed(FailureKind::Connect), FailureKind::Connect),
            (failed(FailureKind::Redirect), FailureKind::Redirect),
            (Ok(response(503, r#"{"errors":["Vault is sealed"]}"#)), FailureKind::Sealed),
            (Ok(response(500, no_leader)), FailureKind::NoActiveNode),
        ] {
            for operation in [Operation::Lookup, Operation::Login, Operation::SecretWrite] {
                assert_eq!(failure_of_node(operation, &result), Some(kind), "{operation:?}");
            }
        }
        for (status, body) in [
            (400, r#"{"errors":["leadership lost while committing log"]}"#),
            (500, r#"{"errors":["leadership lost while committing log"]}"#),
            (502, "<html>Bad Gateway</html>"),
        ] {
            assert_eq!(failure_of_node(Operation::SecretWrite, &Ok(response(status, body))), None);
        }
    }
}
