use std::{
    fmt::Display,
    path::{Path, PathBuf},
    time::Instant,
};

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::{
    secret_id::{UnwrappedSecretId, check_wrapping, is_service_token, read_secret, read_secret_id},
    service_token::{ServiceToken, TokenGrant},
};
use crate::{
    vault::{
        api::{
            login::{APPROLE_MOUNT, log_in_with_approle},
            token::{TokenAuth, lookup_self, renew_self},
        },
        client::{Client, FailureKind, VaultError},
    },
    wall_clock::now,
};

/// The time for which Vault locks a role out after failed logins, by default.
const LOCKOUT: SignedDuration = SignedDuration::from_mins(15);

/// The source of the service's own token.
#[derive(Debug)]
pub enum ServiceLogin {
    /// A login with a role id and the secret id in a file, which is read again for each login. The
    /// file may hold a response-wrapping token of the secret id instead; it is unwrapped once, and
    /// the secret id is kept in memory for later logins.
    AppRole {
        /// The role id.
        role_id: String,
        /// The file with the secret id.
        secret_id_file: PathBuf,
        /// The secret id that a wrapping token held.
        unwrapped: Mutex<Option<UnwrappedSecretId>>,
    },
    /// A token that was issued outside of this program.
    Token(SecretString),
    /// The token in a file that another program, such as an agent, keeps valid.
    TokenFile(PathBuf),
}

/// The credential that a login uses up.
#[derive(Debug)]
pub enum LoginCost {
    /// None: the token exists already.
    Nothing,
    /// A use of the secret id, which may be its last one if its uses are limited.
    OneUse,
    /// The wrapping token of the secret id, or the reason why it cannot be unwrapped.
    WrappedSecretId(Result<(), String>),
}

impl ServiceLogin {
    /// Creates a login with an `AppRole`.
    #[must_use]
    pub fn app_role(role_id: String, secret_id_file: PathBuf) -> Self {
        Self::AppRole { role_id, secret_id_file, unwrapped: Mutex::new(None) }
    }

    /// Returns the file whose change requires a new login, if there is one.
    pub(super) fn watched_file(&self) -> Option<&Path> {
        match self {
            Self::TokenFile(file) => Some(file),
            Self::AppRole { .. } | Self::Token(_) => None,
        }
    }

    /// Returns the file with the credentials, if there is one. After a change of it a login may
    /// succeed that failed.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::AppRole { secret_id_file: file, .. } | Self::TokenFile(file) => Some(file),
            Self::Token(_) => None,
        }
    }

    /// Returns true if a login issues a token, which this program has to revoke.
    pub(super) fn issues_tokens(&self) -> bool {
        matches!(self, Self::AppRole { .. })
    }

    /// Returns the credential that a login would use up. Looks up a wrapping token, which does not
    /// use it up.
    pub async fn cost(&self, client: &Client) -> LoginCost {
        let Self::AppRole { secret_id_file: file, .. } = self else { return LoginCost::Nothing };
        match read_secret(file).await {
            Ok(content) if is_service_token(content.expose_secret()) => {
                let wrapping = check_wrapping(client, &content, file).await;
                LoginCost::WrappedSecretId(wrapping.map_err(|error| error.to_string()))
            }
            // The login reports why the file cannot be read.
            Ok(_) | Err(_) => LoginCost::OneUse,
        }
    }

    /// Returns a token: logs in, or looks up the existing one.
    pub(super) async fn log_in(&self, client: &Client) -> Result<ServiceToken, VaultError> {
        match self {
            Self::AppRole { role_id, secret_id_file, unwrapped } => {
                let mut unwrapped = unwrapped.lock().await;
                let secret_id = read_secret_id(client, secret_id_file, &mut unwrapped).await?;
                let token = app_role_login(client, role_id, &secret_id).await;
                token.map_err(|error| login_error(&error, role_id, secret_id_file))
            }
            Self::Token(token) => {
                let token = existing_token(client, token.clone()).await;
                token.map_err(|error| token_error(error, &"VAULT_TOKEN"))
            }
            Self::TokenFile(file) => {
                let token = existing_token(client, read_secret(file).await?).await;
                token.map_err(|error| token_error(error, &file.display()))
            }
        }
    }
}

async fn app_role_login(
    client: &Client,
    role_id: &str,
    secret_id: &SecretString,
) -> Result<ServiceToken, VaultError> {
    let requested = Instant::now();
    let auth = log_in_with_approle(client, APPROLE_MOUNT, role_id, secret_id).await?;
    Ok(issued_token(auth, requested))
}

/// Looks up a token that was issued outside of this program.
async fn existing_token(client: &Client, token: SecretString) -> Result<ServiceToken, VaultError> {
    let requested = Instant::now();
    let lookup = lookup_self(client, &token).await?;
    if lookup.policies.iter().flatten().any(|policy| policy == "root") {
        tracing::warn!(
            "the service's own token is a root token: use one with the policy `validator` only"
        );
    }
    let seconds = match lookup.expire_time {
        None => None,
        Some(_) => Some(lookup.ttl.ok_or_else(|| VaultError::malformed("no ttl"))?),
    };
    // The entity may be that of a person, so it does not identify the service's tokens.
    let grant = TokenGrant {
        requested,
        accessor: lookup.accessor,
        entity_id: None,
        seconds,
        renewable: lookup.renewable,
    };
    Ok(ServiceToken::new(token, grant))
}

/// Renews this token.
pub(super) async fn renew(client: &Client, own: &ServiceToken) -> Result<ServiceToken, VaultError> {
    let requested = Instant::now();
    Ok(issued_token(renew_self(client, &own.token).await?, requested))
}

fn issued_token(auth: TokenAuth, requested: Instant) -> ServiceToken {
    let grant = TokenGrant {
        requested,
        accessor: auth.accessor,
        entity_id: auth.entity_id,
        seconds: Some(auth.lease_duration),
        renewable: auth.renewable,
    };
    ServiceToken::new(auth.client_token, grant)
}

/// Returns the error of an `AppRole` login with the role, the file, and what to do.
fn login_error(error: &VaultError, role_id: &str, file: &Path) -> VaultError {
    let (message, file) = (error.detail(), file.display());
    let text = match error.kind {
        FailureKind::LoginCredentialsRejected => format!(
            "invalid secret id, or invalid role id ({message}): the role id is {role_id}, the \
             secret id is the one in {file}; put a new secret id into that file, or correct \
             VALIDATOR_ROLE_ID"
        ),
        FailureKind::LoginDenied => format!(
            "Vault denies logins of the role {role_id} ({message}), whatever the secret id in \
             {file}: after failed logins it is locked out until {} at the latest, unless Vault is \
             configured otherwise (read `sys/locked-users`); or its entity is disabled, or no \
             AppRole method is mounted at auth/{APPROLE_MOUNT}/",
            time_after(LOCKOUT)
        ),
        _ => return error.clone(),
    };
    VaultError::new(error.kind, text)
}

/// Returns the error with the source of the rejected token.
fn token_error(error: VaultError, source: &dyn Display) -> VaultError {
    if error.kind != FailureKind::TokenRejected {
        return error;
    }
    let text = format!(
        "{source} contains a token that is unknown, expired or revoked ({}); replace it",
        error.detail()
    );
    VaultError::new(FailureKind::TokenRejected, text)
}

/// Returns the time of day after this duration, to the second.
fn time_after(duration: SignedDuration) -> String {
    let time = now().checked_add(duration);
    time.map_or_else(|_| "later".to_owned(), |time| format!("{time:.0}"))
}
