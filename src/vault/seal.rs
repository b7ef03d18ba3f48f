use std::time::{Duration, Instant};

use rustify_derive::Endpoint;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::sleep;
use vaultrs::api::sys::requests::{ReadHealthRequest, UnsealRequest};

use crate::{
    provision::Trouble,
    vault::{
        Client, Settings,
        admin::remedy,
        client::Operation,
        error::{Failure, VaultError},
    },
};

/// The longest that initialising may take. Its answer is the only one that ever shows the keys, so
/// it is waited for.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long a server that is unsealed may take to find its leader, and how often it is asked.
const ELECTION: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(100);

/// A server before anybody can log in to it.
pub struct Seal {
    client: Client,
    patient: Client,
}

/// How a server is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealState {
    /// It was never initialised.
    Empty(SealKind),
    /// It was, and waits for the keys.
    Sealed(SealKind),
    /// It is open.
    Unsealed,
}

/// Who unseals a server when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKind {
    /// People, with a share of the key each.
    Shamir,
    /// It does so itself. The keys that people have are for recovery alone.
    Auto,
}

/// Into how many shares the key is split, and how many of them it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// How many there are.
    pub number: u8,
    /// How many it takes.
    pub threshold: u8,
}

/// What an initialisation shows, once.
pub struct Initialised {
    /// The shares: of the key itself, or for recovery.
    pub keys: Vec<SecretString>,
    /// The token that may do everything.
    pub root_token: SecretString,
}

#[derive(Endpoint)]
#[endpoint(path = "sys/seal-status", method = "GET")]
struct SealStatusRequest {}

#[derive(Deserialize)]
struct SealStatus {
    initialized: bool,
    sealed: bool,
    #[serde(rename = "type")]
    kind: String,
}

/// vaultrs asks for shares of both kinds, which is refused.
#[derive(Endpoint)]
#[endpoint(path = "sys/init", method = "PUT")]
struct InitRequest {
    secret_shares: Option<u8>,
    secret_threshold: Option<u8>,
    recovery_shares: Option<u8>,
    recovery_threshold: Option<u8>,
}

/// Read as tolerantly as can be: what is not read is lost.
#[derive(Deserialize)]
struct InitAnswer {
    keys_base64: Option<Vec<SecretString>>,
    recovery_keys_base64: Option<Vec<SecretString>>,
    root_token: SecretString,
}

#[derive(Endpoint)]
#[endpoint(path = "sys/leader", method = "GET")]
struct LeaderRequest {}

#[derive(Deserialize)]
struct Leader {
    is_self: bool,
    #[serde(default)]
    leader_address: String,
}

impl Seal {
    /// The server at this address.
    ///
    /// # Errors
    /// If a certificate or a key cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, Trouble> {
        let patient = Settings { timeout: PATIENCE, ..settings.clone() };
        let client = |settings: &Settings| {
            Client::new(settings, std::sync::Arc::default())
                .map_err(|error| Trouble(error.to_string()))
        };
        Ok(Self { client: client(settings)?, patient: client(&patient)? })
    }

    /// How it is found.
    ///
    /// # Errors
    /// Why it does not tell.
    pub async fn state(&self) -> Result<SealState, Trouble> {
        let status: SealStatus = self
            .client
            .server(Operation::Seal, SealStatusRequest {})
            .await
            .map_err(|error| trouble(&error, "ask whether Vault is sealed"))?;
        let kind = if status.kind == "shamir" { SealKind::Shamir } else { SealKind::Auto };
        Ok(match (status.initialized, status.sealed) {
            (false, _) => SealState::Empty(kind),
            (true, true) => SealState::Sealed(kind),
            (true, false) => SealState::Unsealed,
        })
    }

    /// Initialises it.
    ///
    /// # Errors
    /// Why that was not done, or nobody knows whether it was.
    pub async fn initialise(&self, kind: SealKind, shares: Shares) -> Result<Initialised, Trouble> {
        let of = |wanted| (kind == wanted).then_some(shares);
        let (secret, recovery) = (of(SealKind::Shamir), of(SealKind::Auto));
        let request = InitRequest {
            secret_shares: secret.map(|shares| shares.number),
            secret_threshold: secret.map(|shares| shares.threshold),
            recovery_shares: recovery.map(|shares| shares.number),
            recovery_threshold: recovery.map(|shares| shares.threshold),
        };
        let answer: InitAnswer = self
            .patient
            .server(Operation::Seal, request)
            .await
            .map_err(|error| trouble(&error, "initialise Vault"))?;
        let keys = match kind {
            SealKind::Shamir => answer.keys_base64,
            SealKind::Auto => answer.recovery_keys_base64,
        };
        Ok(Initialised { keys: keys.unwrap_or_default(), root_token: answer.root_token })
    }

    /// Unseals it with as many of these keys as it takes.
    ///
    /// # Errors
    /// Why it is still sealed.
    pub async fn unseal(&self, keys: &[SecretString]) -> Result<(), Trouble> {
        for key in keys {
            let key = Some(key.expose_secret().to_owned());
            let request = UnsealRequest { key, reset: None, migrate: None };
            let answer: Result<SealStatus, _> = self.patient.server(Operation::Seal, request).await;
            let status = answer.map_err(|error| trouble(&error, "unseal Vault"))?;
            if !status.sealed {
                return Ok(());
            }
        }
        Err(Trouble("the keys are too few to unseal Vault, or another Vault's".to_owned()))
    }

    /// Waits until it serves requests: the leader has to be found first.
    ///
    /// # Errors
    /// If it does not within a minute.
    pub async fn serves(&self) -> Result<(), Trouble> {
        let start = Instant::now();
        loop {
            let health = ReadHealthRequest::default();
            let seen = match self.client.status(Operation::Health, health).await {
                Ok(200) => return Ok(()),
                // A standby passes writes on to the leader, once there is one.
                Ok(429 | 473) if self.follows().await => return Ok(()),
                Ok(status) => format!("sys/health is {status}"),
                Err(error) => error.to_string(),
            };
            if start.elapsed() > ELECTION {
                return Err(Trouble(format!(
                    "Vault does not come to serve requests ({seen}): its log says why"
                )));
            }
            sleep(LOOK).await;
        }
    }

    async fn follows(&self) -> bool {
        let leader: Result<Leader, _> = self.client.server(Operation::Seal, LeaderRequest {}).await;
        leader.is_ok_and(|leader| !leader.is_self && !leader.leader_address.is_empty())
    }
}

/// Returns whether a server says that it was never initialised.
pub(super) async fn is_empty(client: &Client) -> bool {
    let status: Result<SealStatus, _> = client.server(Operation::Seal, SealStatusRequest {}).await;
    status.is_ok_and(|status| !status.initialized)
}

fn trouble(error: &VaultError, what: &str) -> Trouble {
    let remedy = match error.failure {
        Failure::Initialized => "; somebody else has done so just now, and has the keys".to_owned(),
        _ => remedy(error, "nothing"),
    };
    Trouble(format!("cannot {what}: {error}{remedy}"))
}
