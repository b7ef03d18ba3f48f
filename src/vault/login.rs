use std::{
    fmt::Display,
    path::{Path, PathBuf},
    time::Instant,
};

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use vaultrs::api::{
    auth::approle::requests::LoginWithApproleRequest,
    sys::requests::{UnwrapRequest, WrappingLookupRequest},
};

use crate::{
    probe::now,
    vault::{
        Client,
        api::token::{TokenAuth, lookup_self, renew_self},
        client::Operation,
        error::{Failure, VaultError},
        own_token::{Issue, OwnToken},
    },
};

/// Where the `AppRole` method is mounted.
const APPROLE: &str = "approle";

/// For how long Vault locks a role out after failed logins, by default.
const LOCKOUT: SignedDuration = SignedDuration::from_mins(15);

/// How the service comes by its own token.
#[derive(Debug)]
pub enum Login {
    /// With a role id and the secret id in a file, which is read anew at each login. The file may
    /// hold a response-wrapping token of the secret id instead; it is unwrapped once, and what it
    /// held is kept in memory for later logins.
    AppRole {
        /// The role id.
        role_id: String,
        /// The file with the secret id.
        secret_id_file: PathBuf,
        /// The secret id that came out of a wrapping token.
        unwrapped: Mutex<Option<Unwrapped>>,
    },
    /// With a token that somebody else made.
    Token(SecretString),
    /// With the token in a file that somebody else, such as an agent, keeps good.
    TokenFile(PathBuf),
}

/// What a login spends.
#[derive(Debug)]
pub enum LoginCost {
    /// Nothing: the token is there already.
    Nothing,
    /// A use of the secret id, if its uses are counted, and it may be the last.
    OneUse,
    /// The token that wraps the secret id, or why it is good for no login.
    WrappedSecretId(Result<(), String>),
}

/// A secret id that was wrapped, and the spent token that it was wrapped in.
#[derive(Debug)]
pub struct Unwrapped {
    wrapping_token: SecretString,
    secret_id: SecretString,
}

#[derive(Deserialize)]
struct Wrapping {
    creation_path: String,
}

#[derive(Deserialize)]
struct WrappedSecretId {
    secret_id: SecretString,
}

impl Login {
    /// Log in with an `AppRole`.
    #[must_use]
    pub fn app_role(role_id: String, secret_id_file: PathBuf) -> Self {
        Self::AppRole { role_id, secret_id_file, unwrapped: Mutex::new(None) }
    }

    /// The file that this depends on, if a change of it calls for a new login.
    pub(super) fn watched_file(&self) -> Option<&Path> {
        match self {
            Self::TokenFile(file) => Some(file),
            Self::AppRole { .. } | Self::Token(_) => None,
        }
    }

    /// The file that holds the credentials, if there is one. A change of it may make a login succeed
    /// that failed.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::AppRole { secret_id_file: file, .. } | Self::TokenFile(file) => Some(file),
            Self::Token(_) => None,
        }
    }

    /// Whether a login makes a token, which is then this program's to revoke.
    pub(super) fn obtains_tokens(&self) -> bool {
        matches!(self, Self::AppRole { .. })
    }

    /// What a login would spend. A wrapped secret id is looked at for that, which does not use it up.
    pub async fn cost(&self, client: &Client) -> LoginCost {
        let Self::AppRole { secret_id_file: file, .. } = self else { return LoginCost::Nothing };
        match read_secret(file).await {
            Ok(written) if is_service_token(written.expose_secret()) => {
                let wrapping = check_wrapping(client, &written, file).await;
                LoginCost::WrappedSecretId(wrapping.map_err(|error| error.to_string()))
            }
            // A login says why the file cannot be read.
            Ok(_) | Err(_) => LoginCost::OneUse,
        }
    }

    /// A token to work with.
    pub(super) async fn log_in(&self, client: &Client) -> Result<OwnToken, VaultError> {
        match self {
            Self::AppRole { role_id, secret_id_file, unwrapped } => {
                let written = read_secret(secret_id_file).await?;
                let mut unwrapped = unwrapped.lock().await;
                let secret_id = secret_id(client, written, &mut unwrapped, secret_id_file).await?;
                let answer = app_role(client, role_id, &secret_id).await;
                answer.map_err(|error| explained(&error, role_id, secret_id_file))
            }
            Self::Token(token) => {
                let answer = inspect(client, token.clone()).await;
                answer.map_err(|error| named(error, &"VAULT_TOKEN"))
            }
            Self::TokenFile(file) => {
                let answer = inspect(client, read_secret(file).await?).await;
                answer.map_err(|error| named(error, &file.display()))
            }
        }
    }
}

async fn app_role(
    client: &Client,
    role_id: &str,
    secret_id: &SecretString,
) -> Result<OwnToken, VaultError> {
    let request = LoginWithApproleRequest {
        mount: APPROLE.to_owned(),
        role_id: role_id.to_owned(),
        secret_id: secret_id.expose_secret().to_owned(),
    };
    let asked = Instant::now();
    let auth: TokenAuth = client.auth(Operation::Login, None, request).await?;
    Ok(into_token(auth, asked))
}

/// The error with the role and the file that it is about, and what to do.
fn explained(error: &VaultError, role_id: &str, file: &Path) -> VaultError {
    let (said, file) = (error.detail(), file.display());
    let text = match error.failure {
        Failure::LoginRefused => format!(
            "invalid secret id, or invalid role id ({said}): the role is {role_id}, the secret id \
             that of {file}; put a new secret id into that file, or mend VALIDATOR_ROLE_ID"
        ),
        Failure::LoginDenied => format!(
            "the role {role_id} is not let in ({said}), whatever the secret id in {file}: after \
             failed logins it is locked out until {} at the latest, unless Vault is configured \
             otherwise (`sys/locked-users` tells); or its entity is disabled, or no AppRole method \
             is at auth/{APPROLE}/",
            until(LOCKOUT)
        ),
        _ => return error.clone(),
    };
    VaultError::new(error.failure, text)
}

/// The error with the place that a refused token comes from.
fn named(error: VaultError, place: &dyn Display) -> VaultError {
    if error.failure != Failure::OwnToken {
        return error;
    }
    let said = error.detail();
    let text = format!(
        "Vault refuses the token of {place} ({said}): it is unknown, expired or revoked; put \
         another there"
    );
    VaultError::new(Failure::OwnToken, text)
}

/// The time of day so much later, to the second.
fn until(later: SignedDuration) -> String {
    let time = now().checked_add(later);
    time.map_or_else(|_| "later".to_owned(), |time| format!("{time:.0}"))
}

/// What there is to know of a token that somebody else made.
async fn inspect(client: &Client, token: SecretString) -> Result<OwnToken, VaultError> {
    let asked = Instant::now();
    let own = lookup_self(client, &token).await?;
    if own.policies.iter().flatten().any(|policy| policy == "root") {
        tracing::warn!(
            "the service's own token is a root token: use one with the policy `validator` alone"
        );
    }
    let seconds = match own.expire_time {
        None => None,
        Some(_) => Some(own.ttl.ok_or_else(|| VaultError::malformed("no ttl"))?),
    };
    // Somebody's own entity may be behind it, so that does not mark the service's tokens.
    let issue =
        Issue { asked, accessor: own.accessor, entity_id: None, seconds, renewable: own.renewable };
    Ok(OwnToken::new(token, issue))
}

/// A longer life for this token.
pub(super) async fn renew(client: &Client, own: &OwnToken) -> Result<OwnToken, VaultError> {
    let asked = Instant::now();
    Ok(into_token(renew_self(client, &own.token).await?, asked))
}

fn into_token(auth: TokenAuth, asked: Instant) -> OwnToken {
    let issue = Issue {
        asked,
        accessor: auth.accessor,
        entity_id: auth.entity_id,
        seconds: Some(auth.lease_duration),
        renewable: auth.renewable,
    };
    OwnToken::new(auth.client_token, issue)
}

/// What was written into the secret id file, or what it wraps.
async fn secret_id(
    client: &Client,
    written: SecretString,
    unwrapped: &mut Option<Unwrapped>,
    file: &Path,
) -> Result<SecretString, VaultError> {
    if !is_service_token(written.expose_secret()) {
        return Ok(written);
    }
    if let Some(known) = unwrapped.as_ref()
        && known.wrapping_token.expose_secret() == written.expose_secret()
    {
        return Ok(known.secret_id.clone());
    }
    let secret_id = unwrap(client, &written, file).await?;
    *unwrapped = Some(Unwrapped { wrapping_token: written, secret_id: secret_id.clone() });
    Ok(secret_id)
}

/// Whether it has the prefix of a token that Vault generates. A secret id that Vault generates is
/// a UUID; one that an administrator chooses must not look like a token.
fn is_service_token(text: &str) -> bool {
    text.starts_with("hvs.") || text.starts_with("s.")
}

/// What the token in this file wraps, if it was an `AppRole`'s secret id that was wrapped.
async fn unwrap(
    client: &Client,
    wrapping: &SecretString,
    file: &Path,
) -> Result<SecretString, VaultError> {
    check_wrapping(client, wrapping, file).await?;
    let request = UnwrapRequest { token: None };
    let unwrapped = client.data(Operation::Unwrap, wrapping, request).await;
    let WrappedSecretId { secret_id } = unwrapped.map_err(|error| spent(error, file))?;
    Ok(secret_id)
}

/// Looks where the token in this file comes from. Somebody who intercepted the token could have put
/// another in its place, which tells by its creation path
/// (<https://developer.hashicorp.com/vault/docs/concepts/response-wrapping>).
async fn check_wrapping(
    client: &Client,
    wrapping: &SecretString,
    file: &Path,
) -> Result<(), VaultError> {
    let request = WrappingLookupRequest { token: wrapping.expose_secret().to_owned() };
    let looked_up = client.data(Operation::Unwrap, wrapping, request).await;
    let Wrapping { creation_path } = looked_up.map_err(|error| spent(error, file))?;
    let role = creation_path
        .strip_prefix("auth/")
        .and_then(|path| path.strip_prefix(APPROLE))
        .and_then(|path| path.strip_prefix("/role/"))
        .and_then(|path| path.strip_suffix("/secret-id"));
    if role.is_none_or(|role| role.is_empty() || role.contains('/')) {
        return Err(VaultError::new(
            Failure::SecretIdSpent,
            format!(
                "the wrapped secret id in {} was not made by auth/approle/role/NAME/secret-id: \
                 somebody may have replaced it; revoke it and make a new one",
                file.display()
            ),
        ));
    }
    Ok(())
}

fn spent(error: VaultError, file: &Path) -> VaultError {
    match error.failure {
        Failure::BadRequest | Failure::Refused | Failure::OwnToken => VaultError::new(
            Failure::SecretIdSpent,
            format!(
                "the wrapped secret id in {} is spent or expired: an operator makes a new one with \
                 `vault-auth-validator bootstrap --new-secret-id`, or for a tenant's service with \
                 `vault-auth-validator tenants create TENANT --service SERVICE --new-secret-id`",
                file.display()
            ),
        ),
        _ => error,
    }
}

async fn read_secret(file: &Path) -> Result<SecretString, VaultError> {
    let unusable = |why: String| {
        VaultError::new(Failure::Local, format!("{} cannot be used: {why}", file.display()))
    };
    let text =
        tokio::fs::read_to_string(file).await.map_err(|error| unusable(error.to_string()))?;
    let text = zeroize::Zeroizing::new(text);
    match text.trim() {
        "" => Err(unusable("it is empty".to_owned())),
        secret => Ok(secret.into()),
    }
}
