use std::time::Duration;

use tokio::time::sleep;

use crate::{
    secrets::SecretError,
    vault::{
        client::backoff::backoff_delays,
        client::{FailureKind, VaultError},
    },
};

/// The first pause, which doubles, and the number of retries: 15 seconds in all.
const RETRIES: (Duration, u32) = (Duration::from_millis(250), 6);

/// Makes an attempt, with retries while Vault is unavailable.
///
/// # Errors
/// Those of the last attempt.
pub(super) async fn with_retries<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, SecretError>,
) -> Result<T, SecretError> {
    let (first_pause, retries) = RETRIES;
    for pause in backoff_delays(first_pause, retries) {
        match attempt().await {
            Err(SecretError::Unavailable(_) | SecretError::OutcomeUnknown(_)) => sleep(pause).await,
            outcome => return outcome,
        }
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
