use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    secrets::{SecretError, Written},
    token::{Cause, Unavailable},
    vault::backoff::pauses_up_to,
};

/// How long a write is tried again that others come before.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first pause between two tries, and the longest. A write takes about as long as the first.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// Makes this write again while others come before it, for up to 30 seconds. It is for a write that
/// is meant for whatever state the secret is in; any other ends with [`SecretError::Conflict`].
///
/// # Errors
/// Those of the write. If others come before it all the time, [`SecretError::Unavailable`].
pub async fn despite_others(
    write: impl AsyncFn() -> Result<Written, SecretError>,
) -> Result<Written, SecretError> {
    let end = Instant::now() + PATIENCE;
    let (first, longest) = PAUSES;
    for pause in pauses_up_to(longest, first) {
        match write().await {
            Err(SecretError::Conflict) if Instant::now() + pause < end => sleep(pause).await,
            Err(SecretError::Conflict) => break,
            outcome => return outcome,
        }
    }
    let detail = "others have written to it again and again for 30 s; nothing was written";
    Err(Unavailable::new(Cause::Overloaded, detail).into())
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use tokio::time::Instant;

    use super::{PATIENCE, despite_others};
    use crate::secrets::SecretError;

    #[tokio::test(start_paused = true)]
    async fn writes_are_tried_for_a_time_and_not_a_number_of_times() {
        let (start, tries) = (Instant::now(), Cell::new(0));
        let outcome = despite_others(async || {
            tries.set(tries.get() + 1);
            Err(SecretError::Conflict)
        });
        let error = outcome.await.map(drop).expect_err("others come before");
        assert!(matches!(error, SecretError::Unavailable(_)), "{error}");
        assert!(error.to_string().contains("nothing was written"), "{error}");
        let longest_pause = Duration::from_millis(750);
        let taken = start.elapsed();
        assert!(taken < PATIENCE && taken + longest_pause >= PATIENCE, "{taken:?}");
        assert!(tries.get() > 30, "{}", tries.get());
    }

    #[tokio::test]
    async fn write_that_is_refused_is_not_tried_again() {
        let tries = Cell::new(0);
        let outcome = despite_others(async || {
            tries.set(tries.get() + 1);
            Err(SecretError::Denied)
        });
        assert!(matches!(outcome.await, Err(SecretError::Denied)));
        assert_eq!(tries.get(), 1);
    }
}
