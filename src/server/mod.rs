//! The three listeners and their HTTP handlers.
//!
//! `auth` serves the proxy, `api` the clients, `admin` the operators. Each rejects request targets
//! that are not in origin form, and limits what a connection may take.

mod admin;
mod api;
mod background;
#[cfg(feature = "bench")]
mod bench;
mod connection;
mod denial_log;
mod feed_link;
mod handlers;
mod http1;
mod layers;
mod listener;
mod listeners;
mod login;
mod login_address;
mod metrics_source;
mod oauth;
mod policy_drift;
mod problem;
mod readiness;
mod refused_client;
mod refused_person;
mod reload;
mod replaceable;
mod request_id;
mod run;
mod run_error;
mod service;
mod start_line;
mod target;
mod validate;
mod vault_link;

#[cfg(feature = "bench")]
pub use bench::{BenchConnection, FastPathBench};
pub use listener::{BindError, Listener};
pub use reload::ConfigReload;
pub use run::run;
pub use run_error::RunError;
