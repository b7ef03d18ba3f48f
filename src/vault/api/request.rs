//! Requests of the forms that most endpoints share.

use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::vault::{
    Client,
    client::ApiRequest,
    client::Operation,
    client::{FailureKind, VaultError},
};

/// The `data` of the answer to a list.
#[derive(Deserialize)]
struct ListedKeys {
    keys: Vec<String>,
}

/// Reads the data at a path; `None` if Vault responds that there is none.
pub(super) async fn read<T: DeserializeOwned>(
    client: &Client,
    token: &SecretString,
    operation: Operation,
    path: &str,
) -> Result<Option<T>, VaultError> {
    let call = ApiRequest::get(checked(path)?);
    none_if_not_found(client.data(operation, token, &call).await)
}

/// Lists the keys below a path; none if Vault responds that there are none.
pub(super) async fn list(
    client: &Client,
    token: &SecretString,
    operation: Operation,
    path: &str,
) -> Result<Vec<String>, VaultError> {
    let call = ApiRequest::list(checked(path)?);
    let answer: Option<ListedKeys> = none_if_not_found(client.data(operation, token, &call).await)?;
    Ok(answer.map(|answer| answer.keys).unwrap_or_default())
}

/// Writes to a path, and drops the answer.
pub(super) async fn write(
    client: &Client,
    token: &SecretString,
    operation: Operation,
    path: &str,
    body: &impl Serialize,
) -> Result<(), VaultError> {
    client.execute(operation, token, &ApiRequest::post(checked(path)?, body)).await
}

/// Deletes what is at a path. It is no error if nothing is there.
pub(super) async fn delete(
    client: &Client,
    token: &SecretString,
    operation: Operation,
    path: &str,
) -> Result<(), VaultError> {
    let call = ApiRequest::delete(checked(path)?);
    none_if_not_found(client.execute(operation, token, &call).await).map(drop)
}

/// Returns `None` for the answer that there is no such thing.
pub(super) fn none_if_not_found<T>(answer: Result<T, VaultError>) -> Result<Option<T>, VaultError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind == FailureKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the path, if a URL can name it: clients and servers drop the segments `.` and `..` and
/// empty ones, so that the path would name something else (RFC 3986, 5.2.4).
pub(super) fn checked(path: &str) -> Result<&str, VaultError> {
    let dropped = path.split('/').any(|segment| matches!(segment, "" | "." | ".."));
    if dropped {
        let detail = format!("no URL can name `{}`", path.escape_debug());
        return Err(VaultError::new(FailureKind::LocalError, detail));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn path_that_a_url_would_change_is_rejected() {
        for path in ["a", "a b/c?%", "..."] {
            assert_eq!(checked(path).ok(), Some(path));
        }
        for path in ["", ".", "..", "a/../b", "a//b", "a/"] {
            assert!(checked(path).is_err(), "{path}");
        }
    }
}
