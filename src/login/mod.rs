//! The login of people in a browser. The session is the person's own Vault token, sealed for one host.

mod backend;
mod browser_id;
mod call_counter;
mod hosts;
mod limiter;
mod method;
mod origin;
pub mod pages;
mod pending;
mod return_url;
mod session;
mod site;
mod ticket;

pub use backend::{
    LoginBackend, LoginError, LoginFuture, LoginStep, MfaRequirement, OidcCallback, UnsuitableToken,
};
pub use browser_id::{BrowserId, BrowserIdDigest, LOGIN_COOKIE};
pub use hosts::{GuardedHosts, HostPatternError};
pub use limiter::{AddressCounts, LoginAttempt, LoginLimiter, TooManyLogins};
pub use method::{BrowserLoginKind, BrowserLoginMethod, LoginMethodError, parse_login_methods};
pub use origin::{LoginOrigin, LoginOriginError, LoginOrigins};
pub use pending::{Destination, PendingLogins, PendingMfa, PendingOidc};
pub use return_url::ReturnUrl;
pub use session::{MAX_SESSION_AGE, SessionTooLong, removed_cookie, session_cookie};
pub use site::{LoginSite, OIDC_CALLBACK_PATH, SESSION_PATH};
pub use ticket::{TICKET_LIFETIME, Ticket};

/// The maximum difference between the clocks of two replicas.
const MAX_CLOCK_SKEW: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
