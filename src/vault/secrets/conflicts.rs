//! Compare-and-set writes that are repeated after a conflict.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Secrets;
use crate::{
    secrets::{Patch, Precondition, SecretData, SecretError, SecretPath, Written},
    token::{Cause, Unavailable},
    vault::client::backoff::pauses_up_to,
};

/// The time for which a write that meets with conflicts is retried.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The first pause between two attempts, and the longest. A write takes about as long as the first.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

impl Secrets<'_> {
    /// Writes a version with exactly this data. Without a precondition, a concurrent write by
    /// another client is overwritten: the write is repeated after a conflict, for up to 30 seconds.
    ///
    /// # Errors
    /// As [`Secrets::write`]. [`SecretError::Unavailable`] if there are conflicts for 30 seconds.
    pub async fn replace(
        &self,
        path: &SecretPath,
        data: &SecretData,
        precondition: Precondition,
    ) -> Result<Written, SecretError> {
        retry_on_conflict(precondition, async || self.write(path, data, precondition).await).await
    }

    /// Changes some values and keeps the others as they are at the time of the write. Without a
    /// precondition, a secret that does not exist or was deleted is created, unless the change
    /// requires a key to exist; and the write is repeated after a conflict, for up to 30 seconds.
    ///
    /// # Errors
    /// As [`Secrets::patch`]. [`SecretError::Unavailable`] if there are conflicts for 30 seconds.
    pub async fn merge(
        &self,
        path: &SecretPath,
        change: &Patch,
        precondition: Precondition,
    ) -> Result<Written, SecretError> {
        let write = async || match self.patch(path, change.clone(), precondition).await {
            Err(SecretError::Absent | SecretError::Deleted(_) | SecretError::Destroyed(_))
                if precondition == Precondition::None && !change.needs_a_secret() =>
            {
                let data = SecretData::default().patched(change.clone())?;
                self.write(path, &data, Precondition::Absent).await
            }
            written => written,
        };
        retry_on_conflict(precondition, write).await
    }
}

/// Repeats a write after conflicts if it has no precondition. With one, a conflict is the answer.
async fn retry_on_conflict(
    precondition: Precondition,
    write: impl AsyncFn() -> Result<Written, SecretError>,
) -> Result<Written, SecretError> {
    if precondition != Precondition::None {
        return write().await;
    }
    let end = Instant::now() + TIMEOUT;
    let (first, longest) = PAUSES;
    for pause in pauses_up_to(longest, first) {
        match write().await {
            Err(SecretError::Conflict) if Instant::now() + pause < end => sleep(pause).await,
            Err(SecretError::Conflict) => break,
            outcome => return outcome,
        }
    }
    let detail = "other clients kept writing to the secret for 30 s; nothing was written";
    Err(Unavailable::new(Cause::Overloaded, detail).into())
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use tokio::time::Instant;

    use super::{TIMEOUT, retry_on_conflict};
    use crate::secrets::{Precondition, SecretError, Version, Written};

    async fn retry(
        precondition: Precondition,
        error: SecretError,
    ) -> (Result<Written, SecretError>, u32) {
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
        let (outcome, attempts) = retry(Precondition::None, SecretError::Conflict).await;
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
        let (outcome, attempts) = retry(Precondition::None, SecretError::Denied).await;
        assert!(matches!(outcome, Err(SecretError::Denied)));
        assert_eq!(attempts, 1);
    }

    #[tokio::test]
    async fn preconditioned_conflict_is_final() {
        let latest = Precondition::Latest(Version::new(1).expect("a version"));
        for precondition in [Precondition::Absent, Precondition::Present, latest] {
            let (outcome, attempts) = retry(precondition, SecretError::Conflict).await;
            assert!(matches!(outcome, Err(SecretError::Conflict)), "{precondition:?}");
            assert_eq!(attempts, 1, "{precondition:?}");
        }
    }
}
