//! The three listeners: who may ask what where, and how the answers look.
//!
//! `auth` answers the proxy, `api` everybody, `admin` the operators. Each refuses what is no
//! plain request for a path, and bounds what a connection may take.

mod admin;
mod api;
mod audit;
mod auth;
mod bind;
mod connection;
mod descriptors;
mod doors;
mod hit_path;
mod inspect;
mod log_limit;
mod outer;
mod pace;
mod problem;
mod readiness;
mod request_id;
mod run;
mod target;
mod watched;

pub use bind::{BindError, Listener};
#[doc(hidden)]
pub use hit_path::{HitConnection, HitPath};
pub use run::{RunError, run};
