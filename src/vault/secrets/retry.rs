use std::time::Duration;

use tokio::time::sleep;

use crate::{
    secrets::SecretError,
    token::UnavailableReason::Misconfigured,
    vault::{
        client::backoff::backoff_delays,
        client::{FailureKind, VaultError},
    },
};

/// The first pause, which doubles, and the number of retries: 15 seconds in all.
const RETRIES: (Duration, u32) = (Duration::from_millis(250), 6);

/// Makes an attempt, with retries while Vault is unavailable, unless the reason is its configuration.
///
/// # Errors
/// Those of the last attempt.
pub(super) async fn with_retries<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, SecretError>,
) -> Result<T, SecretError> {
    let (first_pause, retries) = RETRIES;
    for pause in backoff_delays(first_pause, retries) {
        match attempt().await {
            Err(SecretError::Unavailable(error)) if error.reason != Misconfigured => {}
            Err(SecretError::OutcomeUnknown(_)) => {}
            outcome => return outcome,
        }
        sleep(pause).await;
    }
    attempt().await
}

/// Makes an idempotent call, and repeats it once if the connection breaks.
pub(super) async fn once_more_after_reset<T, F: Future<Output = Result<T, VaultError>>>(
    call: impl Fn() -> F,
) -> Result<T, VaultError> {
    match call().await {
        Err(error) if error.kind == FailureKind::Reset => call().await,
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::with_retries;
    use crate::{
        secrets::SecretError,
        token::{Unavailable, UnavailableReason},
    };

    async fn attempts(reason: UnavailableReason) -> u32 {
        let mut attempts = 0;
        let result: Result<(), _> = with_retries(async || {
            attempts += 1;
            Err(SecretError::from(Unavailable::new(reason, "no")))
        })
        .await;
        assert!(result.is_err());
        attempts
    }

    #[tokio::test(start_paused = true)]
    async fn configuration_errors_are_not_retried() {
        assert_eq!(attempts(UnavailableReason::NoValidResponse).await, 7);
        assert_eq!(attempts(UnavailableReason::Misconfigured).await, 1);
    }
}
