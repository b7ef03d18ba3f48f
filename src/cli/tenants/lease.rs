//! One rotation of a tenant at a time, on however many machines.

use std::{
    fmt, fs,
    time::{Duration, Instant},
};

use clap::Args;

use crate::{
    cli::{output::note, stop::stopped, store::Store},
    secrets::SecretError,
    tenants::{LeaseHolder, TenantName},
    vault::{Acquisition, RotationLease},
};

/// The interval at which a lease that another process holds is asked for.
const POLL: Duration = Duration::from_secs(1);

/// The longest that giving a lease back may take, whatever Vault's time limit is.
const RELEASE: Duration = Duration::from_secs(2);

/// How long a command waits for the lease on a tenant's rotation.
#[derive(Args, Clone, Copy)]
pub(super) struct WaitArgs {
    /// Wait this long if another process is rotating the tenant's key; 0s does not wait.
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = wait)]
    wait: Duration,
}

impl WaitArgs {
    /// Does not wait.
    pub(super) const NONE: Self = Self { wait: Duration::ZERO };
}

/// The reasons why no rotation was carried out to its end under a lease.
#[derive(Debug)]
pub(super) enum LeaseError {
    /// Another process holds the lease.
    Held(LeaseHolder),
    /// The lease could not be had from Vault.
    Failed(SecretError),
    /// SIGINT or SIGTERM.
    Stopped,
}

/// Does some work on a tenant's key while no other process does. The lease is renewed meanwhile, and
/// given back at the end, also after SIGINT or SIGTERM, which end the work where it waits.
///
/// # Errors
/// [`LeaseError`].
pub(super) async fn exclusively<T>(
    store: &Store,
    tenant: &TenantName,
    WaitArgs { wait }: WaitArgs,
    work: impl AsyncFnOnce(&RotationLease) -> T,
) -> Result<T, LeaseError> {
    let lease = tokio::select! {
        lease = acquire(store, tenant, wait) => lease?,
        () = stopped() => return Err(LeaseError::Stopped),
    };
    let outcome = tokio::select! {
        outcome = work(&lease) => Ok(outcome),
        () = keep(store, &lease) => Err(LeaseError::Failed(SecretError::LeaseLost)),
        () = stopped() => Err(LeaseError::Stopped),
    };
    // A lease that cannot be given back ends by itself.
    let given_back = store.with(async |secrets| lease.release(&secrets).await);
    let _ = tokio::time::timeout(RELEASE, given_back).await;
    outcome
}

async fn acquire(
    store: &Store,
    tenant: &TenantName,
    wait: Duration,
) -> Result<RotationLease, LeaseError> {
    let own = this_process();
    let start = Instant::now();
    let mut first: Option<LeaseHolder> = None;
    let mut told = None;
    loop {
        let asked = store.with(async |secrets| secrets.acquire_rotation_lease(tenant, &own).await);
        let holder = match asked.await.map_err(LeaseError::Failed)? {
            Acquisition::Acquired(lease) => {
                return Ok(match &first {
                    Some(holder) => lease.after(holder),
                    None => lease,
                });
            }
            Acquisition::HeldBy(holder) => holder,
        };
        if start.elapsed() >= wait {
            return Err(LeaseError::Held(holder));
        }
        if told.as_ref() != Some(&holder.id) {
            let at_most = humantime::format_duration(wait);
            note(&format!("{tenant} is being rotated by {holder}: waiting up to {at_most}\n"));
            told = Some(holder.id.clone());
            first.get_or_insert(holder);
        }
        tokio::time::sleep(POLL.mul_f64(rand::random_range(0.5..1.5))).await;
    }
}

/// Renews the lease for as long as this process has it. While Vault is away it goes on trying.
async fn keep(store: &Store, lease: &RotationLease) {
    loop {
        tokio::time::sleep(RotationLease::RENEWAL).await;
        let renewed = store.with(async |secrets| lease.renew(&secrets).await).await;
        if let Err(SecretError::LeaseLost) = renewed {
            return;
        }
    }
}

fn this_process() -> LeaseHolder {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "an unknown machine" } else { host.trim() };
    LeaseHolder {
        id: format!("{:032x}", rand::random::<u128>()),
        host: host.to_owned(),
        process: std::process::id(),
        user: format!("uid {}", rustix::process::getuid().as_raw()),
        since: None,
    }
}

fn wait(text: &str) -> Result<Duration, String> {
    let wait = humantime::parse_duration(text).ok();
    wait.filter(|wait| *wait <= Duration::from_hours(24))
        .ok_or_else(|| "it is a duration up to 24h, such as 90s".to_owned())
}

impl fmt::Display for LeaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(holder) => write!(
                f,
                "it is being rotated by {holder}; --wait DURATION waits longer. If that process is \
                 gone, its lease ends within 30 seconds"
            ),
            Self::Failed(error) => error.fmt(f),
            Self::Stopped => f.write_str("stopped by a signal; run it again to go on"),
        }
    }
}
