//! Vault's HTTP API: one function per endpoint and one type per response.
//!
//! A function takes the client, the token that the request is made with, and the parts of the path
//! and the body. It returns the parsed response; `None`, or an empty list, where Vault responds that
//! there is no such item.

pub(super) mod approle;
pub(super) mod audit_devices;
pub(super) mod auth_methods;
pub(super) mod cubbyhole;
pub(super) mod entity;
pub(super) mod identity;
pub(super) mod kv;
pub(super) mod login;
pub(super) mod login_auth;
pub(super) mod mounts;
pub(super) mod oidc;
pub(super) mod policies;
mod request;
pub(super) mod sys;
pub(super) mod token;
pub(super) mod token_role;
pub(super) mod transit;
pub(super) mod userpass;
