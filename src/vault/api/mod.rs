//! Vault's HTTP API: one function for each endpoint, and one type for each answer.
//!
//! A function takes the client, the token that the request is sent with, and the parts of the
//! path. It returns `None`, or an empty list, where Vault answers that there is no such thing.

pub(super) mod approle;
pub(super) mod audit_devices;
pub(super) mod auth_methods;
pub(super) mod identity;
pub(super) mod kv_records;
pub(super) mod mounts;
pub(super) mod policies;
mod request;
pub(super) mod token_role;
pub(super) mod transit;
pub(super) mod userpass;
