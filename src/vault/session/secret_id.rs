//! The secret id of an `AppRole` login: read from a file, and unwrapped if the file holds a
//! response-wrapping token.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::vault::{
    api::{login::APPROLE_MOUNT, sys::wrapping},
    client::{Client, FailureKind, Operation, VaultError},
};

/// A secret id that was wrapped, and the used token that it was wrapped in.
#[derive(Debug)]
pub struct UnwrappedSecretId {
    wrapping_token: SecretString,
    secret_id: SecretString,
}

#[derive(Deserialize)]
struct SecretIdData {
    secret_id: SecretString,
}

/// Returns the secret id in this file, or the one that the token in it wraps. That token can be used
/// once, so the unwrapped secret id is kept in `unwrapped`.
pub(super) async fn read_secret_id(
    client: &Client,
    file: &Path,
    unwrapped: &mut Option<UnwrappedSecretId>,
) -> Result<SecretString, VaultError> {
    let content = read_secret(file).await?;
    if !is_service_token(content.expose_secret()) {
        return Ok(content);
    }
    if let Some(known) = unwrapped.as_ref()
        && known.wrapping_token.expose_secret() == content.expose_secret()
    {
        return Ok(known.secret_id.clone());
    }
    check_wrapping(client, &content, file).await?;
    let data = wrapping::unwrap(client, Operation::Unwrap, &content).await;
    let SecretIdData { secret_id } = data.map_err(|error| unusable(error, file))?;
    *unwrapped = Some(UnwrappedSecretId { wrapping_token: content, secret_id: secret_id.clone() });
    Ok(secret_id)
}

/// Returns true if the text has the prefix of a token that Vault generates. A secret id that Vault
/// generates is a UUID; one that an administrator chooses must not look like a token.
pub(super) fn is_service_token(text: &str) -> bool {
    text.starts_with("hvs.") || text.starts_with("s.")
}

/// Checks the creation path of the wrapping token in this file. An attacker who intercepted the
/// token could have put another in its place, which has another creation path
/// (<https://developer.hashicorp.com/vault/docs/concepts/response-wrapping>).
pub(super) async fn check_wrapping(
    client: &Client,
    wrapping_token: &SecretString,
    file: &Path,
) -> Result<(), VaultError> {
    let lookup = wrapping::lookup(client, Operation::Unwrap, wrapping_token).await;
    let creation_path = lookup.map_err(|error| unusable(error, file))?.creation_path;
    let role = creation_path
        .strip_prefix("auth/")
        .and_then(|path| path.strip_prefix(APPROLE_MOUNT))
        .and_then(|path| path.strip_prefix("/role/"))
        .and_then(|path| path.strip_suffix("/secret-id"));
    if role.is_none_or(|role| role.is_empty() || role.contains('/')) {
        return Err(VaultError::new(
            FailureKind::SecretIdUnusable,
            format!(
                "the wrapped secret id in {} was not created by auth/approle/role/NAME/secret-id: \
                 it may have been replaced by an attacker; revoke it and create a new one",
                file.display()
            ),
        ));
    }
    Ok(())
}

/// Reads a secret from this file, without white space at its ends.
///
/// # Errors
/// If the file cannot be read or is empty.
pub(super) async fn read_secret(file: &Path) -> Result<SecretString, VaultError> {
    let unreadable = |why: String| {
        VaultError::new(
            FailureKind::LocalError,
            format!("{} cannot be used: {why}", file.display()),
        )
    };
    let text =
        tokio::fs::read_to_string(file).await.map_err(|error| unreadable(error.to_string()))?;
    let text = zeroize::Zeroizing::new(text);
    match text.trim() {
        "" => Err(unreadable("it is empty".to_owned())),
        secret => Ok(secret.into()),
    }
}

/// Returns the error of a wrapping token that Vault rejects, with the commands that create another.
fn unusable(error: VaultError, file: &Path) -> VaultError {
    match error.kind {
        FailureKind::WrappingTokenInvalid
        | FailureKind::BadRequest
        | FailureKind::TokenNotFound
        | FailureKind::TokenRejected => VaultError::new(
            FailureKind::SecretIdUnusable,
            format!(
                "the wrapped secret id in {} was already used or has expired: an operator creates \
                 a new one with `vault-auth-validator bootstrap --new-secret-id`, or for a \
                 tenant's service with `vault-auth-validator tenants create TENANT --service \
                 SERVICE --new-secret-id`",
                file.display()
            ),
        ),
        _ => error,
    }
}
