//! Compare-and-set writes that are repeated after a conflict.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::SecretsClient;
use crate::{
    secrets::{SecretData, SecretError, SecretPatch, SecretPath, WriteCondition, WriteResult},
    token::{Unavailable, UnavailableReason},
    vault::client::backoff::endless_backoff_delays,
};

/// The time for which a write that meets with conflicts is retried.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The first pause between two attempts, and the longest. A write takes about as long as the first.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

impl SecretsClient<'_> {
    /// Writes a version with exactly this data. Without a precondition, a concurrent write by
    /// another client is overwritten: the write is repeated after a conflict, for up to 30 seconds.
    ///
    /// # Errors
    /// As [`SecretsClient::write`]. [`SecretError::Unavailable`] if there are conflicts for 30 seconds.
    pub async fn replace(
        &self,
        path: &SecretPath,
        data: &SecretData,
        precondition: WriteCondition,
    ) -> Result<WriteResult, SecretError> {
        retry_on_conflict(precondition, async || self.write(path, data, precondition).await).await
    }

    /// Changes some values and keeps the others as they are at the time of the write. Without a
    /// precondition, a secret that does not exist or was deleted is created, unless the change
    /// requires a key to exist; and the write is repeated after a conflict, for up to 30 seconds.
    ///
    /// # Errors
    /// As [`SecretsClient::patch`]. [`SecretError::Unavailable`] if there are conflicts for 30 seconds.
    pub async fn merge(
        &self,
        path: &SecretPath,
        change: &SecretPatch,
        precondition: WriteCondition,
    ) -> Result<WriteResult, SecretError> {
        let write = async || match self.patch(path, change.clone(), precondition).await {
            Err(SecretError::NotFound | SecretError::Deleted(_) | SecretError::Destroyed(_))
                if precondition == WriteCondition::None && !change.requires_existing_secret() =>
            {
                let data = SecretData::default().apply_patch(change.clone())?;
                self.write(path, &data, WriteCondition::Absent).await
            }
            written => written,
        };
        retry_on_conflict(precondition, write).await
    }
}

/// Repeats a write after conflicts if it has no precondition. With one, a conflict is the answer.
async fn retry_on_conflict(
    precondition: WriteCondition,
    write: impl AsyncFn() -> Result<WriteResult, SecretError>,
) -> Result<WriteResult, SecretError> {
    if precondition != WriteCondition::None {
        return write().await;
    }
    let end = Instant::now() + TIMEOUT;
    let (first, longest) = PAUSES;
    for pause in endless_backoff_delays(longest, first) {
        match write().await {
            Err(SecretError::Conflict) if Instant::now() + pause < end => sleep(pause).await,
            Err(SecretError::Conflict) => break,
            outcome => return outcome,
        }
    }
    let detail = "other clients kept writing to the secret for 30 s; nothing was written";
    Err(Unavailable::new(UnavailableReason::Overloaded, detail).into())
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use tokio::time::Instant;

    use super::{TIMEOUT, retry_on_conflict};
    use crate::secrets::{SecretError, SecretVersion, WriteCondition, WriteResult};

    async fn retry(
        precondition: WriteCondition,
        error: SecretError,
    ) -> (Result<WriteResult, SecretError>, u32) {
        let attempts = Cell::new(0);
        let outcome = retry_on_conflict(precondition, async || {
            attempts.set(attempts.get() + 1);
            Err(error.clone())
        });
        (outcome.await, attempts.get())
    }

    #[tokio::test(start_paused = true)]
    async fn conflicts_retry_until_timeout() {
        let start = Instant::now();
        let (outcome, attempts) = retry(WriteCondition::None, SecretError::Conflict).await;
        let error = outcome.map(drop).expect_err("only conflicts");
        assert!(matches!(error, SecretError::Unavailable(_)), "{error}");
        assert!(error.to_string().contains("nothing was written"), "{error}");
        let longest_pause = Duration::from_millis(750);
        let elapsed = start.elapsed();
        assert!(elapsed < TIMEOUT && elapsed + longest_pause >= TIMEOUT, "{elapsed:?}");
        assert!(attempts > 30, "{attempts}");
    }

    #[tokio::test]
    async fn other_errors_are_not_retried() {
        let (outcome, attempts) = retry(WriteCondition::None, SecretError::PermissionDenied).await;
        assert!(matches!(outcome, Err(SecretError::PermissionDenied)));
        assert_eq!(attempts, 1);
    }

    #[tokio::test]
    async fn preconditioned_conflict_is_final() {
        let latest = WriteCondition::Latest(SecretVersion::new(1).expect("a version"));
        for precondition in [WriteCondition::Absent, WriteCondition::Present, latest] {
            let (outcome, attempts) = retry(precondition, SecretError::Conflict).await;
            assert!(matches!(outcome, Err(SecretError::Conflict)), "{precondition:?}");
            assert_eq!(attempts, 1, "{precondition:?}");
        }
    }
}
