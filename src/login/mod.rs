//! The login of people in a browser. The session is the person's own Vault token, sealed for one host.

mod backend;
mod browser_id;
mod hosts;
mod method;
mod origin;
mod return_url;
mod site;

pub use backend::{
    LoginBackend, LoginError, LoginFuture, LoginStep, MfaRequirement, OidcCallback, UnsuitableToken,
};
pub use browser_id::{BrowserId, BrowserIdDigest, LOGIN_COOKIE};
pub use hosts::{GuardedHosts, HostPatternError};
pub use method::{BrowserLoginKind, BrowserLoginMethod, LoginMethodError, parse_login_methods};
pub use origin::{LoginOrigin, LoginOriginError, LoginOrigins};
pub use return_url::ReturnUrl;
pub use site::{LOGIN_PATH, LoginSite};
