//! Clients that write secrets and record the acknowledged values.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinSet;
use vault_auth_validator::{
    policy::Mounts,
    secrets::{SecretData, SecretError, SecretKey, SecretPath, WriteCondition},
    telemetry::Metrics,
    vault::{Client, ClientSettings, SecretsClient, TrustRoots},
};

/// The number of writers, each with a secret of its own.
pub const WRITERS: usize = 8;

/// The pause between two writes of one secret.
const PAUSE: Duration = Duration::from_millis(60);

/// The timeout for requests of writers and rotations. A rotation waits twice as long for writes with
/// the old key.
pub const TIMEOUT: Duration = Duration::from_secs(1);

/// The tenant's access to its secrets.
pub struct Tenant {
    client: Client,
    mounts: Mounts,
    token: SecretString,
}

/// The values that were written to a secret. Each value is a number.
#[derive(Clone, Debug, Default)]
struct WrittenValues {
    last: u64,
    acknowledged: u64,
    /// Values that were sent later, and may have been written.
    possible: Vec<u64>,
}

/// The secrets of all writers.
pub struct Writers {
    tenant: Arc<Tenant>,
    values: Arc<Vec<Mutex<WrittenValues>>>,
}

/// Running writers, until [`RunningWriters::stop`].
pub struct RunningWriters {
    stopping: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Tenant {
    pub fn new(address: &str, token: &str) -> Self {
        let settings = ClientSettings {
            addresses: address.parse::<url::Url>().expect("an address").into(),
            namespace: None,
            trust: TrustRoots::System,
            server_name: None,
            client_cert: None,
            timeout: TIMEOUT,
        };
        let client = Client::new(&settings, Arc::new(Metrics::default())).expect("a client");
        let mounts = Mounts { kv: "secret".to_owned(), transit: "transit".to_owned() };
        Self { client, mounts, token: token.into() }
    }

    fn secrets(&self) -> SecretsClient<'_> {
        SecretsClient::new(&self.client, &self.mounts, &self.token)
    }
}

impl Writers {
    pub fn new(tenant: Tenant) -> Self {
        let values = (0..WRITERS).map(|_| Mutex::default()).collect();
        Self { tenant: Arc::new(tenant), values: Arc::new(values) }
    }

    pub fn start(&self) -> RunningWriters {
        let stopping = Arc::<AtomicBool>::default();
        let mut tasks = JoinSet::new();
        for writer in 0..WRITERS {
            let (tenant, values) = (Arc::clone(&self.tenant), Arc::clone(&self.values));
            let stopping = Arc::clone(&stopping);
            tasks.spawn(async move {
                while !stopping.load(Ordering::SeqCst) {
                    write(&tenant, writer, &values[writer]).await;
                    tokio::time::sleep(PAUSE.mul_f64(rand::random_range(0.5..1.5))).await;
                }
            });
        }
        RunningWriters { stopping, tasks }
    }

    /// Returns the number of acknowledged writes.
    pub fn acknowledged(&self) -> u64 {
        self.values.iter().map(|values| lock(values).acknowledged).sum()
    }

    /// Reads every secret. Returns a description of each one that has an unexpected value.
    pub async fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (writer, values) in self.values.iter().enumerate() {
            let found = read(&self.tenant, writer).await;
            let mut values = lock(values);
            match found {
                Ok(found) if found == values.acknowledged || values.possible.contains(&found) => {
                    // From now on this is the acknowledged value.
                    values.acknowledged = found;
                    values.possible.clear();
                }
                Ok(found) => faults.push(format!("{}: {found}, expected {values:?}", name(writer))),
                Err(error) => faults.push(format!("{}: {error}; {values:?}", name(writer))),
            }
        }
        faults
    }
}

impl RunningWriters {
    pub async fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.tasks.join_all().await;
    }
}

async fn write(tenant: &Tenant, writer: usize, values: &Mutex<WrittenValues>) {
    let number = {
        let mut values = lock(values);
        values.last += 1;
        let number = values.last;
        values.possible.push(number);
        number
    };
    let data: SecretData = [(key(), number.to_string().into())].into_iter().collect();
    let written = tenant.secrets().write(&path(writer), &data, WriteCondition::None).await;
    let mut values = lock(values);
    match written {
        Ok(_) => {
            values.acknowledged = number;
            values.possible.clear();
        }
        Err(SecretError::Unavailable(_)) => {}
        Err(_) => values.possible.retain(|possible| *possible != number),
    }
}

/// Returns the number in a secret; 0 if there is none yet. A read is retried while OpenBao is
/// unavailable.
async fn read(tenant: &Tenant, writer: usize) -> Result<u64, SecretError> {
    let mut attempts = 0;
    loop {
        match tenant.secrets().read(&path(writer), None).await {
            Ok(secret) => {
                let value = secret.data.get(&key()).expect("a value").expose_secret();
                return Ok(value.parse().expect("a number"));
            }
            Err(SecretError::NotFound) => return Ok(0),
            Err(SecretError::Unavailable(_)) if attempts < 50 => attempts += 1,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn path(writer: usize) -> SecretPath {
    SecretPath::parse("acme", &name(writer)).expect("a path")
}

fn name(writer: usize) -> String {
    format!("writer-{writer}")
}

fn key() -> SecretKey {
    SecretKey::parse("NUMBER").expect("a key")
}

fn lock(values: &Mutex<WrittenValues>) -> MutexGuard<'_, WrittenValues> {
    values.lock().unwrap_or_else(PoisonError::into_inner)
}
