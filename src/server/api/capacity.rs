//! How much the API does at once, and how that is divided among its callers.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use tokio::time::timeout;

use crate::{
    decision::Refusal,
    server::api::{
        body::MAX_BODY,
        error::ApiError,
        fair_semaphore::{FairPermit, FairSemaphore, Holder},
        unsent,
    },
    token::{Cause, Unavailable},
};

/// What a request counts for at the least, in bytes: its head may be this large.
const MIN_BYTES: u64 = 64 * 1024;

/// How many requests may wait for each semaphore.
const MAX_WAITING: usize = 512;

/// How long one waits, in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the API has to give. Each part is divided among the callers, so that none takes all.
pub(in crate::server) struct Capacity {
    /// For requests about one secret, each of which makes two calls to Vault at once.
    secrets: Lane,
    /// For lists, each of which makes eight.
    lists: Lane,
}

/// What a request asks Vault for.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// One secret.
    Secret,
    /// A tenant's list.
    List,
}

struct Lane {
    /// How many bytes of bodies may be held: of requests that come in, and of responses until they
    /// are sent.
    bytes: Arc<FairSemaphore>,
    /// How many requests may be asking Vault.
    turns: Arc<FairSemaphore>,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { secrets: Lane::new(32, 16), lists: Lane::new(8, 4) }
    }
}

impl Lane {
    fn new(mebibytes: u64, turns: u64) -> Self {
        let semaphore = |permits| Arc::new(FairSemaphore::new(permits, MAX_WAITING));
        Self { bytes: semaphore(mebibytes * 1024 * 1024), turns: semaphore(turns) }
    }
}

impl Capacity {
    /// Reserves memory for a response of unknown length, and waits for the turn to ask Vault.
    ///
    /// # Errors
    /// `overloaded` if that takes longer than [`PATIENCE`].
    pub(super) async fn begin(
        &self,
        holder: &Holder,
        work: Work,
    ) -> Result<(Memory, FairPermit), ApiError> {
        in_time(async {
            let Lane { bytes, turns } = self.lane(work);
            let memory = bytes.acquire(holder, MAX_BODY as u64).await?;
            let turn = turns.acquire(holder, 1).await?;
            Some((Memory(memory), turn))
        })
        .await
    }

    /// Reserves memory for the body of a request about one secret, of unknown length if none is
    /// announced.
    ///
    /// # Errors
    /// As [`Capacity::begin`].
    pub(super) async fn reserve(
        &self,
        holder: &Holder,
        announced: Option<usize>,
    ) -> Result<Memory, ApiError> {
        let bytes = announced.unwrap_or(MAX_BODY) as u64;
        let bytes = bytes.clamp(MIN_BYTES, MAX_BODY as u64);
        in_time(self.secrets.bytes.acquire(holder, bytes)).await.map(Memory)
    }

    /// Waits for the turn to ask Vault for one secret. The permit is for that alone, and must not be held while the
    /// client is waited for.
    ///
    /// # Errors
    /// As [`Capacity::begin`].
    pub(super) async fn turn(&self, holder: &Holder) -> Result<FairPermit, ApiError> {
        in_time(self.secrets.turns.acquire(holder, 1)).await
    }

    fn lane(&self, work: Work) -> &Lane {
        match work {
            Work::Secret => &self.secrets,
            Work::List => &self.lists,
        }
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
