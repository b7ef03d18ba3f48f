use prometheus_client::metrics::gauge::Gauge;

use super::{
    Metrics,
    labels::{Counters, Gauges, gauge_value},
    registry::Registries,
};

/// The outcome of the login of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserLoginOutcome {
    /// The person is logged in.
    Ok,
    /// Vault rejects the password, the passcode or the account.
    WrongCredentials,
    /// There were too many failures before.
    Limited,
    /// Vault is unavailable.
    Unavailable,
    /// Any other failure.
    Other,
}

impl UserLoginOutcome {
    const ALL: [Self; 5] =
        [Self::Ok, Self::WrongCredentials, Self::Limited, Self::Unavailable, Self::Other];

    fn label(self) -> [(&'static str, &'static str); 1] {
        let outcome = match self {
            Self::Ok => "ok",
            Self::WrongCredentials => "wrong_credentials",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
            Self::Other => "other",
        };
        [("outcome", outcome)]
    }
}

/// A limit of requests per client address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limiter {
    /// Invalid tokens at `/validate` and at the API.
    Validate,
    /// Logins of people.
    Login,
    /// Authorizations of OAuth clients.
    Authorize,
    /// Codes and refresh tokens that are exchanged.
    Token,
    /// Registrations of OAuth clients.
    Registration,
}

impl Limiter {
    /// All limiters.
    pub const ALL: [Self; 5] =
        [Self::Validate, Self::Login, Self::Authorize, Self::Token, Self::Registration];

    fn label(self) -> [(&'static str, &'static str); 1] {
        let limiter = match self {
            Self::Validate => "validate",
            Self::Login => "login",
            Self::Authorize => "authorize",
            Self::Token => "token",
            Self::Registration => "registration",
        };
        [("limiter", limiter)]
    }
}

/// The metrics of logins and of rate limits.
pub(super) struct PeopleMetrics {
    logins: Counters<1>,
    rejections: Counters<1>,
    addresses: Gauges<1>,
}

impl PeopleMetrics {
    pub(super) fn register(registries: &mut Registries) -> Self {
        let metrics = Self {
            logins: Counters::default(),
            rejections: Counters::default(),
            addresses: Gauges::default(),
        };
        for outcome in UserLoginOutcome::ALL {
            drop(metrics.logins.get_or_create(&outcome.label()));
        }
        for limiter in Limiter::ALL {
            drop(metrics.rejections.get_or_create(&limiter.label()));
        }
        registries.own("user_logins", "Logins of people", &metrics.logins);
        let help = "Requests refused by a rate limit";
        registries.own("limiter_rejections", help, &metrics.rejections);
        let help = "Client addresses that a rate limit tracks";
        registries.own("limiter_addresses", help, &metrics.addresses);
        metrics
    }

    /// Sets the numbers of addresses, which are read when the metrics are encoded.
    pub(super) fn set(&self, addresses: &[(Limiter, u64)]) {
        for (limiter, number) in addresses {
            let gauge: Gauge = self.addresses.get_or_create_owned(&limiter.label());
            gauge.set(gauge_value(*number));
        }
    }
}

impl Metrics {
    /// Counts a login of a person.
    pub fn record_user_login(&self, outcome: UserLoginOutcome) {
        self.people.logins.get_or_create(&outcome.label()).inc();
    }

    /// Counts a request that a rate limit refused.
    pub fn record_limited(&self, limiter: Limiter) {
        self.people.rejections.get_or_create(&limiter.label()).inc();
    }
}
