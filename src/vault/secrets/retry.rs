use std::time::Duration;

use tokio::time::sleep;

use crate::{secrets::SecretError, vault::backoff::pauses};

/// The first pause, which doubles, and the number of further tries: a quarter of a minute in all.
const RETRIES: (Duration, u32) = (Duration::from_millis(250), 6);

/// Tries something again while Vault is away, a few times.
///
/// # Errors
/// Those of the last try.
pub async fn patiently<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, SecretError>,
) -> Result<T, SecretError> {
    let (first_pause, retries) = RETRIES;
    for pause in pauses(first_pause, retries) {
        match attempt().await {
            Err(SecretError::Unavailable(_) | SecretError::Unsettled(_)) => sleep(pause).await,
            outcome => return outcome,
        }
    }
    attempt().await
}
