//! Limits on the API's memory and concurrent calls to Vault, divided among its callers.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use tokio::time::timeout;

use crate::{
    auth::Refusal,
    server::api::{
        error::ApiError,
        fair_semaphore::{FairPermit, FairSemaphore, Holder},
        reclaimable_body,
    },
    token::{Unavailable, UnavailableReason},
};

/// The memory for a body of unknown length, in bytes: the maximum size of a request body.
const MEBIBYTE: u64 = 1024 * 1024;

/// The minimum memory for a request, in bytes: the maximum size of its head.
const MIN_REQUEST_BYTES: u64 = 64 * 1024;

/// The memory for a list, in bytes: a page of 1,000 names of the maximum length.
const LIST_BYTES: u64 = 512 * 1024;

/// The maximum number of secrets of a short list, where each secret is looked up: the number of
/// concurrent lookups.
const SHORT_LIST: usize = 8;

/// The maximum number of requests that wait for a semaphore.
const MAX_WAITING: usize = 512;

/// The maximum time that a request waits for its permits.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The API's limits. Each is divided among the callers, so that no caller can exhaust it. Reads,
/// writes and lists have separate limits, so that they do not delay each other.
pub(in crate::server) struct Capacity {
    /// Bytes of secrets that are held until they are sent.
    read_bytes: Arc<FairSemaphore>,
    /// Bytes of request bodies, arrived or expected.
    write_bytes: Arc<FairSemaphore>,
    /// Bytes of lists that are held until they are sent.
    list_bytes: Arc<FairSemaphore>,
    /// Requests on one secret that are calling Vault. Each makes two concurrent calls.
    secret_calls: Arc<FairSemaphore>,
    /// Lists that are calling Vault for names, which OpenBao returns with their versions.
    list_calls: Arc<FairSemaphore>,
    /// Short lists, and long ones, that are looking up each of their secrets. Each makes eight
    /// concurrent calls; a short one does not wait for the long ones.
    short_lookups: Arc<FairSemaphore>,
    long_lookups: Arc<FairSemaphore>,
}

/// The kind of a request that reads.
#[derive(Clone, Copy)]
pub(super) enum ReadKind {
    /// One secret, as JSON or a bare value.
    Secret,
    /// One secret, as env lines, where each byte may need an escape.
    EnvLines,
    /// The list of a tenant's secrets.
    List,
}

impl Default for Capacity {
    fn default() -> Self {
        let semaphore = |permits| Arc::new(FairSemaphore::new(permits, MAX_WAITING));
        Self {
            read_bytes: semaphore(24 * MEBIBYTE),
            write_bytes: semaphore(16 * MEBIBYTE),
            list_bytes: semaphore(8 * MEBIBYTE),
            secret_calls: semaphore(16),
            list_calls: semaphore(4),
            short_lookups: semaphore(4),
            long_lookups: semaphore(4),
        }
    }
}

impl Capacity {
    /// Acquires memory for the response, whose length is not known yet, and a permit to call Vault.
    /// The latter must not be held while the client sends or reads.
    ///
    /// # Errors
    /// `overloaded` if that takes longer than [`ACQUIRE_TIMEOUT`].
    pub(super) async fn acquire_read(
        &self,
        holder: &Holder,
        kind: ReadKind,
    ) -> Result<(MemoryPermit, FairPermit), ApiError> {
        let (bytes, amount, calls) = match kind {
            ReadKind::Secret => (&self.read_bytes, MEBIBYTE, &self.secret_calls),
            ReadKind::EnvLines => (&self.read_bytes, 2 * MEBIBYTE, &self.secret_calls),
            ReadKind::List => (&self.list_bytes, LIST_BYTES, &self.list_calls),
        };
        acquire_in_time(async {
            let memory = MemoryPermit(bytes.acquire(holder, amount).await?);
            Some((memory, calls.acquire(holder, 1).await?))
        })
        .await
    }

    /// Acquires memory for a request body, of unknown length without `Content-Length`.
    ///
    /// # Errors
    /// As [`Capacity::acquire_read`].
    pub(super) async fn acquire_body(
        &self,
        holder: &Holder,
        content_length: Option<usize>,
    ) -> Result<MemoryPermit, ApiError> {
        let bytes = content_length.map_or(MEBIBYTE, |length| length as u64);
        let bytes = bytes.clamp(MIN_REQUEST_BYTES, MEBIBYTE);
        acquire_in_time(self.write_bytes.acquire(holder, bytes)).await.map(MemoryPermit)
    }

    /// Acquires a permit to call Vault once for each of this number of secrets. Without secrets, no
    /// permit is needed.
    ///
    /// # Errors
    /// As [`Capacity::acquire_read`].
    pub(super) async fn acquire_lookups(
        &self,
        holder: &Holder,
        secrets: usize,
    ) -> Result<Option<FairPermit>, ApiError> {
        let lookups = match secrets {
            0 => return Ok(None),
            1..=SHORT_LIST => &self.short_lookups,
            _ => &self.long_lookups,
        };
        acquire_in_time(lookups.acquire(holder, 1)).await.map(Some)
    }

    /// Acquires a permit for a write to Vault.
    ///
    /// # Errors
    /// As [`Capacity::acquire_read`].
    pub(super) async fn acquire_write(&self, holder: &Holder) -> Result<FairPermit, ApiError> {
        acquire_in_time(self.secret_calls.acquire(holder, 1)).await
    }
}

async fn acquire_in_time<T>(permit: impl Future<Output = Option<T>>) -> Result<T, ApiError> {
    timeout(ACQUIRE_TIMEOUT, permit).await.ok().flatten().ok_or_else(|| {
        let detail = "too many concurrent requests of this caller or of all callers";
        Refusal::from(Unavailable::new(UnavailableReason::Overloaded, detail)).into()
    })
}

/// A permit for the memory of a request body, and then of the response body.
pub(super) struct MemoryPermit(FairPermit);

impl MemoryPermit {
    /// Resizes the permit to the response body, which holds it until it is sent.
    pub(super) fn attach_to(mut self, response: Response<Bytes>) -> Response<Body> {
        response.map(|body| {
            self.0.resize(body.len() as u64);
            reclaimable_body::new(&body, self.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use bytes::Bytes;
    use futures_util::FutureExt;
    use http::Response;

    use super::{Capacity, MEBIBYTE, MemoryPermit, ReadKind};
    use crate::server::api::fair_semaphore::Holder;

    fn tenant(name: &str) -> Holder {
        Holder::Tenant(name.to_owned())
    }

    /// Returns the memory permits of the concurrent reads of one tenant.
    fn acquire_all(kind: ReadKind) -> Vec<MemoryPermit> {
        let (capacity, acme) = (Capacity::default(), tenant("acme"));
        let acquire = || Some(capacity.acquire_read(&acme, kind).now_or_never()?.ok()?.0);
        iter::from_fn(acquire).collect()
    }

    #[tokio::test]
    async fn env_lines_reserve_escapes() {
        assert_eq!(acquire_all(ReadKind::Secret).len(), 12);
        assert_eq!(acquire_all(ReadKind::EnvLines).len(), 6);
        assert_eq!(acquire_all(ReadKind::List).len(), 8);
    }

    #[tokio::test]
    async fn larger_body_counts_whole() {
        let capacity = Capacity::default();
        let memory = capacity.acquire_body(&tenant("acme"), Some(0)).await.expect("memory");
        let response = memory.attach_to(Response::new(Bytes::from(vec![b'x'; 1024 * 1024])));
        let globex = tenant("globex");
        let acquire =
            |amount| capacity.write_bytes.acquire(&globex, amount).now_or_never().flatten();
        assert!(acquire(15 * MEBIBYTE + 1).is_none());
        assert!(acquire(15 * MEBIBYTE).is_some());
        drop(response);
        assert!(acquire(16 * MEBIBYTE).is_some());
    }
}
