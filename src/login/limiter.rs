use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use moka::future::Cache;
use tokio::{sync::OwnedMutexGuard, time::timeout};

use super::call_counter::CallCounter;
use crate::forwarded::rate_limit_key;

/// The number of failures in a row after which a user name is locked: one fewer than lock it in Vault by
/// default (<https://developer.hashicorp.com/vault/docs/concepts/user-lockout>).
const NAME_LIMIT: u32 = 4;

/// The number of failures within [`WINDOW`] after which an address is locked until its end.
const ADDRESS_LIMIT: u32 = 30;

/// The time without a failure after which the count of a name restarts, and the time for which failures
/// of an address are counted: that of Vault, and a margin.
const WINDOW: Duration = Duration::from_secs(15 * 60 + 5);

/// The calls within a minute: of an address, logins at an `OpenID` provider that it starts or completes,
/// authorizations of OAuth clients that it starts, codes and refresh tokens that it exchanges, and clients
/// that it registers; tickets for one session, and tickets that an address exchanges.
const PROVIDER_LIMIT: u32 = 60;
const AUTHORIZATION_LIMIT: u32 = 60;
const TOKEN_LIMIT: u32 = 600;
const REGISTRATION_LIMIT: u32 = 30;
const TICKET_LIMIT: u32 = 30;
const EXCHANGE_LIMIT: u32 = 300;

/// The maximum number of tracked names and of tracked addresses.
const MAX_ENTRIES: u64 = 65_536;

/// The time for which a login waits for another one of the same name.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Limits failed logins by user name and by client address, so that passwords cannot be guessed, and
/// Vault does not lock users. Whether a user of this name exists makes no difference.
///
/// Only one login of a name is in flight at a time: Vault would check all of them, whatever the limit.
pub struct LoginLimiter {
    names: Cache<(String, String), Arc<tokio::sync::Mutex<NameFailures>>>,
    addresses: Cache<IpAddr, Arc<Mutex<AddressFailures>>>,
    provider_logins: CallCounter<IpAddr>,
    authorizations: CallCounter<IpAddr>,
    token_requests: CallCounter<IpAddr>,
    registrations: CallCounter<IpAddr>,
    tickets: CallCounter<Box<str>>,
    exchanges: CallCounter<IpAddr>,
}

/// The failures of a name since its last success, or since a time without one.
#[derive(Default)]
struct NameFailures {
    count: u32,
    last: Option<Instant>,
}

/// The failures of an address within a time.
struct AddressFailures {
    since: Instant,
    count: u32,
    in_flight: u32,
}

/// A permit for one login. Neither a success nor a failure is counted if it is dropped.
#[must_use]
pub struct LoginAttempt {
    name: OwnedMutexGuard<NameFailures>,
    address: Option<AddressPermit>,
}

/// A login from an address, in flight until this is dropped.
struct AddressPermit(Arc<Mutex<AddressFailures>>);

/// There were too many failures of the name or from the address, or too many calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyLogins {
    /// The time after which a login is accepted again.
    pub retry_after: Duration,
}

/// The numbers of client addresses that are tracked, by what they are limited in.
#[derive(Clone, Copy, Debug)]
pub struct AddressCounts {
    /// Failed logins.
    pub logins: u64,
    /// Authorizations of OAuth clients.
    pub authorizations: u64,
    /// Exchanges of codes and refresh tokens.
    pub token_requests: u64,
    /// Registrations of OAuth clients.
    pub registrations: u64,
}

impl Default for LoginLimiter {
    fn default() -> Self {
        Self {
            names: Cache::builder().max_capacity(MAX_ENTRIES).time_to_idle(WINDOW * 2).build(),
            addresses: Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(WINDOW).build(),
            provider_logins: CallCounter::new(PROVIDER_LIMIT),
            authorizations: CallCounter::new(AUTHORIZATION_LIMIT),
            token_requests: CallCounter::new(TOKEN_LIMIT),
            registrations: CallCounter::new(REGISTRATION_LIMIT),
            tickets: CallCounter::new(TICKET_LIMIT),
            exchanges: CallCounter::new(EXCHANGE_LIMIT),
        }
    }
}

impl LoginLimiter {
    /// Waits for a permit to log in with this name at this mount. Names that differ only in case are
    /// the same user. A client without an address is limited by the name only.
    ///
    /// # Errors
    /// [`TooManyLogins`]
    pub async fn begin(
        &self,
        address: Option<IpAddr>,
        mount: &str,
        name: &str,
    ) -> Result<LoginAttempt, TooManyLogins> {
        let address = match address.map(rate_limit_key) {
            Some(key) => Some(self.addresses.get_with(key, async { Arc::default() }).await),
            None => None,
        };
        if let Some(address) = &address {
            lock(address).check(0)?;
        }
        let key = (mount.to_owned(), name.to_lowercase());
        let name = self.names.get_with(key, async { Arc::default() }).await;
        let name = timeout(MAX_WAIT, name.lock_owned()).await;
        let mut name = name.map_err(|_| TooManyLogins { retry_after: MAX_WAIT })?;
        name.check()?;
        // Logins that wait for another one of their name are not in flight.
        let address = address.map(AddressPermit::acquire).transpose()?;
        Ok(LoginAttempt { name, address })
    }

    /// Returns the numbers of client addresses that are tracked.
    pub async fn address_counts(&self) -> AddressCounts {
        self.addresses.run_pending_tasks().await;
        AddressCounts {
            logins: self.addresses.entry_count(),
            authorizations: self.authorizations.key_count().await,
            token_requests: self.token_requests.key_count().await,
            registrations: self.registrations.key_count().await,
        }
    }

    /// Counts a login at an `OpenID` provider that an address starts or completes. Vault keeps the state
    /// of each that is started, without a limit.
    ///
    /// # Errors
    /// [`TooManyLogins`]
    pub async fn count_provider_login(&self, address: IpAddr) -> Result<(), TooManyLogins> {
        self.provider_logins.count(rate_limit_key(address)).await
    }

    /// Counts an authorization of an OAuth client that an address starts. The metadata of the client may
    /// have to be fetched for it.
    ///
    /// # Errors
    /// [`TooManyLogins`]
    pub async fn count_authorization(&self, address: IpAddr) -> Result<(), TooManyLogins> {
        self.authorizations.count(rate_limit_key(address)).await
    }

    /// Counts a code or a refresh token that an address exchanges or revokes.
    ///
    /// # Errors
    /// [`TooManyLogins`]
    pub async fn count_token_request(&self, address: IpAddr) -> Result<(), TooManyLogins> {
        self.token_requests.count(rate_limit_key(address)).await
    }

    /// Counts an OAuth client that an address registers.
    ///
    /// # Errors
    /// [`TooManyLogins`]
    pub async fn count_registration(&self, address: IpAddr) -> Result<(), TooManyLogins> {
        self.registrations.count(rate_limit_key(address)).await
    }

    /// Counts a ticket for the session with this accessor.
    ///
    /// # Errors
    /// [`TooManyLogins`]
    pub async fn count_ticket(&self, accessor: &str) -> Result<(), TooManyLogins> {
        self.tickets.count(accessor.into()).await
    }

    /// Counts a ticket that an address exchanges.
    ///
    /// # Errors
    /// [`TooManyLogins`]
    pub async fn count_exchange(&self, address: IpAddr) -> Result<(), TooManyLogins> {
        self.exchanges.count(rate_limit_key(address)).await
    }
}

impl LoginAttempt {
    /// Records a success: the failures of the name are forgotten, as in Vault.
    pub fn succeed(mut self) {
        *self.name = NameFailures::default();
    }

    /// Records a failure.
    pub fn fail(mut self) {
        self.name.count = self.name.count.saturating_add(1);
        self.name.last = Some(Instant::now());
        if let Some(AddressPermit(address)) = &self.address {
            let mut address = lock(address);
            address.count = address.count.saturating_add(1);
        }
    }
}

impl NameFailures {
    fn check(&mut self) -> Result<(), TooManyLogins> {
        let passed = self.last.map_or(WINDOW, |last| last.elapsed());
        let left = WINDOW.saturating_sub(passed);
        if left.is_zero() {
            *self = Self::default();
        }
        if self.count < NAME_LIMIT { Ok(()) } else { Err(TooManyLogins { retry_after: left }) }
    }
}

impl Default for AddressFailures {
    fn default() -> Self {
        Self { since: Instant::now(), count: 0, in_flight: 0 }
    }
}

impl AddressFailures {
    /// Checks that the limit has not been reached, including logins in flight, which may fail as well.
    fn check(&self, in_flight: u32) -> Result<(), TooManyLogins> {
        if self.count >= ADDRESS_LIMIT {
            return Err(TooManyLogins { retry_after: WINDOW.saturating_sub(self.since.elapsed()) });
        }
        if self.count.saturating_add(in_flight) >= ADDRESS_LIMIT {
            return Err(TooManyLogins { retry_after: MAX_WAIT });
        }
        Ok(())
    }
}

impl AddressPermit {
    fn acquire(address: Arc<Mutex<AddressFailures>>) -> Result<Self, TooManyLogins> {
        let mut state = lock(&address);
        state.check(state.in_flight)?;
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

fn lock(state: &Mutex<AddressFailures>) -> MutexGuard<'_, AddressFailures> {
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
        limiter.begin(Some(address(from)), "userpass", name).await.map(super::LoginAttempt::fail)
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
        assert!(limiter.begin(Some(address(1)), "ldap", "ana").await.is_ok(), "another mount");
    }

    #[tokio::test]
    async fn success_forgets_failures_of_the_name() {
        let limiter = LoginLimiter::default();
        for _ in 0..3 {
            for _ in 0..3 {
                fail(&limiter, 1, "ana").await.expect("a permit");
            }
            limiter.begin(Some(address(1)), "userpass", "ana").await.expect("a permit").succeed();
        }
    }

    #[tokio::test]
    async fn l27_address_is_limited_over_all_names() {
        let limiter = LoginLimiter::default();
        for number in 0..30 {
            fail(&limiter, 1, &format!("user-{number}")).await.expect("a permit");
        }
        assert!(fail(&limiter, 1, "other").await.is_err());
        assert!(fail(&limiter, 2, "other").await.is_ok());
    }

    #[tokio::test]
    async fn logins_in_flight_count_against_the_address() {
        let limiter = LoginLimiter::default();
        let mut held = Vec::new();
        for number in 0..30 {
            let name = format!("user-{number}");
            held.push(limiter.begin(Some(address(1)), "userpass", &name).await.expect("a permit"));
        }
        assert!(limiter.begin(Some(address(1)), "userpass", "other").await.is_err());
        held.clear();
        assert!(limiter.begin(Some(address(1)), "userpass", "other").await.is_ok());
    }

    #[tokio::test]
    async fn logins_of_one_name_wait_for_each_other() {
        let limiter = Arc::new(LoginLimiter::default());
        let first = limiter.begin(Some(address(1)), "userpass", "ana").await.expect("a permit");
        let mut second = Box::pin(limiter.begin(Some(address(2)), "userpass", "ANA"));
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        first.fail();
        second.await.expect("a permit").succeed();
    }

    #[tokio::test]
    async fn waiting_logins_are_not_in_flight() {
        let limiter = Arc::new(LoginLimiter::default());
        let first = limiter.begin(Some(address(1)), "userpass", "ana").await.expect("a permit");
        let mut waiting: Vec<_> =
            (0..40).map(|_| Box::pin(limiter.begin(Some(address(1)), "userpass", "ana"))).collect();
        for login in &mut waiting {
            assert!(login.as_mut().now_or_never().is_none(), "it waits");
        }
        limiter.begin(Some(address(1)), "userpass", "eva").await.expect("a permit").succeed();
        first.succeed();
    }

    #[tokio::test]
    async fn calls_are_counted_by_key() {
        let limiter = LoginLimiter::default();
        for _ in 0..30 {
            limiter.count_ticket("one").await.expect("a ticket");
        }
        assert!(limiter.count_ticket("one").await.is_err());
        assert!(limiter.count_ticket("other").await.is_ok());
    }

    #[tokio::test]
    async fn unknown_address_is_limited_by_name_only() {
        let limiter = LoginLimiter::default();
        for number in 0..50 {
            let name = format!("user-{number}");
            limiter.begin(None, "userpass", &name).await.expect("a permit").fail();
        }
    }
}
