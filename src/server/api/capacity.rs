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

/// What a body counts for of which nothing is known: as much as one may have, in bytes.
const MEBIBYTE: u64 = 1024 * 1024;

/// What a request counts for at the least, in bytes: its head may be this large.
const MIN_BYTES: u64 = 64 * 1024;

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
    /// How many lists may be asking Vault. Each makes eight calls at once.
    list_turns: Arc<FairSemaphore>,
}

/// What a request asks Vault for.
#[derive(Clone, Copy)]
pub(super) enum Read {
    /// One secret.
    Secret,
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
        }
    }
}

impl Capacity {
    /// Reserves memory for the response, whose length is not known, and waits for the turn to ask
    /// Vault. The turn is for that alone, and must not be held while the client is waited for.
    ///
    /// # Errors
    /// `overloaded` if that takes longer than [`PATIENCE`].
    pub(super) async fn begin(
        &self,
        holder: &Holder,
        read: Read,
    ) -> Result<(Memory, FairPermit), ApiError> {
        let (bytes, turns) = match read {
            Read::Secret => (&self.reads, &self.secret_turns),
            Read::List => (&self.lists, &self.list_turns),
        };
        in_time(async {
            let memory = Memory(bytes.acquire(holder, MEBIBYTE).await?);
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
    /// This response, for whose body the memory is held until it is sent.
    pub(super) fn send(mut self, response: Response<Bytes>) -> Response<Body> {
        response.map(|body| {
            self.0.shrink(body.len() as u64);
            unsent::body(body, self.0)
        })
    }
}
