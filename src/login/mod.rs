//! The login of people in a browser. The session is the person's own Vault token, sealed for one host.

mod backend;
mod hosts;
mod method;
pub mod pages;
mod return_url;

pub use backend::{
    LoginBackend, LoginError, LoginFuture, LoginStep, MfaRequirement, OidcCallback, UnsuitableToken,
};
pub use hosts::{GuardedHosts, HostPatternError};
pub use method::{BrowserLoginKind, BrowserLoginMethod, LoginMethodError, parse_login_methods};
pub use return_url::ReturnUrl;
