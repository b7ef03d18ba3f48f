//! The session of the service or of a command with Vault: the login, the renewal and the revocation
//! of its own token.

mod command;
mod file_version;
mod login;
mod login_backoff;
mod secret_id;
mod self_test;
mod service;
mod service_token;
mod state;

pub(super) use self::service_token::ServiceToken;
pub use self::{
    command::SessionLoginError,
    login::{LoginCost, ServiceLogin},
    self_test::REQUIRED_CAPABILITIES,
    state::VaultSession,
};
