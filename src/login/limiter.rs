use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use moka::future::Cache;
use tokio::{sync::OwnedMutexGuard, time::timeout};

use crate::forwarded::rate_limit_key;

/// The number of failures in a row after which a user name is locked: one fewer than lock it in Vault by
/// default (<https://developer.hashicorp.com/vault/docs/concepts/user-lockout>).
const NAME_LIMIT: u32 = 4;

/// The number of failures after which an address is locked.
const ADDRESS_LIMIT: u32 = 20;

/// The time without a failure after which the count restarts: that of Vault, and a margin.
const RESET_AFTER: Duration = Duration::from_secs(15 * 60 + 5);

/// The number of logins at an `OpenID` provider that an address may start within a time. Vault keeps the
/// state of each, without a limit.
const START_LIMIT: u32 = 60;
const START_WINDOW: Duration = Duration::from_mins(1);

/// The maximum number of tracked names and of tracked addresses.
const MAX_ENTRIES: u64 = 65_536;

/// The time for which a login waits for another one of the same name.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Limits failed logins by user name and by client address, so that passwords cannot be guessed, and
/// Vault does not lock users. Whether a user of this name exists makes no difference.
///
/// Only one login of a name is in flight at a time: Vault would check all of them, whatever the limit.
pub struct LoginLimiter {
    names: Cache<(String, String), Arc<tokio::sync::Mutex<FailureCount>>>,
    addresses: Cache<IpAddr, Arc<Mutex<AddressCount>>>,
    starts: Cache<IpAddr, Arc<AtomicU32>>,
}

/// The failures since the last success or the last reset.
#[derive(Default)]
struct FailureCount {
    failures: u32,
    last: Option<Instant>,
}

#[derive(Default)]
struct AddressCount {
    count: FailureCount,
    in_flight: u32,
}

/// A permit for one login. Neither a success nor a failure is counted if it is dropped.
#[must_use]
pub struct LoginAttempt {
    name: OwnedMutexGuard<FailureCount>,
    address: AddressPermit,
}

/// A login from an address, in flight until this is dropped.
struct AddressPermit(Arc<Mutex<AddressCount>>);

/// There were too many failures of the name, or from the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyLogins {
    /// The time after which a login is accepted again.
    pub retry_after: Duration,
}

impl Default for LoginLimiter {
    fn default() -> Self {
        let retention = RESET_AFTER * 2;
        Self {
            names: Cache::builder().max_capacity(MAX_ENTRIES).time_to_idle(retention).build(),
            addresses: Cache::builder().max_capacity(MAX_ENTRIES).time_to_idle(retention).build(),
            starts: Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(START_WINDOW).build(),
        }
    }
}

impl LoginLimiter {
    /// Waits for a permit to log in with this name at this mount. Names that differ only in case are
    /// the same user.
    ///
    /// # Errors
    /// [`TooManyLogins`]
    pub async fn begin(
        &self,
        address: IpAddr,
        mount: &str,
        name: &str,
    ) -> Result<LoginAttempt, TooManyLogins> {
        let key = rate_limit_key(address);
        let address = self.addresses.get_with(key, async { Arc::default() }).await;
        let address = AddressPermit::acquire(address)?;
        let key = (mount.to_owned(), name.to_lowercase());
        let name = self.names.get_with(key, async { Arc::default() }).await;
        let name = timeout(MAX_WAIT, name.lock_owned()).await;
        let mut name = name.map_err(|_| TooManyLogins { retry_after: MAX_WAIT })?;
        name.check(NAME_LIMIT, 0)?;
        Ok(LoginAttempt { name, address })
    }
}

impl LoginLimiter {
    /// Counts a login that is started at an `OpenID` provider.
    ///
    /// # Errors
    /// [`TooManyLogins`]
    pub async fn count_start(&self, address: IpAddr) -> Result<(), TooManyLogins> {
        let starts = self.starts.get_with(rate_limit_key(address), async { Arc::default() }).await;
        if starts.fetch_add(1, Relaxed) < START_LIMIT {
            return Ok(());
        }
        Err(TooManyLogins { retry_after: START_WINDOW })
    }
}

impl LoginAttempt {
    /// Records a success: the failures of the name are forgotten, as in Vault.
    pub fn succeed(mut self) {
        *self.name = FailureCount::default();
    }

    /// Records a failure.
    pub fn fail(mut self) {
        self.name.record();
        lock(&self.address.0).count.record();
    }
}

impl FailureCount {
    /// Checks that this number of failures has not been reached, including logins in flight, which may
    /// fail as well.
    fn check(&mut self, limit: u32, in_flight: u32) -> Result<(), TooManyLogins> {
        let passed = self.last.map_or(RESET_AFTER, |last| last.elapsed());
        let left = RESET_AFTER.saturating_sub(passed);
        if left.is_zero() {
            *self = Self::default();
        }
        if self.failures >= limit {
            return Err(TooManyLogins { retry_after: left });
        }
        if self.failures.saturating_add(in_flight) >= limit {
            return Err(TooManyLogins { retry_after: MAX_WAIT });
        }
        Ok(())
    }

    fn record(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.last = Some(Instant::now());
    }
}

impl AddressPermit {
    fn acquire(address: Arc<Mutex<AddressCount>>) -> Result<Self, TooManyLogins> {
        let mut state = lock(&address);
        let in_flight = state.in_flight;
        state.count.check(ADDRESS_LIMIT, in_flight)?;
        state.in_flight += 1;
        drop(state);
        Ok(Self(address))
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.in_flight = state.in_flight.saturating_sub(1);
    }
}

fn lock(state: &Mutex<AddressCount>) -> MutexGuard<'_, AddressCount> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::Arc};

    use futures_util::FutureExt;

    use super::{LoginLimiter, TooManyLogins};

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    async fn fail(limiter: &LoginLimiter, from: u8, name: &str) -> Result<(), TooManyLogins> {
        limiter.begin(address(from), "userpass", name).await.map(super::LoginAttempt::fail)
    }

    #[tokio::test]
    async fn l27_name_is_limited_in_every_spelling() {
        let limiter = LoginLimiter::default();
        for (from, name) in [(1, "ana"), (2, "ANA"), (3, "Ana"), (4, "ana")] {
            fail(&limiter, from, name).await.expect("a permit");
        }
        let refused = fail(&limiter, 5, "aNa").await.expect_err("a limit");
        assert!(refused.retry_after.as_secs() > 14 * 60, "{refused:?}");
        fail(&limiter, 5, "eva").await.expect("a permit");
        assert!(limiter.begin(address(1), "ldap", "ana").await.is_ok(), "another mount");
    }

    #[tokio::test]
    async fn success_forgets_failures_of_the_name() {
        let limiter = LoginLimiter::default();
        for _ in 0..3 {
            for _ in 0..3 {
                fail(&limiter, 1, "ana").await.expect("a permit");
            }
            limiter.begin(address(1), "userpass", "ana").await.expect("a permit").succeed();
        }
    }

    #[tokio::test]
    async fn l27_address_is_limited_over_all_names() {
        let limiter = LoginLimiter::default();
        for number in 0..20 {
            fail(&limiter, 1, &format!("user-{number}")).await.expect("a permit");
        }
        assert!(fail(&limiter, 1, "other").await.is_err());
        assert!(fail(&limiter, 2, "other").await.is_ok());
    }

    #[tokio::test]
    async fn logins_in_flight_count_against_the_address() {
        let limiter = LoginLimiter::default();
        let mut held = Vec::new();
        for number in 0..20 {
            let name = format!("user-{number}");
            held.push(limiter.begin(address(1), "userpass", &name).await.expect("a permit"));
        }
        assert!(limiter.begin(address(1), "userpass", "other").await.is_err());
        held.clear();
        assert!(limiter.begin(address(1), "userpass", "other").await.is_ok());
    }

    #[tokio::test]
    async fn logins_of_one_name_wait_for_each_other() {
        let limiter = Arc::new(LoginLimiter::default());
        let first = limiter.begin(address(1), "userpass", "ana").await.expect("a permit");
        let mut second = Box::pin(limiter.begin(address(2), "userpass", "ANA"));
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        first.fail();
        second.await.expect("a permit").succeed();
    }
}
