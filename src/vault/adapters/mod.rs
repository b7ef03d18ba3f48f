//! Implementations of the domain's traits, and the reader for `explain`.

mod call_limits;
mod explain_reader;
mod heartbeat;
mod login_backend;
mod login_input;
mod login_step;
mod refresh_store;
mod subject;
mod token_backend;
mod token_calls;
pub(super) mod token_info;

pub use self::{
    explain_reader::{ExplainReadError, ExplainReader},
    login_backend::VaultLoginBackend,
    refresh_store::VaultRefreshStore,
    token_backend::{Requester, VaultTokenBackend},
};
