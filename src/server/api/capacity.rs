//! How much the API does at once, and how that is divided among its callers.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use tokio::time::timeout;

use crate::{
    decision::Refusal,
    server::api::{
        error::ApiError,
        fair_semaphore::{FairPermit, FairSemaphore, Holder},
        unsent,
    },
    token::{Cause, Unavailable},
};

/// What a body counts for of which nothing is known, in bytes: as much as one may have that is
/// written.
const MEBIBYTE: u64 = 1024 * 1024;

/// What a request counts for at the least, in bytes: its head may be this large.
const MIN_BYTES: u64 = 64 * 1024;

/// What a list counts for, in bytes: a page of a thousand names, each as long as one may be.
const LIST_BYTES: u64 = 512 * 1024;

/// The largest number of secrets that a list counts as short with, where Vault is asked about one
/// after the other: as many as are asked about at once.
const SHORT_LIST: usize = 8;

/// How many requests may wait for each semaphore.
const MAX_WAITING: usize = 512;

/// How long one waits, in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the API has to give. Each part is divided among the callers, so that none takes all, and
/// reads, writes and lists are apart, so that a caller's own do not get into each other's way.
pub(in crate::server) struct Capacity {
    /// How many bytes of secrets may be held until they are sent.
    reads: Arc<FairSemaphore>,
    /// How many bytes of request bodies may be held, arrived or not.
    writes: Arc<FairSemaphore>,
    /// How many bytes of lists may be held until they are sent.
    lists: Arc<FairSemaphore>,
    /// How many requests about one secret may be asking Vault. Each makes two calls at once.
    secret_turns: Arc<FairSemaphore>,
    /// How many lists may be asking Vault for names, which OpenBao gives with their versions.
    list_turns: Arc<FairSemaphore>,
    /// How many short lists, and how many long ones, may be asking Vault about each of their secrets.
    /// Each makes eight calls at once; a short one does not wait for the long ones.
    short_lookups: Arc<FairSemaphore>,
    long_lookups: Arc<FairSemaphore>,
}

/// What a request asks Vault for.
#[derive(Clone, Copy)]
pub(super) enum Read {
    /// One secret, as a document or a bare value.
    Secret,
    /// One secret, as lines for an environment, where each byte may need another to escape it.
    Lines,
    /// A tenant's list.
    List,
}

impl Default for Capacity {
    fn default() -> Self {
        let semaphore = |permits| Arc::new(FairSemaphore::new(permits, MAX_WAITING));
        Self {
            reads: semaphore(24 * MEBIBYTE),
            writes: semaphore(16 * MEBIBYTE),
            lists: semaphore(8 * MEBIBYTE),
            secret_turns: semaphore(16),
            list_turns: semaphore(4),
            short_lookups: semaphore(4),
            long_lookups: semaphore(4),
        }
    }
}

impl Capacity {
    /// Reserves memory for the response, whose length is not known yet, and waits for the turn to ask
    /// Vault. The turn is for that alone, and must not be held while the client is waited for.
    ///
    /// # Errors
    /// `overloaded` if that takes longer than [`PATIENCE`].
    pub(super) async fn begin(
        &self,
        holder: &Holder,
        read: Read,
    ) -> Result<(Memory, FairPermit), ApiError> {
        let (bytes, amount, turns) = match read {
            Read::Secret => (&self.reads, MEBIBYTE, &self.secret_turns),
            Read::Lines => (&self.reads, 2 * MEBIBYTE, &self.secret_turns),
            Read::List => (&self.lists, LIST_BYTES, &self.list_turns),
        };
        in_time(async {
            let memory = Memory(bytes.acquire(holder, amount).await?);
            Some((memory, turns.acquire(holder, 1).await?))
        })
        .await
    }

    /// Reserves memory for the body of a request, of unknown length if none is announced.
    ///
    /// # Errors
    /// As [`Capacity::begin`].
    pub(super) async fn reserve(
        &self,
        holder: &Holder,
        announced: Option<usize>,
    ) -> Result<Memory, ApiError> {
        let bytes = announced.map_or(MEBIBYTE, |length| length as u64);
        let bytes = bytes.clamp(MIN_BYTES, MEBIBYTE);
        in_time(self.writes.acquire(holder, bytes)).await.map(Memory)
    }

    /// Waits for the turn to ask Vault about so many secrets, one by one, as [`Capacity::begin`] does;
    /// for none, it takes none.
    ///
    /// # Errors
    /// As [`Capacity::begin`].
    pub(super) async fn lookups(
        &self,
        holder: &Holder,
        secrets: usize,
    ) -> Result<Option<FairPermit>, ApiError> {
        let turns = match secrets {
            0 => return Ok(None),
            1..=SHORT_LIST => &self.short_lookups,
            _ => &self.long_lookups,
        };
        in_time(turns.acquire(holder, 1)).await.map(Some)
    }

    /// Waits for the turn to ask Vault to write, as [`Capacity::begin`] does.
    ///
    /// # Errors
    /// As [`Capacity::begin`].
    pub(super) async fn turn(&self, holder: &Holder) -> Result<FairPermit, ApiError> {
        in_time(self.secret_turns.acquire(holder, 1)).await
    }
}

async fn in_time<T>(permit: impl Future<Output = Option<T>>) -> Result<T, ApiError> {
    timeout(PATIENCE, permit).await.ok().flatten().ok_or_else(|| {
        let detail = "too many requests of this caller, or of all, are under way";
        Refusal::from(Unavailable::new(Cause::Overloaded, detail)).into()
    })
}

/// Memory that is reserved for the body of a request, and then of its response.
pub(super) struct Memory(FairPermit);

impl Memory {
    /// This response, for whose body as much memory as it needs is held until it is sent.
    pub(super) fn send(mut self, response: Response<Bytes>) -> Response<Body> {
        response.map(|body| {
            self.0.resize(body.len() as u64);
            unsent::body(&body, self.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use bytes::Bytes;
    use futures_util::FutureExt;
    use http::Response;

    use super::{Capacity, MEBIBYTE, Memory, Read};
    use crate::server::api::fair_semaphore::Holder;

    fn tenant(name: &str) -> Holder {
        Holder::Tenant(name.to_owned())
    }

    /// The memory of as many reads as one tenant may begin, if each has had its turn.
    fn begun(read: Read) -> Vec<Memory> {
        let (capacity, acme) = (Capacity::default(), tenant("acme"));
        let begin = || Some(capacity.begin(&acme, read).now_or_never()?.ok()?.0);
        iter::from_fn(begin).collect()
    }

    #[tokio::test]
    async fn lines_reserve_room_for_escapes() {
        assert_eq!(begun(Read::Secret).len(), 12);
        assert_eq!(begun(Read::Lines).len(), 6);
        assert_eq!(begun(Read::List).len(), 8);
    }

    #[tokio::test]
    async fn body_larger_than_was_reserved_counts_whole() {
        let capacity = Capacity::default();
        let memory = capacity.reserve(&tenant("acme"), Some(0)).await.expect("memory");
        let response = memory.send(Response::new(Bytes::from(vec![b'x'; 1024 * 1024])));
        let globex = tenant("globex");
        let get = |amount| capacity.writes.acquire(&globex, amount).now_or_never().flatten();
        assert!(get(15 * MEBIBYTE + 1).is_none());
        assert!(get(15 * MEBIBYTE).is_some());
        drop(response);
        assert!(get(16 * MEBIBYTE).is_some());
    }
}
