//! Initialization and unsealing of a server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::SecretString;
use tokio::time::sleep;

use crate::{
    provisioning::ProvisionError,
    vault::{
        admin::hint,
        api::sys::{
            health::health_status,
            seal::{InitRequest, initialize, leader, seal_status, unseal},
        },
        client::{Client, ClientSettings, FailureKind, VaultError},
    },
};

/// The timeout of the initialization. It is long, since only its response ever contains the keys.
const INIT_TIMEOUT: Duration = Duration::from_mins(5);

/// The maximum time in which an unsealed server has to become active or find its leader.
const LEADER_TIMEOUT: Duration = Duration::from_mins(1);

/// The interval between two checks for that.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Initializes and unseals the server at the first address, before there is a token for it.
pub struct ServerInitializer {
    client: Client,
    long_timeout_client: Client,
}

/// The state of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealState {
    /// It is not initialized.
    Uninitialized(SealKind),
    /// It is initialized and sealed.
    Sealed(SealKind),
    /// It is unsealed.
    Unsealed,
}

/// The kind of a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKind {
    /// Shares of the unseal key, held by operators.
    Shamir,
    /// Auto-unseal at the start of the server. The keys of the operators are recovery keys.
    Auto,
}

/// The number of shares that the key is split into, and of those that are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyShares {
    /// The number of shares.
    pub total: u8,
    /// The number of shares that are needed.
    pub threshold: u8,
}

/// The result of an initialization, which the server shows only once.
pub struct InitializedServer {
    /// The shares of the unseal key, or the recovery keys.
    pub keys: Vec<SecretString>,
    /// The initial root token.
    pub root_token: SecretString,
}

impl ServerInitializer {
    /// Creates the clients for the server at the first address of these settings.
    ///
    /// # Errors
    /// If a certificate or a key cannot be read.
    pub fn new(settings: &ClientSettings) -> Result<Self, ProvisionError> {
        let settings = &settings.with_first_address();
        let with_long_timeout = ClientSettings { timeout: INIT_TIMEOUT, ..settings.clone() };
        let client = |settings: &ClientSettings| {
            Client::new(settings, Arc::default()).map_err(|error| ProvisionError(error.to_string()))
        };
        Ok(Self { client: client(settings)?, long_timeout_client: client(&with_long_timeout)? })
    }

    /// Returns the state of the server.
    ///
    /// # Errors
    /// If it does not report it.
    pub async fn state(&self) -> Result<SealState, ProvisionError> {
        let status = seal_status(&self.client)
            .await
            .map_err(|error| action_error(&error, "read the seal status of Vault"))?;
        let kind = if status.seal_type == "shamir" { SealKind::Shamir } else { SealKind::Auto };
        Ok(match (status.initialized, status.sealed) {
            (false, _) => SealState::Uninitialized(kind),
            (true, true) => SealState::Sealed(kind),
            (true, false) => SealState::Unsealed,
        })
    }

    /// Initializes the server.
    ///
    /// # Errors
    /// If the server was not initialized, or it is unknown whether it was.
    pub async fn initialize(
        &self,
        kind: SealKind,
        shares: KeyShares,
    ) -> Result<InitializedServer, ProvisionError> {
        let shares_of = |wanted| (kind == wanted).then_some(shares);
        let (secret, recovery) = (shares_of(SealKind::Shamir), shares_of(SealKind::Auto));
        let request = InitRequest {
            secret_shares: secret.map(|shares| shares.total),
            secret_threshold: secret.map(|shares| shares.threshold),
            recovery_shares: recovery.map(|shares| shares.total),
            recovery_threshold: recovery.map(|shares| shares.threshold),
        };
        let response = initialize(&self.long_timeout_client, request)
            .await
            .map_err(|error| action_error(&error, "initialize Vault"))?;
        let keys = match kind {
            SealKind::Shamir => response.keys_base64,
            SealKind::Auto => response.recovery_keys_base64,
        };
        Ok(InitializedServer { keys: keys.unwrap_or_default(), root_token: response.root_token })
    }

    /// Unseals the server with as many of these keys as it needs.
    ///
    /// # Errors
    /// If it is still sealed after them.
    pub async fn unseal(&self, keys: &[SecretString]) -> Result<(), ProvisionError> {
        for key in keys {
            let status = unseal(&self.long_timeout_client, key).await;
            let status = status.map_err(|error| action_error(&error, "unseal Vault"))?;
            if !status.sealed {
                return Ok(());
            }
        }
        Err(ProvisionError("cannot unseal Vault: not enough valid unseal keys".to_owned()))
    }

    /// Waits until the server serves requests, which needs an active node.
    ///
    /// # Errors
    /// If it does not within a minute.
    pub async fn wait_until_active(&self) -> Result<(), ProvisionError> {
        let start = Instant::now();
        loop {
            let last = match self.health_status().await {
                Ok(200) => return Ok(()),
                // A standby forwards writes to the leader, once there is one.
                Ok(429 | 473) if self.has_leader().await => return Ok(()),
                Ok(status) => format!("sys/health responds with {status}"),
                Err(error) => error.to_string(),
            };
            if start.elapsed() > LEADER_TIMEOUT {
                return Err(ProvisionError(format!(
                    "Vault does not become active ({last}): see its log for the reason"
                )));
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn health_status(&self) -> Result<u16, VaultError> {
        let [address, ..] = self.client.addresses() else {
            return Err(VaultError::malformed("no address"));
        };
        health_status(&self.client, address).await
    }

    async fn has_leader(&self) -> bool {
        let leader = leader(&self.client).await;
        leader.is_ok_and(|leader| !leader.is_self && !leader.leader_address.is_empty())
    }
}

fn action_error(error: &VaultError, action: &str) -> ProvisionError {
    let hint = match error.kind {
        FailureKind::AlreadyInitialized => {
            "; another operator has just done so, and has the keys".to_owned()
        }
        _ => hint(error, "nothing"),
    };
    ProvisionError(format!("cannot {action}: {error}{hint}"))
}
